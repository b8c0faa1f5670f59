//! The closed word lists of the contract: sources, paths, outcomes, precisions, providers, statuses, event types and delivery
//! states.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A word that is not in its list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not one of {allowed}")]
pub struct UnknownWord {
    text: String,
    allowed: String,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$vdoc])* #[serde(rename = $word)] $variant),+
        }

        impl $name {
            /// Every word, in the contract's order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The contract's word.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;
            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(UnknownWord {
                        text: text.chars().take(64).collect(),
                        allowed: [$($word),+].join(", "),
                    }),
                }
            }
        }
    };
}

words!(
    /// Where a signal came from (contract section 1).
    Source {
        /// A provider's webhook about a new relation.
        Webhook = "webhook",
        /// The relations list, read by the poller.
        Poll = "poll",
        /// A result of the sender's invite call; evidence when the provider says the two are already connected.
        AlreadyConnected = "already_connected",
        /// A message written by the prospect.
        Reply = "reply",
        /// The invite's note, seen as the first message of the chat.
        NoteEcho = "note_echo",
        /// Any SendPilot event.
        Sendpilot = "sendpilot",
        /// A profile that was asked for.
        Resync = "resync",
        /// A person, through the API or the command line.
        Manual = "manual",
    }
);

words!(
    /// What the bearer of a token may do. Each role may do all that the roles before it may.
    Role {
        /// Reads everything except the audit trail.
        Read = "read",
        /// Enrolls people, reports results of invites and sets the status of an enrollment.
        Enroll = "enroll",
        /// Resyncs, stamps, runs campaigns, replays and tests deliveries.
        Operate = "operate",
        /// Everything, including erasing a person.
        Admin = "admin",
    }
);

words!(
    /// How a signal was tied to an enrollment, strongest first (contract section 5.2).
    Path {
        /// The recorded invite names the person.
        Bridge = "bridge",
        /// The enrollment's own provider id or number.
        Direct = "direct",
        /// The number of the Sales Navigator or Recruiter id it came from.
        SalesNav = "sales_nav",
        /// The public identifier.
        Profile = "profile",
    }
);

words!(
    /// What a signal led to (contract section 5.2).
    Outcome {
        /// It wrote `accepted_at` or `replied_at`.
        Stamped = "stamped",
        /// Every enrollment it is about had been stamped before.
        AlreadyStamped = "already_stamped",
        /// No enrollment is the person, yet.
        Unmatched = "unmatched",
        /// Enrollments of several sibling accounts are the person.
        Ambiguous = "ambiguous",
        /// The provider sent an event id again.
        Duplicate = "duplicate",
        /// Not evidence.
        Ignored = "ignored",
        /// Kept, proves nothing.
        Recorded = "recorded",
    }
);

words!(
    /// How well the time of an accept is known (contract section 6).
    Precision {
        /// The provider said when it happened.
        Exact = "exact",
        /// It happened at or before this time.
        UpperBound = "upper_bound",
        /// It follows from something that needs a connection.
        Inferred = "inferred",
    }
);

words!(
    /// Through whom an account is connected.
    Provider {
        /// Unipile: the only provider that is ever called.
        Unipile = "unipile",
        /// SendPilot: webhooks only.
        Sendpilot = "sendpilot",
    }
);

words!(
    /// The life of a delivery (contract section 7).
    DeliveryState {
        /// Waits for its next attempt.
        Pending = "pending",
        /// Claimed; the request may be on the wire.
        Sending = "sending",
        /// A receiver said 2xx.
        Delivered = "delivered",
        /// Given up; visible, can be replayed.
        Dead = "dead",
        /// Waits for a person: in doubt, or its destination was removed.
        Held = "held",
    }
);

words!(
    /// The types of outgoing events (contract section 7).
    EventType {
        /// An invitation was accepted.
        InviteAccepted = "linkedin.invite_accepted",
        /// The prospect's first reply.
        ReplyReceived = "linkedin.reply_received",
        /// An account stopped working; once per outage.
        AccountDisconnected = "linkedin.account_disconnected",
        /// The next step of a campaign is due (contract section 12).
        NextStepDue = "linkedin.next_step_due",
        /// An invite stayed open longer than `notAcceptedAfter` (contract section 12).
        InviteNotAccepted = "linkedin.invite_not_accepted",
        /// A test of a destination.
        Test = "webhook.test",
    }
);

words!(
    /// What a campaign is doing; the engine owns it, acceptd mirrors it (contract section 1).
    CampaignStatus {
        /// Not started.
        Draft = "draft",
        /// Working.
        Running = "running",
        /// Stopped for now.
        Paused = "paused",
        /// Done.
        Completed = "completed",
        /// Put away.
        Archived = "archived",
    }
);

words!(
    /// Where an enrollment stands; SendPilot's words (contract section 6).
    Status {
        /// No invite is known.
        Pending = "PENDING",
        /// The invite was sent.
        ConnectionSent = "CONNECTION_SENT",
        /// The invite was accepted.
        ConnectionAccepted = "CONNECTION_ACCEPTED",
        /// A follow-up was sent.
        MessageSent = "MESSAGE_SENT",
        /// The prospect wrote back.
        ReplyReceived = "REPLY_RECEIVED",
        /// Set by a person.
        Opportunity = "OPPORTUNITY",
        /// Set by a person.
        NotInterested = "NOT_INTERESTED",
        /// Set by a person.
        Done = "DONE",
    }
);

impl CampaignStatus {
    /// Whether its enrollments are not looked for.
    #[must_use]
    pub fn is_closed(self) -> bool {
        matches!(self, Self::Draft | Self::Archived)
    }
}

impl Status {
    /// The place in the order that stamps move along; the three that people set share the last one.
    #[must_use]
    pub fn rank(self) -> u8 {
        match self {
            Self::Pending => 0,
            Self::ConnectionSent => 1,
            Self::ConnectionAccepted => 2,
            Self::MessageSent => 3,
            Self::ReplyReceived => 4,
            Self::Opportunity | Self::NotInterested | Self::Done => 5,
        }
    }

    /// Whether only an accepted enrollment may have it.
    #[must_use]
    pub fn needs_accept(self) -> bool {
        (2..=4).contains(&self.rank())
    }

    /// Whether its prospect is no longer waited for.
    #[must_use]
    pub fn is_closed(self) -> bool {
        matches!(self, Self::NotInterested | Self::Done)
    }

    /// Whether only an enrollment that was not accepted may have it.
    #[must_use]
    pub fn needs_no_accept(self) -> bool {
        self.rank() < 2
    }

    /// Where a told status moves it: forward, or from one of the three that people set to another; never back.
    #[must_use]
    pub fn told(self, other: Self) -> Self {
        if other.rank() == self.rank() {
            other
        } else {
            self.forward_to(other)
        }
    }

    /// The later of the two in the order; never moves back.
    #[must_use]
    pub fn forward_to(self, other: Self) -> Self {
        if other.rank() > self.rank() {
            other
        } else {
            self
        }
    }
}
