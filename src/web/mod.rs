//! The HTTP surface: the webhook listeners, the API, the event stream, the dashboard, health and metrics.

pub mod api;
pub mod app;
mod arriving;
pub mod auth;
mod bodies;
mod body;
pub mod dashboard;
pub mod figures;
mod health;
pub mod json;
pub mod limits;
mod line;
mod log_limit;
pub mod login_link;
pub mod openapi;
pub mod page;
mod path;
mod patience;
mod peer;
mod places;
pub mod problem;
mod route;
pub mod routes;
pub mod server;
pub mod session;
pub mod shared;
mod socket;
mod streams;
mod webhooks;

pub use app::{App, Parts};
pub use route::{router, routes as surface};
