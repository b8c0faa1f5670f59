//! `GET /api/v1/users/relations`: the account's connections, newest first, in pages.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::answer::Answer;
use super::faults::Fault;
use super::server::{ApiRequest, invalid, no_account};
use super::state::{Account, Connection, CursorMode, Member, State};
use crate::domain::time::Timestamp;

const LIMIT_MAX: usize = 1_000;
const LIMIT_DEFAULT: usize = 100;

/// Where a page starts and how long it is. Sent as base64 of JSON, as the real provider does it.
struct Place {
    limit: usize,
    skip: usize,
    after: Option<u64>,
    made_at: Timestamp,
}

impl Place {
    fn encode(&self) -> String {
        STANDARD.encode(
            json!({
                "limit": self.limit, "startIndex": self.skip, "after": self.after, "madeAt": self.made_at.0,
            })
            .to_string(),
        )
    }

    fn decode(cursor: &str) -> Option<Self> {
        let fields: Value = serde_json::from_slice(&STANDARD.decode(cursor).ok()?).ok()?;
        let number = |name: &str| usize::try_from(fields.get(name)?.as_u64()?).ok();
        Some(Self {
            limit: number("limit").filter(|limit| (1..=LIMIT_MAX).contains(limit))?,
            skip: number("startIndex")?,
            after: fields.get("after").and_then(Value::as_u64),
            made_at: Timestamp(fields.get("madeAt")?.as_i64()?),
        })
    }
}

pub(super) fn list(state: &State, asked: &ApiRequest, fault: Option<&Fault>) -> Answer {
    let Some(name) = asked.param("account_id") else {
        return invalid("account_id is missing");
    };
    let Some(account) = state.accounts.get(name).filter(|account| account.on_v1) else {
        return no_account();
    };
    let place = match place(state, asked, account, fault) {
        Ok(place) => place,
        Err(answer) => return answer,
    };
    let filter = asked.param("filter").unwrap_or_default().to_lowercase();
    let mut rest = account
        .shown()
        .filter_map(|connection| Some((connection, state.members.get(&connection.member)?)))
        .filter(|(_, member)| member.full_name().to_lowercase().contains(&filter))
        .skip(place.skip);
    let page: Vec<_> = rest.by_ref().take(place.limit).collect();
    let more = rest.next().is_some();
    let endless = matches!(fault, Some(Fault::Endless));
    let cursor = (more || endless).then(|| {
        Place {
            // A list that never ends gives its last page again and again.
            skip: if more {
                place.skip + page.len()
            } else {
                place.skip
            },
            after: (state.settings.cursor_mode == CursorMode::Key)
                .then(|| page.last().map(|(connection, _)| connection.member))
                .flatten()
                .filter(|_| more),
            limit: place.limit,
            made_at: asked.now,
        }
        .encode()
    });
    let items: Vec<_> = page.into_iter().map(item).collect();
    Answer::json(
        200,
        &json!({"object": "UserRelationsList", "items": items, "cursor": cursor}),
    )
}

fn place(
    state: &State,
    asked: &ApiRequest,
    account: &Account,
    fault: Option<&Fault>,
) -> Result<Place, Answer> {
    let limit = match asked.param("limit").map(str::parse) {
        None => LIMIT_DEFAULT,
        Some(Ok(limit)) if (1..=LIMIT_MAX).contains(&limit) => limit,
        Some(_) => return Err(invalid("limit must be between 1 and 1000")),
    };
    let Some(cursor) = asked.param("cursor") else {
        return Ok(Place {
            limit,
            skip: 0,
            after: None,
            made_at: asked.now,
        });
    };
    let gone = || invalid("Invalid cursor");
    let mut place = Place::decode(cursor).ok_or_else(gone)?;
    let life = state.settings.cursor_life;
    if matches!(fault, Some(Fault::ExpiredCursor))
        || life.is_some_and(|life| asked.now.since(place.made_at) > life)
    {
        return Err(gone());
    }
    if let Some(after) = place.after {
        let position = account
            .shown()
            .position(|connection| connection.member == after);
        place.skip = position.ok_or_else(gone)? + 1;
    }
    Ok(place)
}

fn item((connection, member): (&Connection, &Member)) -> Value {
    let id = member.provider_id();
    json!({
        "object": "UserRelation",
        "first_name": member.first_name,
        "last_name": member.last_name,
        "headline": member.headline,
        "public_identifier": member.slug,
        "public_profile_url": member.profile_url(),
        "created_at": connection.created_at.0,
        "member_urn": format!("urn:li:fsd_profile:{id}"),
        "connection_urn": format!("urn:li:fsd_connection:{id}"),
        "member_id": id,
    })
}
