//! What every refusal looks like: RFC 9457, `application/problem+json`.

use serde::{Deserialize, Serialize};

/// A refusal or failure, in words a person can act on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// What went wrong, in a few words, the same for every occurrence of `code`.
    pub title: String,
    /// The HTTP status, repeated.
    pub status: u16,
    /// A stable name for programs, such as `busy`. It never changes its meaning; `docs/problems.md` lists all.
    pub code: String,
    /// What happened, why, and what to do, for this occurrence.
    pub detail: String,
    /// A reference that finds this occurrence in the server's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The fields at fault; empty when the whole request is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldProblem>,
}

impl Problem {
    /// A problem without fields or reference.
    pub fn new(status: u16, code: &str, title: &str, detail: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            status,
            code: code.into(),
            detail: detail.into(),
            reference: None,
            fields: Vec::new(),
        }
    }

    /// What is said about `field`, if anything.
    pub fn field(&self, field: &str) -> Option<&str> {
        self.fields.iter().find(|problem| problem.field == field).map(|problem| problem.message.as_str())
    }
}

/// What is wrong with one field of a form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldProblem {
    /// The field's name in the request.
    pub field: String,
    /// What is wrong with it and what would be right.
    pub message: String,
}
