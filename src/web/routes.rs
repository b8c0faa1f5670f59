//! The table of routes. A route can't be added without saying what it asks for, and none is reached without it.

use axum::Router;
use axum::extract::{Request, State};
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

/// What a route asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// A token or a session with this role or one above it.
    Role(Role),
    /// `server.metrics_token` or any token, where it is set.
    MetricsToken,
    /// What this provider signs or sends along. The head is judged first; the handler checks the body's signature.
    Signature(Provider),
    /// A page of the dashboard; it shows the log-in to those who have no session.
    Page,
    /// Nothing: it says nothing about this installation.
    Nothing,
}

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Its method.
    pub method: Method,
    /// Its path, with `{id}` for what varies.
    pub path: String,
    /// What it asks for.
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

/// Routes, each with what it asks for.
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
    pub fn serve(mut self, need: Need, (schemas, paths, handler): UtoipaMethodRouter<App>) -> Self {
        let guard = from_fn(move |request, next| pass(need, request, next));
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

    /// Adds a route that is not part of the API, such as a page.
    #[must_use]
    pub fn on<H, T>(mut self, method: Method, path: &'static str, need: Need, handler: H) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        let filter = match method {
            Method::GET => MethodFilter::GET,
            Method::POST => MethodFilter::POST,
            Method::PATCH => MethodFilter::PATCH,
            Method::DELETE => MethodFilter::DELETE,
            _ => MethodFilter::PUT,
        };
        let door = from_fn(move |request, next| pass(need, request, next));
        self.router = self
            .router
            .route(path, on(filter, handler).route_layer(door));
        let path = path.to_owned();
        self.table.push(Route { method, path, need });
        self
    }

    /// Adds a route that reads.
    #[must_use]
    pub fn get<H: Handler<T, App>, T: 'static>(
        self,
        path: &'static str,
        need: Need,
        handler: H,
    ) -> Self {
        self.on(Method::GET, path, need, handler)
    }

    /// Adds a route that makes something or asks for something to be done.
    #[must_use]
    pub fn post<H: Handler<T, App>, T: 'static>(
        self,
        path: &'static str,
        need: Need,
        handler: H,
    ) -> Self {
        self.on(Method::POST, path, need, handler)
    }

    /// Puts two tables together.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.table.extend(other.table);
        self.described.extend(other.described);
        self
    }

    /// Every route.
    #[must_use]
    pub fn table(&self) -> &[Route] {
        &self.table
    }

    /// The parts of the OpenAPI document.
    pub(super) fn into_described(self) -> Vec<Described> {
        self.described
    }

    /// The router of the table. What is not in it is 404 or 405, below `/v1` only for those who have a token.
    pub fn into_router(self) -> Router<App> {
        self.router
            .method_not_allowed_fallback(not_allowed.layer(from_fn(pass_by_path)))
            .fallback(unknown.layer(from_fn(pass_by_path)))
    }

    /// The router of the table for an address that shows nothing else: what is not in the table is 404 or 405, whatever token
    /// comes with the request.
    pub fn into_public_router(self) -> Router<App> {
        self.router
            .method_not_allowed_fallback(not_allowed)
            .fallback(unknown)
    }
}

fn json(part: &impl Serialize) -> Value {
    serde_json::to_value(part).unwrap_or_default()
}

/// Judges a request by its head, then reads its body, then lets it through to the handler.
async fn pass(need: Need, request: Request, next: Next) -> Response {
    let Some(app) = request.extensions().get::<App>().cloned() else {
        return Problem::internal().into_response();
    };
    let (mut head, payload) = request.into_parts();
    let judged = match need {
        Need::Role(role) => match auth::admit(&app, &head).await {
            Ok(actor) => actor.may(role).map(|()| {
                head.extensions.insert(actor);
            }),
            Err(problem) => Err(problem),
        },
        Need::MetricsToken => auth::admit_scraper(&app, &head).await,
        Need::Signature(provider) => webhooks::judge_head(&app, provider, &mut head),
        Need::Page | Need::Nothing => Ok(()),
    };
    match judged {
        Ok(()) => body::whole(State(app), Request::from_parts(head, payload), next).await,
        // The body is not read: the socket sees to it that the answer arrives all the same.
        Err(problem) => problem.into_response(),
    }
}

/// What is in no line of the table is judged by its path: below `/v1` nobody without a token learns what there is.
async fn pass_by_path(request: Request, next: Next) -> Response {
    let need = if request.uri().path().starts_with("/v1/") {
        Need::Role(Role::Read)
    } else {
        Need::Nothing
    };
    pass(need, request, next).await
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
