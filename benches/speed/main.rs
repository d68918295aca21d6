//! Measured speed: syncd beside its peers and its physical limits, as ratios taken in one run.
//!
//! `cargo bench --bench speed -- --help` tells the options; docs/PERFORMANCE.md what came of it. Each row
//! checks that the work was truly done (the server counts its requests); a missed target fails nothing.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::exit,
    reason = "a program that measures: it reads real clocks, waits, makes files and prints a table"
)]

mod bare;
mod lab;
mod options;
mod peers;
mod proc;
mod program;
mod rows;
mod sink;
mod sink_client;
mod table;
mod timing;
mod tree;

use std::process::ExitCode;

use lab::Lab;
use options::Options;

/// What went wrong, in words: nobody branches on it.
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let ended = match arguments.first().map(String::as_str) {
        Some(sink::COMMAND) => sink::serve(&arguments),
        _ => measure(&arguments),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("speed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: &[String]) -> Outcome<()> {
    let Some(options) = Options::read(arguments)? else {
        print!("{}", options::HELP);
        return Ok(());
    };
    let machine = proc::machine();
    println!("{machine}\n{} files of 1 KiB\n", options.files);
    let lab = Lab::new(options);
    let options = &lab.options;
    let mut findings = Vec::new();
    for (name, row) in rows::ALL {
        if options.wants(name) {
            eprintln!("-- {name}");
            let found = row(&lab).map_err(|error| format!("{name}: {error}"))?;
            for finding in &found {
                eprintln!("   {finding}");
            }
            findings.extend(found);
        }
    }
    print!("{}", table::markdown(&findings));
    if let Some(path) = &options.json {
        std::fs::write(path, table::json(&machine, options.files, &findings)?)?;
    }
    Ok(())
}
