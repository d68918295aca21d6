//! Signals, as messages: one thread takes them and hands them to the main loop.

use std::io;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator::Signals;
use tokio::sync::mpsc;

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM.
    Terminate,
    /// SIGINT.
    Interrupt,
    /// SIGHUP: read the configuration again.
    Reload,
    /// SIGUSR1: full scan.
    Scan,
}

impl Signal {
    /// Whether it asks to end.
    pub fn ends(self) -> bool {
        matches!(self, Self::Terminate | Self::Interrupt)
    }
}

/// Takes the signals of this process from now on.
///
/// # Errors
/// The system does not let this process take them.
pub fn listen() -> io::Result<mpsc::UnboundedReceiver<Signal>> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP, SIGUSR1])?;
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            for number in signals.forever() {
                let signal = match number {
                    SIGTERM => Signal::Terminate,
                    SIGINT => Signal::Interrupt,
                    SIGHUP => Signal::Reload,
                    _ => Signal::Scan,
                };
                if sender.send(signal).is_err() {
                    return;
                }
            }
        })?;
    Ok(receiver)
}
