//! The real world behind the engine's ports.

use std::sync::Arc;

use crate::adapter::http::{HttpLimits, HttpSettings, HttpTransport};
use crate::adapter::inbox_disk::OsInboxes;
use crate::adapter::inotify::Inotify;
use crate::adapter::os_dice::OsDice;
use crate::adapter::os_disk::OsDisk;
use crate::adapter::programs::OsPrograms;
use crate::adapter::system_clock::SystemClock;
use crate::adapter::token_source::OsTokens;
use crate::config::Config;
use crate::engine::{Ports, Settings};
use crate::model::event::Observer;
use crate::port::offload::Offload;

/// The way to the network under a configuration.
pub fn transport(config: &Config) -> HttpTransport {
    HttpTransport::new(HttpSettings {
        proxy: config.network.proxy.clone(),
        ca_file: config.network.ca_file.clone(),
        limits: HttpLimits::default(),
    })
}

/// The adapters for a configuration; events go to `observer`.
pub fn ports(config: &Config, observer: Arc<dyn Observer>) -> Ports {
    Ports {
        clock: Arc::new(SystemClock::new()),
        dice: Arc::new(OsDice::new()),
        disk: Arc::new(OsDisk),
        transport: Arc::new(transport(config)),
        watcher: Arc::new(Inotify),
        local_tokens: Arc::new(OsTokens::default()),
        inboxes: Arc::new(OsInboxes),
        programs: Arc::new(OsPrograms),
        offload: Offload::Pool,
        observer,
    }
}

/// What the engine works on by a configuration.
pub fn settings(config: &Config) -> Settings {
    Settings {
        folders: config.folders.clone(),
        accounts: config.accounts.clone(),
        desks: config.desks.clone(),
        inboxes: config.inboxes.clone(),
        attempts_max: config.limits.attempts,
        memory_bytes: config.limits.memory_bytes,
    }
}
