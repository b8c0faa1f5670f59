//! Webhooks in: authenticate, understand, and hand over as signals.
