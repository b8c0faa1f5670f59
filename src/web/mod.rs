//! The HTTP surface: the API, the webhook listeners, the dashboard.
