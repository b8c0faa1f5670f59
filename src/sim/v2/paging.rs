//! The parameters of pages: `limit` up to 100, and either `offset` or `cursor`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::errors::invalid;
use crate::sim::answer::Answer;
use crate::sim::server::ApiRequest;

const LIMIT_DEFAULT: usize = 20;
const LIMIT_MAX: usize = 100;

/// Where a page starts and how long it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    pub limit: usize,
    pub skip: usize,
}

/// Reads the page of a list that is paged by `offset`. `allowed` are its other parameters.
pub(super) fn by_offset(request: &ApiRequest, allowed: &[&str]) -> Result<Page, Answer> {
    only(request, &[allowed, &["limit", "offset"]].concat())?;
    Ok(Page {
        limit: limit(request)?,
        skip: number(request, "offset")?.unwrap_or(0),
    })
}

/// Reads the page of a list that is paged by `cursor`.
pub(super) fn by_cursor(request: &ApiRequest, allowed: &[&str]) -> Result<Page, Answer> {
    let Some(cursor) = request.param("cursor") else {
        only(request, &[allowed, &["limit"]].concat())?;
        return Ok(Page {
            limit: limit(request)?,
            skip: 0,
        });
    };
    // The cursor carries the query; nothing else may stand beside it.
    only(request, &["cursor", "limit", "meta_only"])?;
    let page = decode(cursor).ok_or_else(|| invalid("Invalid cursor"))?;
    match request.param("limit") {
        None => Ok(page),
        Some(_) => Ok(Page {
            limit: limit(request)?,
            ..page
        }),
    }
}

/// The cursor of the page after `page`.
pub(super) fn encode(page: &Page, items: usize) -> String {
    URL_SAFE_NO_PAD.encode(json!({"limit": page.limit, "start": page.skip + items}).to_string())
}

fn decode(cursor: &str) -> Option<Page> {
    let fields: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let number = |name: &str| usize::try_from(fields.get(name)?.as_u64()?).ok();
    Some(Page {
        limit: number("limit")?,
        skip: number("start")?,
    })
}

fn only(request: &ApiRequest, allowed: &[&str]) -> Result<(), Answer> {
    let unknown = request
        .query
        .iter()
        .find(|(name, _)| !allowed.contains(&name.as_str()));
    match unknown {
        Some((name, _)) => Err(invalid(&format!("Invalid querystring: {name}"))),
        None => Ok(()),
    }
}

fn limit(request: &ApiRequest) -> Result<usize, Answer> {
    match number(request, "limit")? {
        None => Ok(LIMIT_DEFAULT),
        Some(limit) if (1..=LIMIT_MAX).contains(&limit) => Ok(limit),
        Some(_) => Err(invalid("Invalid querystring: limit")),
    }
}

fn number(request: &ApiRequest, name: &str) -> Result<Option<usize>, Answer> {
    let number = request.param(name).map(str::parse).transpose();
    number.map_err(|_| invalid(&format!("Invalid querystring: {name}")))
}
