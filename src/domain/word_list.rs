//! What the closed word lists of the domain have in common. strum derives the words themselves.

use strum::VariantArray;

/// The longest part of an unknown word that an error quotes, in characters.
const QUOTED_CHARS_MAX: usize = 64;

/// A word that is not in its list. The message names every allowed word.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not one of {allowed}")]
pub struct UnknownWord {
    text: String,
    allowed: String,
}

impl UnknownWord {
    /// The error for a text that is not a word of the list `T`.
    #[must_use]
    pub fn new<T: VariantArray + Copy + Into<&'static str>>(text: &str) -> Self {
        let allowed: Vec<&'static str> = T::VARIANTS.iter().map(|word| (*word).into()).collect();
        Self {
            text: text.chars().take(QUOTED_CHARS_MAX).collect(),
            allowed: allowed.join(", "),
        }
    }
}

/// Adds `ALL` and `as_str` to a word list, so that callers need no trait of strum in scope.
macro_rules! word_list {
    ($name:ident) => {
        impl $name {
            /// Every word, in the order of declaration.
            pub const ALL: &'static [Self] = <Self as ::strum::VariantArray>::VARIANTS;

            /// The word as it stands in JSON, in the database and in logs.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                self.into_str()
            }
        }
    };
}

pub(super) use word_list;
