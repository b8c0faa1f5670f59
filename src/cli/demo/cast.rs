//! Who is in the demo: one enrollment for every source and every path, and what has to become of each.

use crate::domain::signal::{Path, Source};
use crate::sim::{Member, ids};

/// Has its webhooks; its sibling is [`SOUTH`].
pub(super) const NORTH: &str = "acc_north";
/// A sibling of [`NORTH`], without accepts of its own.
pub(super) const SOUTH: &str = "acc_south";
/// The one whose webhooks get lost, so that it has to be polled.
pub(super) const DEAF: &str = "acc_deaf";
/// Works through SendPilot; appears with its first event.
pub(super) const PILOT: &str = "acc_pilot";

/// The accounts that the simulated provider knows.
pub(super) const ACCOUNTS: [&str; 3] = [NORTH, SOUTH, DEAF];

/// The campaign of all of them.
pub(super) const CAMPAIGN: &str = "demo";

/// The first member number; names made up from neighbours differ.
const FIRST_NUMBER: u64 = 731_204_000;

/// What the enrollment knows of its prospect when it is imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KnownBy {
    /// The address of the profile.
    ProfileUrl,
    /// The provider's id.
    ProviderId,
    /// An address of Sales Navigator.
    SalesUrl,
    /// Nothing: it is not imported, its first event enrolls it.
    Event,
}

/// One enrollment.
#[derive(Debug)]
pub(super) struct Role {
    /// Its id.
    pub id: &'static str,
    /// Its account.
    pub account: &'static str,
    /// The account that the sign of the accept comes to.
    pub sign_to: &'static str,
    /// What is known of the prospect.
    pub known_by: KnownBy,
    /// Whether the sender's invite went through the provider's API and was reported.
    pub invited: bool,
    /// The note of that invite.
    pub note: Option<&'static str>,
    /// The sign that has to win.
    pub source: Source,
    /// How it has to be tied to the enrollment.
    pub path: Option<Path>,
}

const PLAIN: Role = Role {
    id: "",
    account: NORTH,
    sign_to: NORTH,
    known_by: KnownBy::ProfileUrl,
    invited: false,
    note: None,
    source: Source::Webhook,
    path: None,
};

/// In the order in which they accept.
pub(super) const CAST: &[Role] = &[
    Role {
        id: "webhook-bridge",
        invited: true,
        path: Some(Path::Bridge),
        ..PLAIN
    },
    Role {
        id: "webhook-direct",
        known_by: KnownBy::ProviderId,
        path: Some(Path::Direct),
        ..PLAIN
    },
    Role {
        id: "webhook-sales-nav",
        known_by: KnownBy::SalesUrl,
        path: Some(Path::SalesNav),
        ..PLAIN
    },
    Role {
        id: "webhook-profile",
        path: Some(Path::Profile),
        ..PLAIN
    },
    Role {
        id: "webhook-sibling",
        account: SOUTH,
        known_by: KnownBy::ProviderId,
        path: Some(Path::Direct),
        ..PLAIN
    },
    Role {
        id: "note-echo",
        invited: true,
        note: Some("Hello! We both work on cold chains; happy to connect."),
        source: Source::NoteEcho,
        path: Some(Path::Bridge),
        ..PLAIN
    },
    Role {
        id: "reply",
        invited: true,
        source: Source::Reply,
        path: Some(Path::Bridge),
        ..PLAIN
    },
    Role {
        id: "already-connected",
        source: Source::AlreadyConnected,
        ..PLAIN
    },
    Role {
        id: "sendpilot",
        account: PILOT,
        sign_to: PILOT,
        known_by: KnownBy::Event,
        source: Source::Sendpilot,
        ..PLAIN
    },
    Role {
        id: "manual",
        source: Source::Manual,
        ..PLAIN
    },
    Role {
        id: "poll",
        account: DEAF,
        sign_to: DEAF,
        invited: true,
        source: Source::Poll,
        path: Some(Path::Bridge),
        ..PLAIN
    },
    Role {
        id: "resync",
        account: DEAF,
        sign_to: DEAF,
        invited: true,
        source: Source::Resync,
        ..PLAIN
    },
];

impl Role {
    /// The prospect. No two have one name.
    pub fn member(&self) -> Member {
        let place = CAST.iter().position(|role| role.id == self.id);
        Member::made_up(FIRST_NUMBER + place.unwrap_or_default() as u64)
    }

    /// Whether the sign comes to a sibling of its account.
    pub fn via_sibling(&self) -> bool {
        self.account != self.sign_to
    }

    /// The address of the prospect in Sales Navigator.
    pub fn sales_url(&self) -> String {
        let id = ids::sales_id(self.member().number);
        format!("https://www.linkedin.com/sales/lead/{id},NAME_SEARCH,demo")
    }

    /// What is about to happen, for a person.
    pub fn what_happens(&self) -> String {
        let name = self.member().full_name();
        match self.source {
            Source::Webhook if self.via_sibling() => {
                format!("{name} accepts; the webhook names a sibling account")
            }
            Source::Webhook => format!("{name} accepts; the provider sends new_relation"),
            Source::NoteEcho => format!("{name} accepts; the invite's note opens the chat"),
            Source::Reply => format!("{name} accepts and writes before the provider notices"),
            Source::AlreadyConnected => {
                format!("{name} is connected already; the provider refuses the invite")
            }
            Source::Sendpilot => format!("{name} accepts; SendPilot sends its signed webhook"),
            Source::Manual => format!("{name} says so on the phone; a person stamps it"),
            Source::Poll => format!("{name} accepts, the webhook is lost; the poller looks"),
            Source::Resync => format!("{name} accepts, the webhook is lost; somebody asks"),
        }
    }
}

/// The owner of an account that the simulated provider knows.
pub(super) fn owner(account: &str) -> Member {
    let place = ACCOUNTS.iter().position(|id| *id == account);
    Member::made_up(FIRST_NUMBER + (CAST.len() + place.unwrap_or_default()) as u64)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_source_and_path_is_played_and_names_differ() {
        let sources: BTreeSet<_> = CAST.iter().map(|role| role.source).collect();
        let paths: BTreeSet<_> = CAST.iter().filter_map(|role| role.path).collect();
        let names: BTreeSet<_> = CAST.iter().map(|role| role.member().full_name()).collect();
        assert_eq!(sources.len(), Source::ALL.len());
        assert_eq!(paths.len(), Path::ALL.len());
        assert_eq!(names.len(), CAST.len());
    }
}
