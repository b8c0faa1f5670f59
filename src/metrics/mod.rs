//! The metrics of the daemon and the page of `/metrics`.
//!
//! [`Metrics`] counts while the daemon works. [`Snapshot`] has what is read from the database at a scrape.
//! [`Metrics::render`] makes a page of both.

mod labels;
mod results;
mod snapshot;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus_client::encoding::{prometheus_text, text as openmetrics};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::domain::event::EventType;
use crate::domain::provider::Provider;
use crate::domain::signal::{Outcome, Path, Source};
use labels::{
    AcceptLabels, AttemptLabels, AuthFailureLabels, CallLabels, SignalLabels, SourceLabels,
    WebhookLabels,
};

pub use results::{TokenUse, WebhookResult};
pub use snapshot::{AccountCounts, OutboxCount, Snapshot, Undelivered};

/// A rendered page of metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exposition {
    /// The value of the `Content-Type` header.
    pub content_type: &'static str,
    /// The page.
    pub body: String,
}

/// Counters and histograms of one daemon. Cheap to clone; clones count together.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    accepts: Family<AcceptLabels, Counter>,
    lag: Family<SourceLabels, Histogram, fn() -> Histogram>,
    webhooks: Family<WebhookLabels, Counter>,
    signals: Family<SignalLabels, Counter>,
    calls: Family<CallLabels, Counter>,
    spacing: Histogram,
    attempts: Family<AttemptLabels, Counter>,
    batch: Histogram,
    commit: Histogram,
    commit_failures: Counter,
    connections: Gauge,
    auth_failures: Family<AuthFailureLabels, Counter>,
}

/// From a webhook that arrives within a second to a poll of an account that was unreachable for weeks.
const LAG_BUCKETS_S: [f64; 13] = [
    1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 1_800.0, 3_600.0, 10_800.0, 28_800.0, 86_400.0, 259_200.0,
    604_800.0,
];
const WAIT_BUCKETS_S: [f64; 9] = [0.1, 1.0, 5.0, 15.0, 30.0, 60.0, 90.0, 300.0, 3_600.0];
const BATCH_BUCKETS: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 1_024.0];
const COMMIT_BUCKETS_S: [f64; 12] = [
    0.000_5, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0,
];

fn lag_histogram() -> Histogram {
    Histogram::new(LAG_BUCKETS_S)
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Returns metrics that are all zero.
    #[must_use]
    pub fn new() -> Self {
        let mut inner = Inner {
            registry: Registry::with_prefix("acceptd"),
            accepts: Family::default(),
            lag: Family::new_with_constructor(lag_histogram),
            webhooks: Family::default(),
            signals: Family::default(),
            calls: Family::default(),
            spacing: Histogram::new(WAIT_BUCKETS_S),
            attempts: Family::default(),
            batch: Histogram::new(BATCH_BUCKETS),
            commit: Histogram::new(COMMIT_BUCKETS_S),
            commit_failures: Counter::default(),
            connections: Gauge::default(),
            auth_failures: Family::default(),
        };
        inner.register();
        let metrics = Self(Arc::new(inner));
        metrics.show_zeros();
        metrics
    }

    /// Counts an accept that was stamped `lag` after it happened. Call it after the commit.
    pub fn accept(&self, source: Source, path: Option<Path>, lag: Duration) {
        let source = source.as_str();
        let path = path.map_or("none", Path::as_str);
        self.0
            .accepts
            .get_or_create(&AcceptLabels { source, path })
            .inc();
        self.0
            .lag
            .get_or_create(&SourceLabels { source })
            .observe(lag.as_secs_f64());
    }

    /// Counts an answered webhook request.
    pub fn webhook(&self, provider: Provider, result: WebhookResult) {
        self.0
            .webhooks
            .get_or_create(&WebhookLabels {
                provider: provider.as_str(),
                outcome: result.as_str(),
            })
            .inc();
    }

    /// Counts a wrong token.
    pub fn auth_failure(&self, used: TokenUse) {
        let used = used.as_str();
        self.0
            .auth_failures
            .get_or_create(&AuthFailureLabels { used })
            .inc();
    }

    /// Counts a signal in the ledger.
    pub fn signal(&self, source: Source, outcome: Outcome) {
        self.0
            .signals
            .get_or_create(&SignalLabels {
                source: source.as_str(),
                outcome: outcome.as_str(),
            })
            .inc();
    }

    /// Counts a provider call that ended. `call` is what was asked for (`relations`, `profile`, `webhooks`), `result` one word of a
    /// closed list (`ok`, `rate_limited`, `disconnected`, …): both are labels, so neither may carry an id.
    pub fn provider_call(&self, call: &'static str, result: &'static str) {
        self.0
            .calls
            .get_or_create(&CallLabels { call, result })
            .inc();
    }

    /// Records how long a provider call waited for the spacing of its account.
    pub fn spacing_wait(&self, waited: Duration) {
        self.0.spacing.observe(waited.as_secs_f64());
    }

    /// Counts a delivery attempt that ended. `result` is one word of a closed list (`delivered`, `retry`, `dead`, `in_doubt`, …).
    pub fn attempt(&self, destination: &str, event: EventType, result: &'static str) {
        self.0
            .attempts
            .get_or_create(&AttemptLabels {
                destination: destination.to_owned(),
                event: event.as_str(),
                result,
            })
            .inc();
    }

    /// Records a committed batch of requests.
    pub fn commit(&self, batch: usize, took: Duration) {
        #[expect(clippy::cast_precision_loss, reason = "a batch is small")]
        self.0.batch.observe(batch as f64);
        self.0.commit.observe(took.as_secs_f64());
    }

    /// Counts a batch that could not be committed: disk full, or an I/O error.
    pub fn commit_failed(&self) {
        self.0.commit_failures.inc();
    }

    /// Counts an open connection until [`Metrics::connection_closed`].
    pub fn connection_opened(&self) {
        self.0.connections.inc();
    }

    /// Counts a closed connection.
    pub fn connection_closed(&self) {
        self.0.connections.dec();
    }

    /// Returns the page for a scrape, in the format that the scraper's `Accept` header asks for: the Prometheus text format 0.0.4, or
    /// OpenMetrics 1.0 when it is named.
    #[must_use]
    pub fn render(&self, snapshot: &Snapshot, accept: Option<&str>) -> Exposition {
        let mut gauges = Registry::with_prefix("acceptd");
        snapshot.register(&mut gauges);
        let mut page = String::with_capacity(16 * 1024);
        // Writing into a String can't fail.
        let content_type = if accept.is_some_and(|a| a.contains("application/openmetrics-text")) {
            let _ = openmetrics::encode_registry(&mut page, &self.0.registry);
            let _ = openmetrics::encode(&mut page, &gauges);
            "application/openmetrics-text; version=1.0.0; charset=utf-8"
        } else {
            let _ = prometheus_text::encode(&mut page, &self.0.registry);
            let _ = prometheus_text::encode(&mut page, &gauges);
            "text/plain; version=0.0.4; charset=utf-8"
        };
        Exposition {
            content_type,
            body: page,
        }
    }

    /// Creates the series that alerts and rates use, so that their first event is visible as an increase.
    fn show_zeros(&self) {
        for provider in [Provider::Unipile, Provider::Sendpilot] {
            for outcome in [
                "stamped",
                "unauthorized",
                "bad_body",
                "too_large",
                "unavailable",
            ] {
                let provider = provider.as_str();
                let labels = WebhookLabels { provider, outcome };
                drop(self.0.webhooks.get_or_create(&labels));
            }
        }
        for call in ["relations", "profile"] {
            for result in ["ok", "missing_credentials"] {
                drop(self.0.calls.get_or_create(&CallLabels { call, result }));
            }
        }
        for used in TokenUse::ALL {
            let used = used.as_str();
            let labels = AuthFailureLabels { used };
            drop(self.0.auth_failures.get_or_create(&labels));
        }
        for source in Source::ALL {
            let source = source.as_str();
            drop(self.0.lag.get_or_create(&SourceLabels { source }));
        }
    }
}

impl Inner {
    fn register(&mut self) {
        let r = &mut self.registry;
        r.register(
            "build",
            "The running version",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
        let started = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        r.register_with_unit(
            "start_time",
            "When the process started, in seconds since 1970",
            Unit::Seconds,
            ConstGauge::new(started.as_secs_f64()),
        );
        r.register(
            "accepts",
            "Accepts stamped, by the source of the first signal and the path that matched it to its enrollment",
            self.accepts.clone(),
        );
        r.register_with_unit(
            "detection_lag",
            "From the accept to its stamp, by source",
            Unit::Seconds,
            self.lag.clone(),
        );
        r.register(
            "webhooks",
            "Webhook requests, by provider and result",
            self.webhooks.clone(),
        );
        r.register(
            "signals",
            "Signals that reached the ledger, by source and outcome",
            self.signals.clone(),
        );
        r.register(
            "provider_calls",
            "Calls to the provider, by kind and result",
            self.calls.clone(),
        );
        r.register_with_unit(
            "provider_spacing_wait",
            "How long provider calls waited for the spacing of their account",
            Unit::Seconds,
            self.spacing.clone(),
        );
        r.register(
            "delivery_attempts",
            "Delivery attempts, by destination, event type and result",
            self.attempts.clone(),
        );
        r.register(
            "writer_batch_size",
            "Requests per transaction of the database writer",
            self.batch.clone(),
        );
        r.register_with_unit(
            "writer_commit",
            "How long transactions of the database writer took, commit included",
            Unit::Seconds,
            self.commit.clone(),
        );
        r.register(
            "writer_commit_failures",
            "Transactions that could not be committed",
            self.commit_failures.clone(),
        );
        r.register(
            "connections",
            "Open HTTP connections",
            self.connections.clone(),
        );
        r.register(
            "auth_failures",
            "Wrong tokens, by where they were used",
            self.auth_failures.clone(),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::delivery::DeliveryState;

    fn busy() -> (Metrics, Snapshot) {
        let metrics = Metrics::new();
        metrics.accept(
            Source::Webhook,
            Some(Path::Bridge),
            Duration::from_millis(2_500),
        );
        metrics.accept(Source::Manual, None, Duration::ZERO);
        metrics.webhook(Provider::Unipile, WebhookResult::Stored(Outcome::Stamped));
        metrics.webhook(Provider::Sendpilot, WebhookResult::Unauthorized);
        metrics.signal(Source::Reply, Outcome::Unmatched);
        metrics.provider_call("relations", "ok");
        metrics.spacing_wait(Duration::from_secs(61));
        metrics.attempt("a \"b\" \\c\n", EventType::InviteAccepted, "delivered");
        metrics.commit(3, Duration::from_millis(2));
        metrics.commit_failed();
        metrics.connection_opened();
        let snapshot = Snapshot {
            outbox: vec![OutboxCount {
                destination: "sales-slack".into(),
                state: DeliveryState::Held,
                count: 4,
            }],
            undelivered: vec![Undelivered {
                destination: "sales-slack".into(),
                oldest_age: Duration::from_secs(90),
            }],
            accounts: AccountCounts {
                healthy: 2,
                unhealthy: 1,
                out_of_budget: 1,
                budget_left: 150,
            },
            open_enrollments: 7,
            signals_unmatched: 1,
            database_writable: true,
        };
        (metrics, snapshot)
    }

    #[test]
    fn every_type_line_of_the_plain_format_names_its_samples() {
        let (metrics, snapshot) = busy();
        let page = metrics.render(&snapshot, None);
        assert_eq!(
            page.content_type,
            "text/plain; version=0.0.4; charset=utf-8"
        );
        for sample in page.body.lines().filter(|l| !l.starts_with('#')) {
            let name = sample.split(['{', ' ']).next().unwrap_or_default();
            let known = |name: &str| page.body.contains(&format!("# TYPE {name} "));
            let family = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|s| name.strip_suffix(s));
            assert!(known(name) || family.is_some_and(known), "{sample}");
        }
        assert!(!page.body.contains("# EOF"));
        assert!(page.body.contains("# TYPE acceptd_accepts_total counter\n"));
        assert!(
            page.body
                .contains("acceptd_accepts_total{source=\"webhook\",path=\"bridge\"} 1\n")
        );
        assert!(
            page.body.contains(
                "acceptd_outbox_deliveries{destination=\"sales-slack\",state=\"held\"} 4\n"
            )
        );
    }

    #[test]
    fn open_metrics_comes_when_it_is_asked_for() {
        let (metrics, snapshot) = busy();
        let asked = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5";
        let page = metrics.render(&snapshot, Some(asked));
        assert!(
            page.content_type
                .starts_with("application/openmetrics-text")
        );
        assert!(page.body.ends_with("# EOF\n"));
        assert!(page.body.contains("# TYPE acceptd_accepts counter\n"));
    }

    #[test]
    fn a_name_from_the_configuration_cannot_break_the_page() {
        let (metrics, snapshot) = busy();
        let page = metrics.render(&snapshot, None);
        assert!(page.body.contains("destination=\"a \\\"b\\\" \\\\c\\n\""));
    }
}
