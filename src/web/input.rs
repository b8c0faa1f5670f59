//! Requests as types: [`Body`] reads a JSON body, [`Params`] a query string. Both answer 422 with the name of the field that is wrong.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::problem::Problem;
use crate::api::read;
use crate::intake;

/// The body of a request. It is read as JSON whatever its content type is.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        // The body is in memory already: `body::whole` read it.
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "The body can't be read."))?;
        Ok(Self(read_body(&body)?))
    }
}

/// The query of a request.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self(read::from_query(query)?))
    }
}

/// Reads a body.
///
/// # Errors
/// 400 if it is not JSON; 422 with the field that can't be read.
pub fn read_body<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    Ok(read::from_json(parse(body)?)?)
}

/// Reads a body as JSON of any shape.
fn parse(body: &[u8]) -> Result<Value, Problem> {
    intake::json(body).map_err(|error| {
        // The error names the place and the kind, and quotes nothing of the body.
        Problem::new(
            StatusCode::BAD_REQUEST,
            format!("The body is not JSON: {error}."),
        )
    })
}
