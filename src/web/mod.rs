//! The HTTP surface: the API, the webhook listeners, the dashboard.

pub mod api;
pub mod dashboard;
pub mod openapi;
