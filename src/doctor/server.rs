//! The server of an account: its name, its certificate, that it answers, and its clock.

use std::time::Duration;

use url::{Host, Url};

use crate::adapter::http::count_roots;
use crate::daemon::machine;
use crate::flow::{server_time, transport_fault};
use crate::model::fault::Call;
use crate::model::secret::Secret;
use crate::port::transport::{Body, Method, Peer, Reply, Request};
use crate::report::words::counted;

use super::account::{REQUEST_DEADLINE, of_fault};
use super::{Case, Finding, Verdict, in_time};

/// Clocks that differ by more than this are told.
const CLOCKS_APART_MAX: Duration = Duration::from_secs(30);
/// More of an answer to `GET /` is not read.
const PROBE_BYTES_MAX: usize = 1024 * 1024;

/// The account's name, and the origin of its API.
type Server<'a> = (&'a str, &'a str);

/// Goes on for as long as the next check has something to stand on.
pub(super) async fn check(
    case: &Case,
    server: Server<'_>,
    findings: &mut Vec<Finding>,
) -> Result<(), Finding> {
    let (name, base_url) = server;
    findings.extend(certificates(case, server)?);
    if case.config.network.proxy.is_none() {
        let resolved = in_time(("name", name), resolve(server)).await?;
        findings.push(resolved);
    }
    let reply = in_time(("connection", name), connect(case, server)).await?;
    findings.push(Finding::ok("connection", name, connection_words(base_url)));
    findings.extend(clock(case, name, &reply));
    Ok(())
}

/// A file that is of no use ends the examination of an https server: no request can be made with it.
fn certificates(case: &Case, (name, base_url): Server<'_>) -> Result<Option<Finding>, Finding> {
    let about = ("certificates", name);
    let is_https = base_url.starts_with("https://");
    if let Some(file) = &case.config.network.ca_file {
        let shown = file.display();
        return match count_roots(file) {
            Ok(count) => {
                let roots = counted(count as u64, "root");
                let saw = format!("{roots} of \"{shown}\" besides the machine's");
                Ok(Some(Finding::ok(about.0, about.1, saw)))
            }
            Err(why) => {
                let saw = format!("\"{shown}\" cannot be used: {why}");
                let advice =
                    "mend [network] ca_file: a PEM file of certificates that this user may read";
                let unusable = Finding::new(Verdict::Wrong, about, saw, advice);
                if is_https {
                    Err(unusable)
                } else {
                    Ok(Some(unusable))
                }
            }
        };
    }
    if !is_https {
        return Ok(None);
    }
    if machine::has_roots(&case.environment) {
        return Ok(Some(Finding::ok(about.0, about.1, "those of the machine")));
    }
    let advice = "install the package ca-certificates, or name a file with [network] ca_file";
    let saw = "no CA certificates are installed, so no https address can be trusted";
    Ok(Some(Finding::new(Verdict::Wrong, about, saw, advice)))
}

async fn resolve((name, base_url): Server<'_>) -> Result<Finding, Finding> {
    let about = ("name", name);
    let url = Url::parse(base_url).ok();
    let Some(Host::Domain(host)) = url.as_ref().and_then(Url::host) else {
        return Ok(Finding::ok(about.0, about.1, "its address is a number"));
    };
    let found = tokio::net::lookup_host((host, 0)).await;
    let count = found.map(Iterator::count).unwrap_or_default();
    if count > 0 {
        let saw = format!("{host} has {count} addresses");
        return Ok(Finding::ok(about.0, about.1, saw));
    }
    let saw = format!("{host} has no address");
    let advice = "look for a slip in base_url, and at the name servers in /etc/resolv.conf";
    Err(Finding::new(Verdict::Failing, about, saw, advice))
}

/// Any complete answer will do: it proves the connection, and brings the server's clock.
async fn connect(case: &Case, (name, base_url): Server<'_>) -> Result<Reply, Finding> {
    let request = Request {
        peer: Peer::Api,
        method: Method::Get,
        url: Secret::new(format!("{base_url}/")).into(),
        headers: Vec::new(),
        body: Body::Empty,
        deadline: REQUEST_DEADLINE,
        reply_bytes_max: PROBE_BYTES_MAX,
        allowed_hosts: Vec::new(),
    };
    let about = ("connection", name);
    let exchanged = case.transport.exchange(request).await;
    exchanged.map_err(|failed| of_fault(about, &transport_fault(Call::Api, &failed)))
}

fn connection_words(base_url: &str) -> String {
    let how = if base_url.starts_with("https://") {
        "answers, and its certificate is trusted"
    } else {
        "answers, without TLS, on this machine"
    };
    format!("{base_url} {how}")
}

fn clock(case: &Case, name: &str, reply: &Reply) -> Option<Finding> {
    let theirs = server_time(reply)?;
    let ours = case.clock.now();
    let apart = ours.until(theirs).max(theirs.until(ours));
    if apart <= CLOCKS_APART_MAX {
        return Some(Finding::ok("clock", name, "in step with the server's"));
    }
    let side = if ours > theirs { "ahead of" } else { "behind" };
    let saw = format!("this machine is {} s {side} the server", apart.as_secs());
    let advice = "set the clock, and keep it in time (`timedatectl set-ntp true`)";
    Some(Finding::new(Verdict::Wrong, ("clock", name), saw, advice))
}
