//! The roles that tokens have. See `docs/rules/security.md`.

use serde::{Deserialize, Serialize};

use super::word_list::{UnknownWord, word_list};

/// What the bearer of a token may do. Each role may also do everything that the roles before it may.
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
#[strum(const_into_str, parse_err_ty = UnknownWord, parse_err_fn = UnknownWord::new::<Role>)]
pub enum Role {
    /// Reads everything except the audit trail.
    Read,
    /// Enrolls people, reports results of invites and sets the status of an enrollment.
    Enroll,
    /// Resyncs, stamps, runs campaigns, replays and tests deliveries.
    Operate,
    /// Everything, including erasing a person.
    Admin,
}

word_list!(Role);
