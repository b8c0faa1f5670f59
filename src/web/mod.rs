//! The HTTP server: webhooks, the API, the event stream, the dashboard, health and metrics.

pub mod api;
pub mod app;
pub mod auth;
mod bodies;
mod body;
pub mod dashboard;
mod eviction;
pub mod figures;
mod health;
mod input;
pub mod json;
pub mod limits;
mod log_limit;
pub mod login_link;
pub mod openapi;
pub mod page;
mod path;
mod peer;
mod places;
pub mod problem;
mod request_body;
mod route;
pub mod routes;
pub mod server;
pub mod session;
pub mod shared;
mod socket;
mod stall_timeout;
mod streams;
mod upload;
mod webhooks;

pub use app::{App, Parts};
pub use route::{api_router, router, routes as surface, webhook_router};
