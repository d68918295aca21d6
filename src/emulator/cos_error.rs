//! How the object store refuses: a status, a code, and both again in XML (protocol notes 4.7).

use axum::http::HeaderValue;
use quick_xml::escape::escape;

use super::answer::{Answer, text_reply};
use super::exchange::Exchange;

/// Why the object store refused.
#[derive(Debug)]
pub(super) struct CosError {
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) message: String,
}

impl CosError {
    pub(super) fn new(status: u16, code: &str, message: &str) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.to_owned(),
        }
    }

    pub(super) fn into_answer(self, exchange: &Exchange) -> Answer {
        let id = exchange.cloud.request_id();
        let resource = format!("/{}", exchange.key.as_deref().unwrap_or_default());
        let xml = format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<Error><Code>{}</Code>\
             <Message>{}</Message><Resource>{}</Resource><RequestId>{id}</RequestId>\
             <TraceId>{id}</TraceId></Error>\n",
            escape(self.code.as_str()),
            escape(self.message.as_str()),
            escape(resource.as_str()),
        );
        let mut response = text_reply(self.status, "application/xml", xml);
        if let Ok(id) = HeaderValue::from_str(&id) {
            response.headers_mut().insert("x-cos-request-id", id);
        }
        Answer::refusal(response, self.code)
    }
}
