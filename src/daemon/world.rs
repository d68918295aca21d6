//! The real world behind the engine's ports.

use std::sync::Arc;

use crate::adapter::http::{HttpLimits, HttpSettings, HttpTransport};
use crate::adapter::inotify::Inotify;
use crate::adapter::os_dice::OsDice;
use crate::adapter::os_disk::OsDisk;
use crate::adapter::system_clock::SystemClock;
use crate::adapter::token_source::OsTokens;
use crate::config::Config;
use crate::engine::Ports;
use crate::model::event::Observer;
use crate::port::offload::Offload;

/// The adapters for a configuration; events go to `observer`.
pub fn ports(config: &Config, observer: Arc<dyn Observer>) -> Ports {
    let transport = HttpTransport::new(HttpSettings {
        proxy: config.network.proxy.clone(),
        ca_file: config.network.ca_file.clone(),
        limits: HttpLimits::default(),
    });
    Ports {
        clock: Arc::new(SystemClock::new()),
        dice: Arc::new(OsDice::new()),
        disk: Arc::new(OsDisk),
        transport: Arc::new(transport),
        watcher: Arc::new(Inotify),
        local_tokens: Arc::new(OsTokens::default()),
        offload: Offload::Pool,
        observer,
    }
}
