//! The services that run LinkedIn accounts.

use serde::{Deserialize, Serialize};

use super::word_list::{UnknownWord, word_list};

/// The service through which an account is connected.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[strum(const_into_str, parse_err_ty = UnknownWord, parse_err_fn = UnknownWord::new::<Provider>)]
pub enum Provider {
    /// Unipile's API v1.
    Unipile,
    /// Unipile's API v2. Accounts are being moved to it.
    UnipileV2,
    /// SendPilot. Its accounts are never called.
    Sendpilot,
}

word_list!(Provider);
