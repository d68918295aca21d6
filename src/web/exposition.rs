//! `/metrics`: the counters, and gauges made from one look at the daemon.

use std::fmt;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::report::view::View;
use crate::report::{Files, State};

use super::counters::{Counters, Labels, folder_labels, of};

/// The type of the text.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Gauges = Family<Labels, Gauge<f64, AtomicU64>>;

/// The whole text.
pub(super) fn text(counters: &Counters, view: &View) -> Result<String, fmt::Error> {
    let mut text = String::new();
    encode_registry(&mut text, counters.registry())?;
    encode_registry(&mut text, &gauges(view))?;
    encode_eof(&mut text)?;
    Ok(text)
}

fn gauges(view: &View) -> Registry {
    let mut registry = Registry::with_prefix("syncd");
    let build = Info::new(vec![("version", view.status.daemon.version.clone())]);
    registry.register("build", "The running program", build);
    let mut family = |name: &str, help: &str| {
        let family = Gauges::default();
        registry.register(name, help, family.clone());
        family
    };
    let overall = family(
        "state",
        "1 for the state syncd is in as a whole, 0 for the others",
    );
    let states = family(
        "folder_state",
        "1 for the state a folder is in, 0 for the others",
    );
    let files = family(
        "files",
        "Regular files by how they are; each is in exactly one state",
    );
    let oldest = family(
        "queue_oldest_seconds",
        "How long the oldest file has waited that is still to be sent; 0 where none waits",
    );
    let last = family(
        "last_success_timestamp_seconds",
        "When a file was last acknowledged",
    );
    let expiry = family(
        "token_expiry_timestamp_seconds",
        "When the token in use runs out",
    );
    for state in State::ALL {
        let labels = vec![("state", state.as_str().to_owned())];
        set(&overall, &labels, truth(view.status.state == state));
    }
    let now = seconds(&view.status.daemon.as_of).unwrap_or_default();
    for folder in &view.status.folders {
        for state in State::ALL {
            let labels = of(&folder.name, "state", state.as_str());
            set(&states, &labels, truth(folder.state == state));
        }
        for (state, count) in counts(folder.files) {
            set(&files, &of(&folder.name, "state", state), number(count));
        }
        let labels = folder_labels(&folder.name);
        let since = folder.waiting_since.as_deref().and_then(seconds);
        set(
            &oldest,
            &labels,
            since.map_or(0.0, |since| (now - since).max(0.0)),
        );
        if let Some(at) = folder.last_success_at.as_deref().and_then(seconds) {
            set(&last, &labels, at);
        }
    }
    for account in &view.live.accounts {
        if let Some(at) = account.token_expires_at {
            let labels = vec![("account", account.name.clone())];
            set(&expiry, &labels, number(at.unsigned_abs()) / 1000.0);
        }
    }
    registry
}

fn counts(files: Files) -> [(&'static str, u64); 8] {
    [
        ("synced", files.synced),
        ("queued", files.queued),
        ("in_flight", files.in_flight),
        ("settling", files.settling),
        ("failed", files.failed),
        ("dead", files.dead),
        ("excluded", files.excluded),
        ("remote_only", files.remote_only),
    ]
}

fn set(family: &Gauges, labels: &Labels, value: f64) {
    family.get_or_create(labels).set(value);
}

fn truth(is: bool) -> f64 {
    f64::from(u8::from(is))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts and times are far below 2^53"
)]
fn number(count: u64) -> f64 {
    count as f64
}

fn seconds(at: &str) -> Option<f64> {
    let at: jiff::Timestamp = at.parse().ok()?;
    Some(number(u64::try_from(at.as_second()).ok()?))
}
