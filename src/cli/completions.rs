//! `syncd completions`.

use clap::CommandFactory as _;

use super::args::{self, CommandLine};
use super::exit::Exit;
use super::terminal;

/// Runs the command.
pub fn run(asked: &args::Completions) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(
        asked.shell,
        &mut CommandLine::command(),
        "syncd",
        &mut script,
    );
    terminal::data(&String::from_utf8_lossy(&script));
    Exit::Done
}
