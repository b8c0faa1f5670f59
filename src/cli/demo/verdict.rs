//! What became of everybody: the table, and everything that is not as it should be.

use std::time::{Duration, Instant};

use comfy_table::{CellAlignment, Table, presets};

use super::cast::{CAST, KnownBy, Role};
use super::scenes::Signs;
use super::world::{DESTINATIONS, SPACING_S, World};
use crate::api::deliveries::Delivery;
use crate::api::enrollments::EnrollmentDetail;
use crate::api::signals::Signal;
use crate::cli::table::known;
use crate::domain::delivery;
use crate::domain::event::EventType;
use crate::domain::time::Timestamp;
use crate::sim::receiver::Received;
use crate::sim::{Call, DeliveryState, too_close};
use crate::tell::sign::signature;

/// How long the last signs and deliveries may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// How often they are looked for.
const LOOK: Duration = Duration::from_millis(50);
/// More than there can be.
const DELIVERIES_MAX: usize = 1_000;

/// What the daemon's configuration says about the pace, less what the provider may take to note the end of a call.
const SPACING: Duration = Duration::from_millis(SPACING_S * 1_000 - 100);

/// One row of the table.
struct Row {
    id: &'static str,
    source: String,
    path: String,
    stamped_after_s: Option<f64>,
    delivered_after_s: Option<f64>,
    delivered_to: Vec<&'static str>,
}

/// How the demo ended.
pub(super) struct Verdict {
    rows: Vec<Row>,
    requests: usize,
    signals: usize,
    calls: usize,
    /// One sentence for each thing that is not as it should be.
    pub problems: Vec<String>,
}

/// Waits until the provider has sent every webhook and the daemon every delivery; gives up after a while, since the verdict
/// will say what is missing.
pub(super) async fn wait_until_told(world: &World) -> anyhow::Result<()> {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        let deliveries = world.sim.deliveries();
        let sent = !deliveries.iter().any(|d| d.state == DeliveryState::Pending);
        if sent && !waits(world, "pending").await? && !waits(world, "sending").await? {
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

async fn waits(world: &World, state: &str) -> anyhow::Result<bool> {
    let query = [("state", state)];
    let (found, _) = world
        .api
        .list::<Delivery>(&["v1", "deliveries"], &query, 1)
        .await?;
    Ok(!found.is_empty())
}

/// Asks the daemon for every enrollment, and the receiver for what it got.
pub(super) async fn collect(world: &World, signs: &Signs) -> anyhow::Result<Verdict> {
    let (signals, _) = world
        .api
        .list::<Signal>(&["v1", "signals"], &[], DELIVERIES_MAX)
        .await?;
    let mut verdict = Verdict {
        rows: Vec::new(),
        requests: world.receiver.received().len(),
        signals: signals.len(),
        calls: 0,
        problems: Vec::new(),
    };
    verdict.judge_pace(world.sim.calls());
    for (name, kind) in DESTINATIONS {
        let requests = world.receiver.received_at(&format!("/{name}"));
        let forged = requests.iter().filter(|r| !is_signed(r, world)).count();
        if kind != "slack" && forged > 0 {
            verdict.problems.push(format!(
                "{name} received {forged} requests without a valid signature"
            ));
        }
    }
    for role in CAST {
        let shown: EnrollmentDetail = world.api.get(&["v1", "enrollments", role.id], &[]).await?;
        verdict.judge(role, &shown, world);
        verdict
            .rows
            .push(row(role, &shown, signs.get(role.id).copied()));
    }
    Ok(verdict)
}

fn row(role: &Role, shown: &EnrollmentDetail, sign: Option<Timestamp>) -> Row {
    let e = &shown.enrollment;
    let after = |time: Option<Timestamp>| Some((time?.0 - sign?.0) as f64 / 1_000.0);
    let accepts: Vec<&Delivery> = shown
        .deliveries
        .iter()
        .filter(|d| d.event_type == EventType::InviteAccepted)
        .filter(|d| d.state == delivery::DeliveryState::Delivered)
        .collect();
    let last = accepts.iter().filter_map(|d| d.delivered_at).max();
    Row {
        id: role.id,
        source: known(e.source),
        path: if e.via_sibling {
            format!("{}, by a sibling", known(e.path))
        } else {
            known(e.path)
        },
        stamped_after_s: after(e.detected_at),
        delivered_after_s: after(last),
        delivered_to: DESTINATIONS
            .iter()
            .map(|(name, _)| *name)
            .filter(|name| accepts.iter().any(|d| d.destination == *name))
            .collect(),
    }
}

/// Whether a request carries a Standard Webhooks signature of its own body.
fn is_signed(request: &Received, world: &World) -> bool {
    let (Some(id), Some(at), Some(signed)) = (
        request.header("webhook-id"),
        request
            .header("webhook-timestamp")
            .and_then(|at| at.parse().ok()),
        request.header("webhook-signature"),
    ) else {
        return false;
    };
    let secrets = std::slice::from_ref(&world.signing_secret);
    let body = String::from_utf8_lossy(&request.body);
    signature(secrets, id, at, &body).as_deref() == Some(signed)
}

/// Whether a request to a destination of this kind announces the accept of `role`.
fn announces(request: &Received, kind: &str, role: &Role) -> bool {
    let body = request.json();
    match kind {
        "webhook" => {
            body["type"] == "linkedin.invite_accepted" && body["data"]["enrollmentId"] == role.id
        }
        "sendpilot" => {
            body["eventType"] == "connection.accepted" && body["data"]["leadId"] == role.id
        }
        // A message for people holds no id, and no two prospects have one name.
        _ => body["text"]
            .as_str()
            .is_some_and(|text| text.contains(&display_name(role))),
    }
}

/// The name a message shows. SendPilot's events name nobody: there the profile stands in.
fn display_name(role: &Role) -> String {
    let member = role.member();
    if role.known_by == KnownBy::Event {
        member.slug
    } else {
        member.full_name()
    }
}

impl Verdict {
    /// The daemon only reads about accounts; the invites are the sender's.
    fn judge_pace(&mut self, mut calls: Vec<Call>) {
        calls.retain(|call| call.method == "GET" && call.account.is_some());
        self.calls = calls.len();
        for close in too_close(&calls, SPACING) {
            self.problems.push(format!(
                "{}: two calls were {} ms apart",
                close.account,
                close.gap.as_millis()
            ));
        }
    }

    fn judge(&mut self, role: &Role, shown: &EnrollmentDetail, world: &World) {
        let (id, e) = (role.id, &shown.enrollment);
        let none = || "none".to_owned();
        let source = e.source.map_or_else(none, |source| source.to_string());
        let path = e.path.map_or_else(none, |path| path.to_string());
        for (key, is, expected) in [
            ("source", source, role.source.to_string()),
            (
                "path",
                path,
                role.path.map_or_else(none, |path| path.to_string()),
            ),
        ] {
            if is != expected {
                self.problems
                    .push(format!("{id}: {key} is {is}, expected {expected}"));
            }
        }
        if e.accepted_at.is_none() {
            self.problems.push(format!("{id}: was not stamped"));
        }
        if e.via_sibling != role.via_sibling() {
            self.problems
                .push(format!("{id}: viaSibling is {}", e.via_sibling));
        }
        for (name, kind) in DESTINATIONS {
            let requests = world.receiver.received_at(&format!("/{name}"));
            let got = requests.iter().filter(|r| announces(r, kind, role)).count();
            if got != 1 {
                self.problems
                    .push(format!("{id}: {name} received its accept {got} times"));
            }
        }
    }

    /// For people.
    pub fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED).set_header([
            "enrollment",
            "source",
            "path",
            "accept to stamp, s",
            "accept to delivery, s",
            "delivered to",
        ]);
        let seconds = |s: Option<f64>| s.map_or_else(|| "never".to_owned(), |s| format!("{s:.3}"));
        for row in &self.rows {
            table.add_row([
                row.id.to_owned(),
                row.source.clone(),
                row.path.clone(),
                seconds(row.stamped_after_s),
                seconds(row.delivered_after_s),
                row.delivered_to.join(", "),
            ]);
        }
        for column in [3, 4] {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table
    }

    /// The whole in one sentence.
    pub fn summary(&self) -> String {
        let stamped = self
            .rows
            .iter()
            .filter(|r| r.stamped_after_s.is_some())
            .count();
        format!(
            "{stamped} of {} accepts stamped from {} signals, told in {} requests to {} destinations. \
             {} calls to the provider, at least {SPACING_S} s apart.",
            self.rows.len(),
            self.signals,
            self.requests,
            DESTINATIONS.len(),
            self.calls,
        )
    }
}
