//! The answers of a provider, in the words of this program.

use crate::domain::ids::AccountId;
use crate::domain::signal::Person;
use crate::domain::time::Timestamp;

/// One page of the relations list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelationsPage {
    /// The relations that identify a person.
    pub items: Vec<Relation>,
    /// Where the next page starts, or `None` on the last page.
    pub cursor: Option<String>,
    /// The number of items that identify nobody. They are left out of `items`.
    pub unusable: usize,
    /// Whether the provider promises that the list is newest first. Otherwise the reader has to check the times.
    pub newest_first: bool,
}

/// One connection of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// The other person.
    pub person: Person,
    /// When the two connected, as the provider says; not checked for plausibility. `None` if it can't be read.
    pub created_at: Option<Timestamp>,
}

/// A person's profile as one account sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The person. Compare it with whom was asked for: the provider may answer with somebody else.
    pub person: Person,
    /// `FIRST_DEGREE`, `SECOND_DEGREE`, … as sent.
    pub network_distance: Option<String>,
    /// Whether the provider says that the two are connected.
    pub is_relationship: Option<bool>,
    /// When the two connected. Few profiles say it.
    pub connected_at: Option<Timestamp>,
    /// Whether an invitation of the account is pending.
    pub invitation_pending: bool,
}

impl Profile {
    /// Returns whether the profile shows that the account and the person are connected.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.network_distance.as_deref() == Some("FIRST_DEGREE")
            || self.is_relationship == Some(true)
    }
}

/// One page of the invitations that an account sent and that are still pending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentInvitationsPage {
    /// The invitations that identify a person.
    pub items: Vec<SentInvitation>,
    /// Where the next page starts, or `None` at the end of the list.
    pub cursor: Option<String>,
    /// The number of items that identify nobody. They are left out of `items`.
    pub unusable: usize,
}

/// A pending invitation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentInvitation {
    /// The provider's id of the invitation.
    pub id: Option<String>,
    /// The invited person.
    pub person: Person,
    /// When it was sent, as the provider says.
    pub sent_at: Option<Timestamp>,
}

/// Who takes part in a chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chat {
    /// Whether the chat has exactly two participants.
    pub one_to_one: bool,
    /// The other person of a chat of two, if the answer identifies one.
    pub other: Option<Person>,
}

/// One page of the provider's accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountsPage {
    /// The LinkedIn accounts.
    pub items: Vec<ListedAccount>,
    /// Where the next page starts, or `None` on the last page.
    pub cursor: Option<String>,
}

/// An account as the provider lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedAccount {
    /// The provider's id.
    pub id: AccountId,
    /// The name that the provider shows.
    pub name: Option<String>,
    /// Whether the account can be used, apart from a lock.
    pub health: ListedHealth,
    /// Whether the provider locked the account. `None` if the list does not say.
    pub locked: Option<bool>,
    /// Another id under which the same LinkedIn account is or was known.
    pub formerly: Option<AccountId>,
}

/// The health of an account as the provider lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListedHealth {
    /// It can be used.
    Healthy,
    /// It can't be used, for this reason in the provider's word.
    Unhealthy(String),
    /// The answer does not say, or in a word that is not known.
    Unknown,
}
