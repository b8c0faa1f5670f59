//! Ids in paths. They are percent-decoded, so an id may hold a `/` as `%2F`.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

use super::problem::Problem;
use crate::domain::ids::{AccountId, BadId, CampaignId, EnrollmentId};

/// The id in a path. A text that can't be an id is answered 404.
pub struct Id<T>(pub T);

/// An id that may stand in a path.
pub trait InPath: Sized {
    /// The resource it names, for "There is no …".
    const WHAT: &'static str;

    /// Reads the id; `None` if no resource can have it.
    fn read(text: &str) -> Option<Self>;
}

macro_rules! in_path {
    ($name:ty, $what:literal) => {
        impl InPath for $name {
            const WHAT: &'static str = $what;
            fn read(text: &str) -> Option<Self> {
                let id: Result<Self, BadId> = Self::parse(text);
                id.ok()
            }
        }
    };
}
in_path!(EnrollmentId, "enrollment");
in_path!(CampaignId, "campaign");
in_path!(AccountId, "account");

macro_rules! row_in_path {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        pub struct $name(pub i64);

        impl InPath for $name {
            const WHAT: &'static str = $what;
            fn read(text: &str) -> Option<Self> {
                let digits = text.bytes().all(|b| b.is_ascii_digit());
                text.parse().ok().filter(|_| digits).map(Self)
            }
        }
    };
}
row_in_path!(
    /// The id of a signal: the number of its row.
    SignalId,
    "signal"
);
row_in_path!(
    /// The id of a delivery: the number of its row.
    DeliveryId,
    "delivery"
);

/// The id of an import.
pub struct ImportId(pub String);

impl InPath for ImportId {
    const WHAT: &'static str = "import";
    fn read(text: &str) -> Option<Self> {
        let plain = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        (plain && text.len() <= 64).then(|| Self(text.to_owned()))
    }
}

impl<T: InPath, S: Send + Sync> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let missing = |id: &str| {
            let id: String = id.chars().take(300).collect();
            Problem::not_found(format!("There is no {} {id:?}.", T::WHAT))
        };
        let Path(text) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|_| missing(parts.uri.path()))?;
        T::read(&text).map(Self).ok_or_else(|| missing(&text))
    }
}
