//! `syncd emulate`.

use crate::daemon::current_thread;
use crate::daemon::signals;
use crate::emulator::serve::{self, EmulateError, EmulateOptions};

use super::args;
use super::context::{Failure, in_words};
use super::exit::Exit;

/// Runs until a signal asks to end.
pub fn run(asked: args::Emulate) -> Result<Exit, Failure> {
    let mut signals = signals::listen().map_err(|error| {
        Failure::new(Exit::Unexpected, format!("Could not take signals: {error}"))
    })?;
    let runtime = current_thread()?;
    let wait = || {
        runtime.block_on(async {
            while let Some(signal) = signals.recv().await {
                if signal.ends() {
                    return;
                }
            }
        });
    };
    let options = EmulateOptions {
        listen: asked.listen,
        faults: asked.faults,
        root: None,
    };
    match serve::run(options, &mut std::io::stdout(), wait) {
        Ok(()) => Ok(Exit::Done),
        Err(error) => {
            let exit = match error {
                EmulateError::ParseScript { .. } => Exit::Usage,
                _ => Exit::Unexpected,
            };
            Err(Failure::new(exit, in_words(&error)))
        }
    }
}
