//! How a request ends: with a reply, or with the connection closed on purpose.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderValue, Response, StatusCode};

/// How a request ends.
pub(super) enum Answer {
    /// With this reply.
    Reply {
        response: Response<Body>,
        /// The errcode or the object store's code, if it is a refusal.
        code: Option<String>,
    },
    /// Without a reply: a fault wants it so, or the client went away.
    Cut,
}

impl Answer {
    pub(super) fn success(response: Response<Body>) -> Self {
        Self::Reply {
            response,
            code: None,
        }
    }

    pub(super) fn refusal(response: Response<Body>, code: impl Into<String>) -> Self {
        Self::Reply {
            response,
            code: Some(code.into()),
        }
    }

    /// The same, or a cut if that is what a fault wants after the deed.
    pub(super) fn dropped_if(self, dropped: bool) -> Self {
        if dropped { Self::Cut } else { self }
    }
}

/// A reply with a text; an impossible status becomes 500.
pub(super) fn text_reply(status: u16, content_type: &'static str, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// A redirect that keeps the method.
pub(super) fn redirect(status: u16, location: &str) -> Response<Body> {
    let mut response = text_reply(status, "text/plain; charset=utf-8", String::new());
    if let Ok(location) = HeaderValue::from_bytes(location.as_bytes()) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}
