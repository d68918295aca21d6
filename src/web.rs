//! `[http]`: metrics, health and a status page, for programs and people of this machine.
//!
//! It only shows: nothing can be asked for here that changes anything. Invariants: no path and no text from
//! outside is a label; what is shown in the page is escaped; one slow or greedy client harms nobody.

pub mod counters;
mod exposition;
mod page;
mod serve;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use crate::report::State as Standing;
use crate::report::view::{View, Witness};

use counters::Counters;

pub use serve::{Listener, serve};

/// How long the daemon may take to say how it is; counting a large folder takes a moment.
const VIEW_DEADLINE: Duration = Duration::from_secs(8);

/// What is served.
pub struct Site {
    /// Says how the daemon is.
    pub witness: Arc<dyn Witness>,
    /// What has happened so far.
    pub counters: Arc<Counters>,
    /// Other machines may ask, under any name.
    pub allow_public: bool,
}

type Shared = State<Arc<Site>>;

fn router(site: Arc<Site>) -> Router {
    Router::new()
        .route("/", get(status_page))
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .fallback(nothing_here)
        .layer(middleware::from_fn_with_state(Arc::clone(&site), guard))
        .with_state(site)
}

/// Refuses names of other sites, and forbids the browser everything the page does not need.
async fn guard(State(site): Shared, request: Request, next: Next) -> Response {
    if !site.allow_public && !is_for_this_machine(request.headers()) {
        let words = "This address answers to numbers and to localhost only.\n";
        return (StatusCode::MISDIRECTED_REQUEST, words).into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (CACHE_CONTROL, "no-store"),
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
        ),
        (HeaderName::from_static("x-content-type-options"), "nosniff"),
        (HeaderName::from_static("referrer-policy"), "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A page of another site could give its own name this machine's address and so read what is shown here;
/// then the browser sends that name.
fn is_for_this_machine(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(HOST) else {
        return true;
    };
    let Ok(host) = host.to_str() else {
        return false;
    };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let number = name.trim_start_matches('[').trim_end_matches(']');
    name.is_empty()
        || name.eq_ignore_ascii_case("localhost")
        || number.parse::<std::net::IpAddr>().is_ok()
}

#[expect(
    clippy::disallowed_methods,
    reason = "a client waits for the answer; the engine does not see it"
)]
async fn view(site: &Site) -> Result<View, Response> {
    let looked = tokio::time::timeout(VIEW_DEADLINE, site.witness.view()).await;
    looked
        .unwrap_or_else(|_| Err("The daemon is busy with itself; try again".to_owned()))
        .map_err(|words| (StatusCode::SERVICE_UNAVAILABLE, format!("{words}\n")).into_response())
}

async fn status_page(State(site): Shared) -> Result<Response, Response> {
    let text = page::html(&view(&site).await?.status);
    Ok(([(CONTENT_TYPE, "text/html; charset=utf-8")], text).into_response())
}

async fn metrics(State(site): Shared) -> Result<Response, Response> {
    let view = view(&site).await?;
    let text = exposition::text(&site.counters, &view).map_err(|_| {
        let words = "The metrics could not be written\n";
        (StatusCode::INTERNAL_SERVER_ERROR, words).into_response()
    })?;
    Ok(([(CONTENT_TYPE, exposition::CONTENT_TYPE)], text).into_response())
}

/// The process turns its loop: that it answers is the answer.
async fn healthz() -> &'static str {
    "ok\n"
}

async fn readyz(State(site): Shared) -> Result<Response, Response> {
    let view = view(&site).await?;
    let reasons: Vec<String> = unready_folders(&view)
        .chain(unready_inboxes(&view))
        .collect();
    if reasons.is_empty() {
        return Ok("ready\n".into_response());
    }
    Err((StatusCode::SERVICE_UNAVAILABLE, reasons.join("")).into_response())
}

/// Folders that this process has not looked at as a whole yet, or that need a person. One that a person
/// paused keeps nothing from being ready.
fn unready_folders(view: &View) -> impl Iterator<Item = String> {
    view.status.folders.iter().filter_map(|folder| {
        let live = view.live.folders.iter();
        let is_scanned = live
            .filter(|live| live.name == folder.name)
            .any(|live| live.scanned);
        match folder.state {
            Standing::Paused => None,
            Standing::Blocked => Some(blocked("folder", &folder.name, folder.reason.as_deref())),
            _ if is_scanned => None,
            _ => Some(format!("folder {} has not been scanned yet\n", folder.name)),
        }
    })
}

/// Inboxes whose desk has not let this process in yet, or that need a person. An outage later on does not
/// count: it passes by itself, and a restart would not help.
fn unready_inboxes(view: &View) -> impl Iterator<Item = String> {
    view.status.inboxes.iter().filter_map(|inbox| {
        let was_connected = inbox.connected || inbox.last_poll_at.is_some();
        match inbox.state {
            Standing::Paused => None,
            Standing::Blocked => Some(blocked("inbox", &inbox.name, inbox.reason.as_deref())),
            _ if was_connected => None,
            _ => {
                let reason = inbox.reason.as_ref().map(|reason| format!(": {reason}"));
                let reason = reason.unwrap_or_default();
                Some(format!(
                    "inbox {} has not been connected yet{reason}\n",
                    inbox.name
                ))
            }
        }
    })
}

fn blocked(kind: &str, name: &str, reason: Option<&str>) -> String {
    format!("{kind} {name} is blocked: {}\n", reason.unwrap_or_default())
}

async fn nothing_here() -> (StatusCode, &'static str) {
    let words = "Nothing is here; there are /, /metrics, /healthz and /readyz.\n";
    (StatusCode::NOT_FOUND, words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_answered() {
        let is_ours = |host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_str(host).unwrap());
            is_for_this_machine(&headers)
        };
        for host in [
            "127.0.0.1:9180",
            "LOCALHOST",
            "localhost:1",
            "[::1]:80",
            "[::1]",
            "",
        ] {
            assert!(is_ours(host), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:9180",
            "127.0.0.1.evil.example",
            "localhost.x",
        ] {
            assert!(!is_ours(host), "{host}");
        }
        assert!(is_for_this_machine(&HeaderMap::new()));
    }
}
