//! The state that every handler can use.

use std::hash::Hash;
use std::ops::Deref;
use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::auth::Guesses;
use super::bodies::Bodies;
use super::limits;
use super::login_link::LoginLinks;
use super::shared::{Reuse, Shared};
use super::streams::Streams;
use crate::api::campaigns::{Campaign, CampaignList};
use crate::api::stats::Stats;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::ids::CampaignId;
use crate::import::Jobs;
use crate::intake::Intake;
use crate::intake::secret_file::SecretFile;
use crate::metrics::{Metrics, Snapshot};
use crate::poll::Plan;
use crate::reconcile::AuditedWrites;
use crate::store::{ApiStore, Error, Reader};

/// The daemon as the handlers see it. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Whole>);

struct Whole {
    parts: Parts,
    bodies: Bodies,
    streams: Streams,
    guesses: Guesses,
    login_links: LoginLinks,
    sessions_ended: watch::Sender<()>,
    imports: Jobs,
    answers: Answers,
    signing_secrets: SecretFile,
}

/// Answers that are computed once for all who ask at the same time.
#[derive(Default)]
pub struct Answers {
    /// Whether the database commits; if not, the reason.
    pub commits: Shared<(), Result<(), String>>,
    /// The figures of `/metrics`.
    pub figures: Shared<(), Arc<Snapshot>>,
    /// Pages of campaigns with their counts, by the position after which they begin and their length.
    pub campaigns: Shared<(i64, usize), Arc<CampaignList>>,
    /// One campaign with its counts.
    pub campaign: Shared<CampaignId, Campaign>,
    /// Figures for the charts, by campaign, days and the last UTC day.
    pub stats: Shared<(Option<CampaignId>, u16, i64), Stats>,
}

/// The parts of an [`App`].
pub struct Parts {
    /// The database.
    pub store: ApiStore,
    /// The changes that users and programs ask for.
    pub writes: AuditedWrites,
    /// Takes webhooks in.
    pub intake: Intake,
    /// The clock.
    pub clock: Clock,
    /// The configuration in force. A reload sends a new one.
    pub config: watch::Receiver<Arc<Config>>,
    /// The counters.
    pub metrics: Metrics,
    /// Why no account is polled although a provider is configured, for example because the key is wrong. `None` if all is well.
    pub poll_trouble: watch::Receiver<Option<String>>,
    /// The rules of polling in force. A reload sends new ones.
    pub plans: watch::Receiver<Arc<Plan>>,
    /// Ends open event streams.
    pub shutdown: CancellationToken,
}

impl App {
    /// Builds the state from its parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(Whole {
            parts,
            answers: Answers::default(),
            signing_secrets: SecretFile::default(),
            bodies: Bodies::default(),
            streams: Streams::new(limits::streams_max()),
            guesses: Guesses::default(),
            login_links: LoginLinks::default(),
            sessions_ended: watch::Sender::new(()),
            imports: Jobs::default(),
        }))
    }

    /// The imports of this process.
    #[must_use]
    pub(super) fn imports(&self) -> &Jobs {
        &self.0.imports
    }

    /// The memory for request bodies.
    #[must_use]
    pub(super) fn bodies(&self) -> &Bodies {
        &self.0.bodies
    }

    /// The open event streams.
    #[must_use]
    pub(super) fn streams(&self) -> &Streams {
        &self.0.streams
    }

    /// The signing secrets of `unipile_v2.secret_file`.
    #[must_use]
    pub(super) fn signing_secrets(&self) -> &SecretFile {
        &self.0.signing_secrets
    }

    /// The count of wrong tokens.
    #[must_use]
    pub(super) fn guesses(&self) -> &Guesses {
        &self.0.guesses
    }

    /// The links that log in.
    #[must_use]
    pub fn login_links(&self) -> &LoginLinks {
        &self.0.login_links
    }

    /// Notified when a session ends.
    #[must_use]
    pub(super) fn sessions_ended(&self) -> &watch::Sender<()> {
        &self.0.sessions_ended
    }

    /// Answers that are computed once for all who ask at the same time.
    #[must_use]
    pub fn answers(&self) -> &Answers {
        &self.0.answers
    }

    /// Returns the answer of a query that depends only on the database. It is computed once for all who ask at the same time, and again
    /// only after a commit.
    pub async fn view_once<K: Eq + Hash, V: Clone + Send + 'static>(
        &self,
        shared: &Shared<K, V>,
        key: K,
        query: impl FnOnce(&Reader<'_>) -> Result<V, Error> + Send + 'static,
    ) -> Result<V, Error> {
        let version = || self.store.commit_count();
        let compute = || async {
            let seen = version();
            (seen, self.store.view(query).await)
        };
        shared
            .get(key, Reuse::WhileUnchanged, version, compute)
            .await
    }

    /// The rules of polling in force now.
    #[must_use]
    pub fn plan(&self) -> Arc<Plan> {
        self.plans.borrow().clone()
    }

    /// The configuration in force now.
    #[must_use]
    pub fn config(&self) -> Arc<Config> {
        self.config.borrow().clone()
    }
}

impl Deref for App {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0.parts
    }
}
