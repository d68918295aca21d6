//! What a person types. Each command reads facts, prints a report, or asks the daemon; none decides.

pub mod args;
pub mod completions;
pub mod config;
pub mod context;
pub mod demo;
pub mod doctor;
pub mod drive;
pub mod emulate;
pub mod exit;
pub mod explain;
pub mod history;
pub mod inbox;
pub mod man;
pub mod once;
pub mod place;
pub mod plan;
pub mod progress;
pub mod queue;
pub mod report;
pub mod send;
pub mod status;
pub mod terminal;
pub mod why;

use std::ffi::OsString;

use clap::Parser as _;
use clap::error::ErrorKind;

use crate::config::Environment;
use crate::daemon::{self, Start};

use args::{Command, CommandLine};
use context::{Context, Failure};
use exit::Exit;

/// Does what the command line asks, and says how it ended.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let line = match CommandLine::try_parse_from(arguments) {
        Ok(line) => line,
        Err(error) => return usage(&error),
    };
    let context = Context::new(Environment::of_process(), line.global);
    match dispatch(&context, line.command) {
        Ok(exit) => exit,
        Err(failure) => {
            terminal::error(&failure.message);
            failure.exit
        }
    }
}

fn usage(error: &clap::Error) -> Exit {
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Done,
        _ => Exit::Usage,
    }
}

fn dispatch(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Run => {
            daemon::run(&start(context))?;
            Ok(Exit::Done)
        }
        Command::Once(once) => once::run(context, &once),
        Command::Plan(plan) => plan::run(context, &plan),
        Command::Status(status) => status::run(context, &status),
        Command::Why(why) => why::run(context, &why),
        Command::Queue(queue) => queue::run(context, queue),
        Command::Pause(named) => queue::pause(context, &named.name),
        Command::Resume(named) => queue::resume(context, &named.name),
        Command::Inbox(args::Inbox::List(list)) => inbox::list(context, &list),
        Command::Send(send) => send::run(context, &send),
        Command::History(history) => history::run(context, &history),
        Command::Doctor(doctor) => doctor::run(context, &doctor),
        Command::Report(report) => report::run(context, &report),
        Command::Explain(explain) => explain::run(&explain),
        Command::Config(config) => config::run(context, config),
        Command::Emulate(emulate) => emulate::run(emulate),
        Command::Demo(demo) => demo::run(&demo),
        Command::Completions(completions) => Ok(completions::run(&completions)),
        Command::Man(man) => man::run(&man),
    }
}

fn start(context: &Context) -> Start {
    Start {
        environment: context.environment.clone(),
        config: context.global.config.clone(),
        verbose: context.global.verbose,
        quiet: context.global.quiet,
    }
}
