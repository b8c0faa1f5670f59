//! The table of routes. A route of the API can only be added with what it requires and with its description, and no handler runs
//! before the requirement is met.

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::handler::Handler;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use serde::Serialize;
use serde_json::Value;
use utoipa_axum::router::UtoipaMethodRouter;

use super::app::App;
use super::problem::Problem;
use super::{auth, body, openapi, webhooks};
use crate::domain::provider::Provider;
use crate::domain::role::Role;

/// What a route requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// A token or a session with this role or one above it.
    Role(Role),
    /// `server.metrics_token` or any token, where it is set.
    MetricsToken,
    /// The secret or signature of this provider. The head is checked first; the handler checks the signature of the body.
    Signature(Provider),
    /// Nothing. It is a page of the dashboard, and shows the log-in to a browser without a session.
    Page,
    /// Nothing. The answer reveals nothing about this installation.
    Nothing,
}

/// How the body of a request is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BodyUse {
    /// Into memory, before the handler runs.
    Whole,
    /// By the handler, piece by piece.
    Stream,
}

/// A route of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Its method.
    pub method: Method,
    /// Its path, with `{id}` for what varies.
    pub path: String,
    /// What it requires.
    pub need: Need,
}

/// A route of the API with its part of the OpenAPI document.
pub(super) struct Described {
    pub method: Method,
    pub path: String,
    /// The operation, as JSON.
    pub operation: Value,
    /// The schemas that it names.
    pub schemas: Vec<(String, Value)>,
}

/// Routes, each with what it requires.
#[derive(Default)]
pub struct Routes {
    router: Router<App>,
    table: Vec<Route>,
    described: Vec<Described>,
}

impl Routes {
    /// Adds a handler of the API, collected with `utoipa_axum::routes!`. Its `#[utoipa::path]` says where it is served, and is its
    /// part of the OpenAPI document.
    #[must_use]
    pub fn serve(self, need: Need, handler: UtoipaMethodRouter<App>) -> Self {
        self.add(need, BodyUse::Whole, handler)
    }

    /// Adds a handler of the API to which files are uploaded. It reads the body itself.
    #[must_use]
    pub fn upload(self, need: Need, handler: UtoipaMethodRouter<App>) -> Self {
        self.add(need, BodyUse::Stream, handler)
    }

    fn add(
        mut self,
        need: Need,
        body: BodyUse,
        (schemas, paths, handler): UtoipaMethodRouter<App>,
    ) -> Self {
        let guard = from_fn(move |request, next| pass(need, body, request, next));
        let schemas: Vec<_> = schemas
            .into_iter()
            .map(|(name, schema)| (name, json(&schema)))
            .collect();
        for (path, item) in paths.paths {
            let methods = [
                (Method::GET, item.get),
                (Method::POST, item.post),
                (Method::PATCH, item.patch),
                (Method::DELETE, item.delete),
            ];
            for (method, operation) in methods {
                let Some(operation) = operation else {
                    continue;
                };
                let mut operation = json(&operation);
                openapi::complete(&mut operation, need);
                self.described.push(Described {
                    method: method.clone(),
                    path: path.clone(),
                    operation,
                    schemas: schemas.clone(),
                });
                let path = path.clone();
                self.table.push(Route { method, path, need });
            }
            let handler = handler.clone().route_layer(guard.clone());
            self.router = self.router.route(&path, handler);
        }
        self
    }

    /// Adds a page of the dashboard, or one of its files. Pages are not part of the API and stand in no document.
    #[must_use]
    pub fn page<H, T>(mut self, method: MethodFilter, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        let guard = from_fn(move |request, next| pass(Need::Page, BodyUse::Whole, request, next));
        let route = on(method, handler).route_layer(guard);
        self.router = self.router.route(path, route);
        self
    }

    /// Adds all routes of another table.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.table.extend(other.table);
        self.described.extend(other.described);
        self
    }

    /// Every route of the API.
    #[must_use]
    pub fn table(&self) -> &[Route] {
        &self.table
    }

    /// The parts of the OpenAPI document.
    pub(super) fn into_described(self) -> Vec<Described> {
        self.described
    }

    /// Builds the router. A path or method that is not in the table is answered 404 or 405; below `/v1` only with a valid token.
    pub fn into_router(self) -> Router<App> {
        self.router
            .method_not_allowed_fallback(not_allowed.layer(from_fn(pass_by_path)))
            .fallback(unknown.layer(from_fn(pass_by_path)))
    }

    /// Builds the router for an address that serves nothing else. A path or method that is not in the table is answered 404 or 405,
    /// with or without a token.
    pub fn into_public_router(self) -> Router<App> {
        self.router
            .method_not_allowed_fallback(not_allowed)
            .fallback(unknown)
    }
}

fn json(part: &impl Serialize) -> Value {
    serde_json::to_value(part).unwrap_or_default()
}

/// Checks a request by its head, then reads its body, then passes it to the handler. The handler finds the [`auth::Actor`] and the
/// context for the audit trail in the request's extensions.
async fn pass(need: Need, body: BodyUse, request: Request, next: Next) -> Response {
    let Some(app) = request.extensions().get::<App>().cloned() else {
        return Problem::internal().into_response();
    };
    let (mut head, payload) = request.into_parts();
    let judged = match need {
        Need::Role(role) => match auth::admit(&app, &head).await {
            Ok(actor) => actor.may(role).map(|()| {
                let route = head.extensions.get::<MatchedPath>().cloned();
                let route = route.as_ref().map_or("", MatchedPath::as_str);
                head.extensions.insert(actor.audit(&head.method, route));
                head.extensions.insert(actor);
            }),
            Err(problem) => Err(problem),
        },
        Need::MetricsToken => auth::admit_scraper(&app, &head).await,
        Need::Signature(provider) => webhooks::judge_head(&app, provider, &mut head),
        Need::Page | Need::Nothing => Ok(()),
    };
    match judged {
        Ok(()) => {
            let request = Request::from_parts(head, payload);
            match body {
                BodyUse::Whole => body::whole(State(app), request, next).await,
                BodyUse::Stream => next.run(request).await,
            }
        }
        // The body is not read. The connection makes sure that the answer still arrives.
        Err(problem) => problem.into_response(),
    }
}

/// Checks a request for a path that is not in the table: below `/v1`, nobody without a token learns which paths exist.
async fn pass_by_path(request: Request, next: Next) -> Response {
    let need = if request.uri().path().starts_with("/v1/") {
        Need::Role(Role::Read)
    } else {
        Need::Nothing
    };
    pass(need, BodyUse::Whole, request, next).await
}

/// 404 for a path that leads nowhere.
async fn unknown(head: Parts) -> Problem {
    let path: String = head.uri.path().chars().take(200).collect();
    Problem::not_found(format!("There is nothing at {path:?}."))
}

/// 405 for a method that a path does not have.
async fn not_allowed(head: Parts) -> Problem {
    let detail = format!("{} is not possible here.", head.method);
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
}
