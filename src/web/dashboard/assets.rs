//! The dashboard's files: embedded, served under a name that changes with their content, never with anything from elsewhere.

use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::domain::role::Role;

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// Nothing but this origin: no inline script or style, no frame, no plug-in, no other host.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

macro_rules! files {
    ($($kind:ident $name:literal),+ $(,)?) => {
        &[$(($name, $kind, include_str!(concat!("assets/", $name)))),+]
    };
}

/// Name, content type, content.
const FILES: &[(&str, &str, &str)] = files![
    STYLE "style.css",
    SVG "icon.svg",
    SCRIPT "address.js",
    SCRIPT "api.js",
    SCRIPT "app.js",
    SCRIPT "chart.js",
    SCRIPT "dom.js",
    SCRIPT "format.js",
    SCRIPT "live.js",
    SCRIPT "login.js",
    SCRIPT "role.js",
    SCRIPT "ui.js",
    SCRIPT "pages/accounts.js",
    SCRIPT "pages/campaign.js",
    SCRIPT "pages/campaigns.js",
    SCRIPT "pages/deliveries.js",
    SCRIPT "pages/enrollment.js",
    SCRIPT "pages/import.js",
    SCRIPT "pages/late.js",
    SCRIPT "pages/signals.js",
];

const SHELL: &str = include_str!("assets/index.html");
const LOGIN: &str = include_str!("assets/login.html");

/// Changes when any file does, so that a file may be cached for ever.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut hash = Sha256::new();
    for (name, _, content) in FILES {
        hash.update(name);
        hash.update(content);
    }
    hex::encode(&hash.finalize()[..8])
});

/// One file; 304 when the client has it. `None` when there is none of this name and version.
#[must_use]
pub(super) fn asset(version: &str, name: &str, headers: &HeaderMap) -> Option<Response> {
    let (_, kind, content) = FILES.iter().find(|(known, _, _)| *known == name)?;
    if version != VERSION.as_str() {
        return None;
    }
    let tag = format!("\"{version}\"");
    let known = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|tags| {
            tags.split(',')
                .any(|one| one.trim().trim_start_matches("W/") == tag)
        });
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, *kind)], *content).into_response()
    };
    let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, forever);
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    Some(guarded(response))
}

/// The page that all others are drawn into. It hides what the role may not do; `session` says whether there is one that can be
/// ended.
#[must_use]
pub(super) fn shell(role: Role, session: bool) -> Response {
    let session = if session { " data-session" } else { "" };
    let marks = format!(" data-role=\"{role}\"{session}");
    page(StatusCode::OK, &SHELL.replace("{{marks}}", &marks))
}

/// The page that asks for a token. `message` is a fixed text of ours: it is put into the page as it is.
#[must_use]
pub(super) fn login(status: StatusCode, message: Option<&'static str>) -> Response {
    let message = message
        .map(|text| format!("<p class=\"notice bad\" role=\"alert\">{text}</p>"))
        .unwrap_or_default();
    page(status, &LOGIN.replace("{{message}}", &message))
}

fn page(status: StatusCode, template: &str) -> Response {
    let html = template.replace("{{assets}}", &format!("/assets/{}", VERSION.as_str()));
    let no_store = HeaderValue::from_static("no-store");
    let mut response = (status, [(header::CONTENT_TYPE, HTML)], html).into_response();
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, no_store);
    guarded(response)
}

/// The headers that keep a browser from doing anything the page does not need.
fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    );
    // Not "no-referrer": with it a browser sends `Origin: null` from our own login form.
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("same-origin"),
    );
    headers.insert(
        "cross-origin-opener-policy",
        HeaderValue::from_static("same-origin"),
    );
    headers.insert(
        "permissions-policy",
        HeaderValue::from_static("camera=(), geolocation=(), microphone=()"),
    );
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_import_and_every_link_names_a_file() {
        let known: Vec<&str> = FILES.iter().map(|(name, _, _)| *name).collect();
        for (name, kind, content) in FILES {
            if *kind != SCRIPT {
                continue;
            }
            let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
            for import in content.split("from \"").skip(1) {
                let path = import.split('"').next().unwrap_or_default();
                let target = match path.strip_prefix("../") {
                    Some(rest) => rest.to_owned(),
                    None => {
                        let file = path.trim_start_matches("./");
                        if folder.is_empty() {
                            file.to_owned()
                        } else {
                            format!("{folder}/{file}")
                        }
                    }
                };
                assert!(known.contains(&target.as_str()), "{name} imports {path}");
            }
        }
        for template in [SHELL, LOGIN] {
            for link in template.split("{{assets}}/").skip(1) {
                let name = link.split('"').next().unwrap_or_default();
                assert!(known.contains(&name), "a page links {name}");
            }
        }
    }

    #[test]
    fn nothing_becomes_markup_and_nothing_comes_from_elsewhere() {
        for (name, _, content) in FILES {
            for word in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
                "new Function",
            ] {
                assert!(!content.contains(word), "{name} has {word}");
            }
            let elsewhere = content.replace("http://www.w3.org/", "");
            assert!(
                !elsewhere.contains("http://") && !elsewhere.contains("https://"),
                "{name} names another host"
            );
        }
        for template in [SHELL, LOGIN] {
            assert!(
                !template.contains("style=")
                    && !template.contains(" onclick")
                    && !template.contains("<script>")
            );
        }
    }

    #[test]
    fn a_file_is_cached_for_ever_under_its_version() {
        let found = asset(&VERSION, "app.js", &HeaderMap::new()).map(|r| r.status());
        assert_eq!(found, Some(StatusCode::OK));
        let mut known = HeaderMap::new();
        known.insert(
            header::IF_NONE_MATCH,
            format!("\"{}\"", VERSION.as_str())
                .parse()
                .expect("a tag is plain text"),
        );
        assert_eq!(
            asset(&VERSION, "app.js", &known).map(|r| r.status()),
            Some(StatusCode::NOT_MODIFIED)
        );
        assert!(asset("old", "app.js", &HeaderMap::new()).is_none());
        assert!(asset(&VERSION, "../assets.rs", &HeaderMap::new()).is_none());
    }
}
