//! A token, asked for once: a right one begins a session, a wrong one takes its time.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::assets;
use crate::config::Config;
use crate::metrics::TokenUse;
use crate::web::app::App;
use crate::web::auth::{Actor, find, forwarded_https, peer, same_site};
use crate::web::input;
use crate::web::problem::Problem;
use crate::web::session;

const WRONG: &str = "This token is not valid.";
const USED: &str = "This link was used or is too old. Log in with a token.";

/// `POST /login` with the field `token`, as a form or as JSON. A form is answered with a page, JSON with 204 or a problem.
pub(super) async fn log_in(
    State(app): State<App>,
    head: Parts,
    body: Bytes,
) -> Result<Response, Problem> {
    let config = app.config();
    same_site(&head, &config)?;
    if config.is_open() {
        return Ok(to_the_page(StatusCode::SEE_OTHER, None));
    }
    let is_json = head
        .headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    let given = token(&body, is_json)?;
    let Some(bearer) = find(&config, &given) else {
        let peer = peer(&config, &head);
        app.guesses()
            .wrong(&app.clock, &app.metrics, TokenUse::Login, peer)
            .await;
        return if is_json {
            Err(Problem::new(StatusCode::UNAUTHORIZED, WRONG))
        } else {
            Ok(assets::login(StatusCode::UNAUTHORIZED, Some(WRONG)))
        };
    };
    let context = Actor::of_login(&config, &head, bearer).audit(&head.method, "/login");
    let cookie = session::begin(&app, context, bearer, is_https(&config, &head)).await?;
    let status = if is_json {
        StatusCode::NO_CONTENT
    } else {
        StatusCode::SEE_OTHER
    };
    Ok(to_the_page(status, Some(&cookie)))
}

/// `GET /login/{code}`: a link that logs in once.
pub(super) async fn by_link(
    State(app): State<App>,
    Path(code): Path<String>,
    head: Parts,
) -> Result<Response, Problem> {
    // A program that only looks where a link leads does not use it up.
    if head.method != Method::GET {
        return Ok(to_the_page(StatusCode::SEE_OTHER, None));
    }
    let config = app.config();
    let name = app.login_links().take(&code, &app.clock);
    let Some(bearer) = name.and_then(|name| config.bearers().find(|b| b.name == name)) else {
        return Ok(assets::login(StatusCode::UNAUTHORIZED, Some(USED)));
    };
    let context = Actor::of_login(&config, &head, bearer).audit(&head.method, "/login/{code}");
    let cookie = session::begin(&app, context, bearer, is_https(&config, &head)).await?;
    Ok(to_the_page(StatusCode::SEE_OTHER, Some(&cookie)))
}

/// `POST /logout`: the session ends, here and in the browser.
pub(super) async fn log_out(State(app): State<App>, head: Parts) -> Result<Response, Problem> {
    let config = app.config();
    same_site(&head, &config)?;
    let https = is_https(&config, &head);
    let Some((id, bearer)) = session::of_request(&app, &config, &head).await? else {
        // It is over already; the browser forgets it.
        return Ok(to_the_page(
            StatusCode::SEE_OTHER,
            Some(&session::forget(https)),
        ));
    };
    let context = Actor::of_session(&config, &head, id, bearer).audit(&head.method, "/logout");
    let cookie = session::end(&app, context, &head.headers, https).await?;
    Ok(to_the_page(StatusCode::SEE_OTHER, Some(&cookie)))
}

fn token(body: &[u8], is_json: bool) -> Result<String, Problem> {
    let found = if is_json {
        #[derive(serde::Deserialize)]
        struct LogIn {
            token: String,
        }
        Some(input::read_body::<LogIn>(body)?.token)
    } else {
        url::form_urlencoded::parse(body)
            .find(|(name, _)| name == "token")
            .map(|(_, value)| value.into_owned())
    };
    found.ok_or_else(|| Problem::invalid("token", "token is needed."))
}

/// Whether the browser speaks https, to us or to the proxy before us: then the cookie never leaves it in the clear.
fn is_https(config: &Config, head: &Parts) -> bool {
    // The browser's own word, where it gives one: a session that began over a tunnel to this machine works there.
    if let Some(origin) = head.headers.get(header::ORIGIN)
        && origin != "null"
    {
        return origin.as_bytes().starts_with(b"https://");
    }
    let server = &config.server;
    forwarded_https(config, head).unwrap_or_else(|| {
        [&server.public_url, &server.dashboard_url]
            .into_iter()
            .flatten()
            .any(|url| url.scheme() == "https")
    })
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
