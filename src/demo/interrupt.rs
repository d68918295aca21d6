//! Ctrl-C: the first ends the demo in order, the second at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::Signals;

use super::DemoError;

/// Whether the person wants to end.
#[derive(Debug)]
pub(super) struct Interrupt {
    asked: Arc<AtomicBool>,
}

impl Interrupt {
    /// Listens from now on.
    pub(super) fn listen() -> Result<Self, DemoError> {
        let asked = Arc::new(AtomicBool::new(false));
        for (signal, code) in [(SIGINT, 130), (SIGTERM, 143), (SIGHUP, 129)] {
            // In this order: a signal only ends the process if one came before it.
            flag::register_conditional_shutdown(signal, code, Arc::clone(&asked))
                .map_err(DemoError::Signals)?;
            flag::register(signal, Arc::clone(&asked)).map_err(DemoError::Signals)?;
        }
        Ok(Self { asked })
    }

    /// An error once somebody asked.
    pub(super) fn check(&self) -> Result<(), DemoError> {
        if self.asked.load(Ordering::Relaxed) {
            return Err(DemoError::Interrupted);
        }
        Ok(())
    }

    /// Waits until somebody asks.
    pub(super) fn wait(&self) -> Result<(), DemoError> {
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(DemoError::Signals)?;
        if self.check().is_ok() {
            let _which = signals.forever().next();
        }
        Ok(())
    }
}
