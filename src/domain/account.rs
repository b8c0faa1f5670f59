//! What providers report about the health of an account.

/// A report of a provider about an account.
///
/// The status and the lock of an account are independent. An account is healthy if its status is good and it is not locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountReport {
    /// The status is good.
    Works,
    /// The status is bad.
    Failed,
    /// The provider locked the account.
    Locked,
    /// The provider ended the lock.
    Unlocked,
    /// The report changes nothing.
    NoChange,
}
