//! An answer of the simulated provider, and how it goes over the wire: at once, late, in pieces, or cut.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Response, StatusCode, header};
use futures_util::stream;
use serde_json::{Value, json};

use super::server::Under;
use crate::clock::Clock;

/// What is answered, and what is done to it.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    pub before_head: Duration,
    pub inside_body: Duration,
    pub cut_head: bool,
    pub cut_body: bool,
}

impl Answer {
    pub fn json(status: u16, body: &Value) -> Self {
        Self::text(status, "application/json; charset=utf-8", &body.to_string())
    }

    pub fn text(status: u16, content_type: &str, body: &str) -> Self {
        Self {
            status,
            headers: vec![("content-type".to_owned(), content_type.to_owned())],
            body: body.as_bytes().to_vec(),
            before_head: Duration::ZERO,
            inside_body: Duration::ZERO,
            cut_head: false,
            cut_body: false,
        }
    }

    /// An error body as the provider writes them; `kind` without its prefix.
    pub fn error(status: u16, kind: &str, detail: &str) -> Self {
        let mut title = kind.replace('_', " ");
        if let Some(first) = title.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        Self::json(
            status,
            &json!({
                "title": title,
                "detail": detail,
                "instance": "",
                "type": format!("errors/{kind}"),
                "status": status,
            }),
        )
    }

    pub fn redirect(place: &str) -> Self {
        Self::text(301, "text/plain", "").header("location", place)
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The answer on its way. `under` notes the end of the call as soon as the last of it has been handed over, which is
    /// before the caller can have read it.
    pub async fn send(self, clock: Clock, mut under: Under) -> Response<Body> {
        under.hold(&clock, self.before_head).await;
        if self.cut_head {
            return cut(under);
        }
        under.answered(self.status);
        let whole = Bytes::from(self.body);
        let half = whole.len() / 2;
        let mut pieces = vec![];
        if self.cut_body || !self.inside_body.is_zero() {
            pieces.push((Duration::ZERO, Some(whole.slice(..half))));
            let rest = (!self.cut_body).then(|| whole.slice(half..));
            pieces.push((self.inside_body, rest));
        } else {
            pieces.push((Duration::ZERO, Some(whole.clone())));
        }
        pieces.reverse();
        let body = stream::unfold(
            (pieces, under, clock),
            |(mut pieces, mut under, clock)| async {
                let (wait, piece) = pieces.pop()?;
                under.hold(&clock, wait).await;
                if pieces.is_empty() {
                    under.ended();
                }
                let piece = piece.ok_or_else(|| std::io::Error::other("cut"));
                Some((piece, (pieces, under, clock)))
            },
        );
        let mut response = Response::builder()
            .status(StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK))
            .header(header::CONTENT_LENGTH, whole.len());
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        response
            .body(Body::from_stream(body))
            .unwrap_or_else(|_| Response::new(Body::from("a header that can't be sent")))
    }
}

/// Promises a body and breaks off before the first byte of it. The head may or may not get out before the connection is gone.
fn cut(under: Under) -> Response<Body> {
    let body = stream::once(async move {
        drop(under);
        Err::<Bytes, _>(std::io::Error::other("cut"))
    });
    let mut response = Response::new(Body::from_stream(body));
    response.headers_mut().insert(
        header::CONTENT_LENGTH,
        header::HeaderValue::from_static("1"),
    );
    response
}
