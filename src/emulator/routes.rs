//! Which host and call a request is for. Another cloud joins here.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, Response, header};

use super::answer::{Answer, text_reply};
use super::clock::http_date;
use super::cloud::Cloud;
use super::connection::Connection;
use super::exchange::Exchange;
use super::faults::Call;
use super::record::HostKind;
use super::{api, ccmessaging, cos, site};

/// A client that comes here followed a redirect, or a link in an answer, that it should not have
/// followed.
pub(super) const REDIRECT_TRAP: &str = "/redirected";

/// What one listener plays.
#[derive(Clone)]
pub(super) enum Role {
    /// The API; the object store too, if it has no listener of its own.
    Api,
    /// The object store.
    Cos,
    /// The deployed site of this environment.
    Site(Arc<str>),
}

#[derive(Clone)]
struct Host {
    cloud: Arc<Cloud>,
    role: Role,
}

/// The service of one listener.
pub(super) fn router(cloud: Arc<Cloud>, role: Role) -> Router {
    Router::new()
        .fallback(answer)
        .with_state(Host { cloud, role })
}

async fn answer(
    State(Host { cloud, role }): State<Host>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    request: Request,
) -> Response<Body> {
    let path = request.uri().path();
    let (host, call) = match &role {
        Role::Site(_) => (HostKind::Site, Call::Site),
        Role::Cos => (HostKind::Cos, cos::call_of(request.method())),
        Role::Api if path.starts_with("/cos/") && !cloud.options.separate_cos => {
            (HostKind::Cos, cos::call_of(request.method()))
        }
        Role::Api if ccmessaging::is_control(path) => {
            return ccmessaging::control(&cloud, request).await;
        }
        Role::Api if ccmessaging::plays(path) => (HostKind::Desk, ccmessaging::call_of(path)),
        Role::Api => (HostKind::Api, api::call_of(path)),
    };
    let is_trapped = path.starts_with(REDIRECT_TRAP) && host != HostKind::Site;
    let date = http_date(cloud.clock.now_ms());
    let mut exchange = Exchange::new(cloud, host, call, request, connection);
    let answer = match (&role, host) {
        _ if is_trapped => {
            exchange.violate("followed a redirect or a link that leads away");
            exchange.drain().await;
            let text = "nothing here\n".to_owned();
            Answer::refusal(text_reply(404, "text/plain", text), "redirected")
        }
        (Role::Site(environment), _) => site::answer(&mut exchange, environment),
        (_, HostKind::Cos) => cos::answer(&mut exchange).await,
        (_, HostKind::Desk) => ccmessaging::answer(&mut exchange).await,
        (_, HostKind::Api | HostKind::Site) => api::answer(&mut exchange).await,
    };
    let mut response = exchange.finish(answer);
    if let Ok(date) = HeaderValue::from_str(&date) {
        response.headers_mut().insert(header::DATE, date);
    }
    response
}
