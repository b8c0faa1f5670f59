//! Input that cannot be used.

/// Input that cannot be used, with the field that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{detail}", field.as_deref().map(|f| format!("{f}: ")).unwrap_or_default())]
pub struct BadInput {
    /// The field as a dotted path, for example `data.leadId`. `None` if the body as a whole is wrong.
    pub field: Option<String>,
    /// One sentence that says what is wrong. It never quotes a secret or the text of a message.
    pub detail: String,
}

impl BadInput {
    /// Reports that the body as a whole is wrong.
    pub fn body(detail: impl Into<String>) -> Self {
        Self {
            field: None,
            detail: detail.into(),
        }
    }

    /// Reports that one field is wrong.
    pub fn field(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            field: Some(field.into()),
            detail: detail.into(),
        }
    }
}
