//! `syncd demo`: a tour of the real program against an emulated cloud, in a temporary folder.
//!
//! The tour starts the program that it is itself, again and again, as a person would, and shows what it
//! prints. Nothing is faked but the cloud. Each step is checked; the first that does not come out as it
//! says ends the tour with an error. Nothing leaves this machine, and nothing stays behind.

#![expect(
    clippy::disallowed_methods,
    reason = "the demo plays the person: it edits files, looks at the clock, and starts programs"
)]

mod daemon;
mod error;
mod interrupt;
mod place;
mod program;
mod site;
mod story;
mod tour;

use std::io::{self, IsTerminal as _};

pub use error::DemoError;

use interrupt::Interrupt;
use place::Place;
use story::Story;
use tour::Tour;

/// How the demo runs.
#[derive(Debug, Clone, Copy)]
pub struct DemoOptions {
    /// Ends after the tour. Otherwise, on a terminal, the site is served until Ctrl-C.
    pub exit: bool,
}

/// Runs the tour.
///
/// # Errors
/// A step did not come out as it should, or the machine lacks something (no temporary folder, no port).
pub fn run(options: DemoOptions) -> Result<(), DemoError> {
    let stays = !options.exit && io::stdout().is_terminal();
    let interrupt = Interrupt::listen()?;
    let place = Place::create()?;
    let mut tour = Tour::start(&place, &interrupt, Story::to_stdout())?;
    tour.walk().map_err(|error| error.with_log(&place))?;
    if stays {
        tour.serve()?;
    }
    let mut story = tour.end()?;
    place.remove()?;
    story.say("\nThe daemon was stopped by SIGTERM and ended with 0; the folder is removed.")
}
