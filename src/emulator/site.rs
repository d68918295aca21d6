//! The deployed site, as a visitor's browser gets it.

use axum::http::{Method, StatusCode};
use percent_encoding::percent_decode_str;

use super::answer::{Answer, redirect, text_reply};
use super::cos::download;
use super::exchange::Exchange;
use super::objects::Space;

const HTML: &str = "text/html; charset=utf-8";

/// Answers a visitor: the object, the index of a directory, or a page that says there is nothing.
pub(super) fn answer(exchange: &mut Exchange, environment: &str) -> Answer {
    if !matches!(exchange.head.method, Method::GET | Method::HEAD) {
        let reply = text_reply(405, HTML, page("This site can only be read"));
        return Answer::refusal(reply, "MethodNotAllowed");
    }
    let path = exchange.head.uri.path();
    let key = percent_decode_str(path.trim_start_matches('/')).decode_utf8_lossy();
    let mut key = key.into_owned();
    if key.is_empty() || key.ends_with('/') {
        key.push_str("index.html");
    }
    exchange.key = Some(key.clone());
    let found = |key: &str| exchange.cloud.object((Space::Website, environment), key);
    if let Some(object) = found(&key) {
        return match download(&object) {
            Some(response) => Answer::success(response),
            None => Answer::refusal(
                text_reply(500, HTML, page("Only the checksums of this file were kept")),
                "forgotten",
            ),
        };
    }
    if found(&format!("{key}/index.html")).is_some() {
        // A relative link on the index only works below the directory's own address.
        return Answer::success(redirect(301, &format!("{path}/")));
    }
    let own = found("404.html").and_then(|object| download(&object));
    let mut response = own.unwrap_or_else(|| text_reply(404, HTML, page("Nothing here yet")));
    *response.status_mut() = StatusCode::NOT_FOUND;
    Answer::refusal(response, "not found")
}

fn page(text: &str) -> String {
    format!(
        "<!doctype html><meta charset=\"utf-8\"><title>{text}</title>\
         <body style=\"font-family:sans-serif;margin:4em\"><h1>{text}</h1>\
         <p>syncd's emulator serves what was deployed to it.</p>\n"
    )
}
