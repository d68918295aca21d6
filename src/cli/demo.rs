//! `syncd demo`.

use crate::demo::{self, DemoError, DemoOptions};

use super::args;
use super::context::{Failure, in_words};
use super::exit::Exit;

/// Runs the tour.
pub fn run(asked: &args::Demo) -> Result<Exit, Failure> {
    match demo::run(DemoOptions { exit: asked.exit }) {
        Ok(()) => Ok(Exit::Done),
        Err(error) => {
            let exit = match error {
                DemoError::Interrupted => Exit::Interrupted,
                _ => Exit::Unexpected,
            };
            Err(Failure::new(exit, in_words(&error)))
        }
    }
}
