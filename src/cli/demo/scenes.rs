//! The scenes: every accept happens at the simulated provider and is seen by the daemon as in real life.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::cast::{CAMPAIGN, CAST, KnownBy, Role};
use super::narrator::Narrator;
use super::world::World;
use crate::api::campaigns::Campaign;
use crate::api::enrollments::{Enrollment, UpsertResult};
use crate::api::resyncs::ResyncAccepted;
use crate::domain::signal::Source;
use crate::domain::time::Timestamp;

/// How long a stamp may take; a lost webhook waits for the next poll.
const PATIENCE: Duration = Duration::from_secs(12);
/// How often it is looked for.
const LOOK: Duration = Duration::from_millis(20);
/// How long the provider takes to notice an accept of which another sign is faster.
const SLOW_PROVIDER: Duration = Duration::from_secs(1);
/// How long ago invites went out that did not go through the provider's API.
const INVITED_AGO: Duration = Duration::from_secs(3 * 24 * 3600);

/// When the sign of each accept was given, by enrollment.
pub(super) type Signs = HashMap<&'static str, Timestamp>;

/// Imports the cast, invites, and plays every scene. A stamp that does not come ends no other scene: the verdict names it.
pub(super) async fn play(world: &World, narrator: &Narrator) -> anyhow::Result<Signs> {
    narrator.begin("Importing prospects and sending invites");
    let campaign = json!({"id": CAMPAIGN, "name": "The demo"});
    let rows: Vec<Value> = CAST.iter().filter_map(|role| row(role, world)).collect();
    let _: Campaign = world.api.post(&["v1", "campaigns"], &campaign).await?;
    let answer: UpsertResult = world.api.post(&["v1", "enrollments"], &rows).await?;
    ensure!(answer.failed == 0, "rows were refused: {answer:?}");
    for role in CAST {
        world.sim.add_member(role.member());
        if role.invited {
            invite(role, world).await?;
        }
    }
    let mut signs = Signs::new();
    for role in CAST {
        narrator.begin(&role.what_happens());
        let began = Instant::now();
        signs.insert(role.id, world.clock.now());
        sign(role, world)
            .await
            .with_context(|| format!("the scene {:?} broke off", role.id))?;
        let seen = if wait_for_stamp(role.id, world).await? {
            format!("stamped after {:.2} s", began.elapsed().as_secs_f64())
        } else {
            format!("NOT stamped within {} s", PATIENCE.as_secs())
        };
        narrator.done(&format!("  {}: {seen}", role.id));
    }
    narrator.begin("Waiting until everything is told");
    Ok(signs)
}

/// The row of the import; none for who is enrolled by an event.
fn row(role: &Role, world: &World) -> Option<Value> {
    let member = role.member();
    let mut row = json!({
        "id": role.id, "accountId": role.account, "campaignId": CAMPAIGN, "name": member.full_name(),
    });
    match role.known_by {
        KnownBy::ProfileUrl => row["linkedinUrl"] = member.profile_url().into(),
        KnownBy::ProviderId => row["providerId"] = member.provider_id().into(),
        KnownBy::SalesUrl => row["linkedinUrl"] = role.sales_url().into(),
        KnownBy::Event => return None,
    }
    // With an invite time, a provider id in the same row would be the invite's: path `bridge`.
    if !role.invited && role.known_by != KnownBy::ProviderId && role.source == Source::Webhook {
        row["invitedAt"] = world.clock.now().minus(INVITED_AGO).rfc3339().into();
    }
    Some(row)
}

/// The sender invites through the provider, and reports what it was answered, word for word.
async fn invite(role: &Role, world: &World) -> anyhow::Result<()> {
    let provider_id = role.member().provider_id();
    let mut body = json!({"account_id": role.account, "provider_id": provider_id});
    if let Some(note) = role.note {
        body["message"] = note.into();
    }
    let (status, response) = world.invite(&body).await?;
    let report = json!({
        "enrollmentId": role.id, "providerId": provider_id, "note": role.note, "httpStatus": status, "response": response,
    });
    let _: Enrollment = world.api.post(&["v1", "invite-results"], &report).await?;
    Ok(())
}

/// Gives the sign.
async fn sign(role: &Role, world: &World) -> anyhow::Result<()> {
    let sim = &world.sim;
    let (account, member, now) = (role.sign_to, role.member(), world.clock.now());
    let noticed_after = match role.source {
        Source::NoteEcho | Source::Reply => SLOW_PROVIDER,
        _ => Duration::ZERO,
    };
    sim.set(|settings| settings.relation_webhook_after = noticed_after);
    match role.source {
        Source::Webhook | Source::NoteEcho => sim.accept(account, member.number, now),
        Source::Reply => {
            sim.accept(account, member.number, now);
            sim.reply(
                account,
                member.number,
                "Thanks for the invitation! Call me on Monday.",
            );
        }
        Source::AlreadyConnected => {
            sim.add_connections(account, [(member, now.minus(INVITED_AGO))]);
            invite(role, world).await?;
        }
        Source::Sendpilot => {
            for event in ["connection.sent", "connection.accepted"] {
                sendpilot(event, role, world).await?;
            }
        }
        Source::Manual => {
            let body = json!({"reason": "Said on the phone that the invitation is accepted."});
            world
                .api
                .post::<Enrollment>(&["v1", "enrollments", role.id, "stamp"], &body)
                .await?;
        }
        Source::Poll | Source::Resync => {
            sim.drop_webhooks(true);
            sim.accept(account, member.number, now);
            sim.drop_webhooks(false);
            if role.source == Source::Resync {
                world
                    .api
                    .post::<ResyncAccepted>(&["v1", "enrollments", role.id, "resync"], &json!({}))
                    .await?;
            }
        }
    }
    Ok(())
}

/// SendPilot's webhook, signed as SendPilot signs.
async fn sendpilot(event: &str, role: &Role, world: &World) -> anyhow::Result<()> {
    let now = world.clock.now();
    let body = json!({
        "eventId": format!("evt_{event}_{}", now.0),
        "eventType": event,
        "timestamp": now.rfc3339(),
        "workspaceId": "ws_demo",
        "data": {
            "leadId": role.id, "campaignId": CAMPAIGN, "linkedinUrl": role.member().profile_url(),
            "senderId": role.account, "acceptedAt": now.rfc3339(),
        },
    })
    .to_string();
    let seconds = now.0 / 1_000;
    let mut mac = Hmac::<Sha256>::new_from_slice(world.sendpilot_secret.as_bytes())
        .context("an HMAC takes a key of any length")?;
    mac.update(format!("{seconds}.{body}").as_bytes());
    let signature = hex::encode(mac.finalize().into_bytes());
    let answer = world
        .http
        .post(world.daemon_url("/webhooks/sendpilot"))
        .header("Webhook-Signature", format!("t={seconds},s={signature}"))
        .body(body)
        .send()
        .await?;
    if answer.status() != 200 {
        bail!(
            "the daemon answered {} to SendPilot's {event}",
            answer.status()
        );
    }
    Ok(())
}

async fn wait_for_stamp(id: &str, world: &World) -> anyhow::Result<bool> {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        let enrollment: Enrollment = world.api.get(&["v1", "enrollments", id], &[]).await?;
        if enrollment.accepted_at.is_some() {
            return Ok(true);
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(false)
}
