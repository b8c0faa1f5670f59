//! The state of a delivery.

use serde::{Deserialize, Serialize};

use super::word_list::{UnknownWord, word_list};

/// The state of one event on its way to one destination. See `docs/rules/deliveries.md`.
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
#[strum(const_into_str, parse_err_ty = UnknownWord, parse_err_fn = UnknownWord::new::<DeliveryState>)]
pub enum DeliveryState {
    /// It waits for its next attempt.
    Pending,
    /// It is claimed, and its request may be on the wire.
    Sending,
    /// The receiver answered 2xx.
    Delivered,
    /// Every attempt failed. It stays visible and can be replayed.
    Dead,
    /// It waits for a person, because it is in doubt or its destination was removed.
    Held,
}

word_list!(DeliveryState);
