//! The admin token, asked for once: a right one begins a session, a wrong one takes its time.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;

use super::assets;
use crate::web::app::App;
use crate::web::auth::{Asked, loopback_host, same_site};
use crate::web::json;
use crate::web::problem::Problem;
use crate::web::session;

/// How long a wrong token takes.
const WRONG_TAKES: Duration = Duration::from_millis(500);
/// How many tokens are judged at a time; with [`WRONG_TAKES`] this bounds the guesses a second, whoever makes them.
static TURNS: Semaphore = Semaphore::const_new(8);

const WRONG: &str = "That is not the admin token.";
const BUSY: &str = "Too many attempts at once: wait a moment and try again.";

/// `POST /login` with the field `token`, as a form or as JSON. A form is answered with a page, JSON with 204 or a problem.
pub(super) async fn log_in(
    State(app): State<App>,
    method: Method,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let config = app.config();
    let asked = Asked {
        method: &method,
        uri: &uri,
        headers: &headers,
    };
    same_site(&asked, config.server.public_url.as_ref())?;
    if !config.server.admin_token.is_set() {
        loopback_host(&asked)?;
        return Ok(to_the_page(StatusCode::SEE_OTHER, None));
    }
    let is_json = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    let given = token(&body, is_json)?;
    let refused = |status, text| {
        if is_json {
            Err(Problem::new(status, text))
        } else {
            Ok(assets::login(status, Some(text)))
        }
    };
    let Ok(_turn) = TURNS.try_acquire() else {
        return refused(StatusCode::TOO_MANY_REQUESTS, BUSY);
    };
    let expected = config.server.admin_token.expose();
    if !session::same_secret(&given, expected) {
        tracing::warn!("somebody tried to log in with a wrong token");
        tokio::time::sleep(WRONG_TAKES).await;
        return refused(StatusCode::UNAUTHORIZED, WRONG);
    }
    let cookie = session::begin(expected, app.clock.now(), is_https(&headers));
    let status = if is_json {
        StatusCode::NO_CONTENT
    } else {
        StatusCode::SEE_OTHER
    };
    Ok(to_the_page(status, Some(&cookie)))
}

/// `POST /logout`: the browser forgets the session.
pub(super) async fn log_out(
    State(app): State<App>,
    method: Method,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let asked = Asked {
        method: &method,
        uri: &uri,
        headers: &headers,
    };
    same_site(&asked, app.config().server.public_url.as_ref())?;
    let cookie = session::end(is_https(&headers));
    Ok(to_the_page(StatusCode::SEE_OTHER, Some(&cookie)))
}

fn token(body: &[u8], is_json: bool) -> Result<String, Problem> {
    let found = if is_json {
        json::object(body)?
            .value("token")
            .and_then(|value| value.as_str())
            .map(str::to_owned)
    } else {
        url::form_urlencoded::parse(body)
            .find(|(name, _)| name == "token")
            .map(|(_, value)| value.into_owned())
    };
    found.ok_or_else(|| Problem::invalid("token", "token is needed."))
}

/// Whether the browser speaks https, to us or to the proxy before us: then the cookie never leaves it in the clear.
fn is_https(headers: &HeaderMap) -> bool {
    let starts = |name: &str, text: &[u8]| {
        headers
            .get(name)
            .is_some_and(|value| value.as_bytes().starts_with(text))
    };
    starts("origin", b"https://") || starts("x-forwarded-proto", b"https")
}

fn to_the_page(status: StatusCode, cookie: Option<&str>) -> Response {
    let mut response = (status, [(header::CACHE_CONTROL, "no-store")]).into_response();
    let headers = response.headers_mut();
    if status.is_redirection() {
        headers.insert(header::LOCATION, HeaderValue::from_static("/"));
    }
    if let Some(cookie) = cookie.and_then(|text| HeaderValue::from_str(text).ok()) {
        headers.insert(header::SET_COOKIE, cookie);
    }
    response
}
