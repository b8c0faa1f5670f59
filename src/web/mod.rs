//! The HTTP surface: the webhook listeners, the API, the event stream, the dashboard, health and metrics.

pub mod api;
pub mod app;
pub mod auth;
mod body;
pub mod dashboard;
mod health;
pub mod json;
pub mod limits;
pub mod openapi;
pub mod page;
mod path;
mod patience;
pub mod problem;
mod route;
pub mod server;
pub mod session;
mod webhooks;

pub use app::{App, Parts};
pub use route::router;
