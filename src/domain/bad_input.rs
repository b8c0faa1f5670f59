//! Input that cannot be used.

/// A body that can't be used: what is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{detail}", field.as_deref().map(|f| format!("{f}: ")).unwrap_or_default())]
pub struct BadInput {
    /// The field, as a dotted path (`data.leadId`); `None` when the body as a whole is wrong.
    pub field: Option<String>,
    /// One sentence for a person. Never quotes a secret or the text of a message.
    pub detail: String,
}

impl BadInput {
    /// The body as a whole is wrong.
    pub fn body(detail: impl Into<String>) -> Self {
        Self {
            field: None,
            detail: detail.into(),
        }
    }

    /// One field is wrong.
    pub fn field(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            field: Some(field.into()),
            detail: detail.into(),
        }
    }
}
