//! What is asked on the command line.

use std::path::PathBuf;

use crate::{Outcome, rows};

pub(crate) const HELP: &str = "\
cargo bench --bench speed -- [OPTIONS]

  --files N      files of 1 KiB in the tree (100000)
  --million      1,000,000 of them
  --big          big files of 1 GiB instead of 128 MiB, four of each
  --rounds N     how often each pair is timed in turn (3)
  --only ROW     this row; may be given several times
  --json FILE    write the findings there too
  --quick        500 files, one round, short waits: whether it works, not how fast; so does `cargo test`
";

pub(crate) struct Options {
    pub(crate) files: usize,
    pub(crate) big_bytes: u64,
    pub(crate) rounds: usize,
    pub(crate) quick: bool,
    pub(crate) json: Option<PathBuf>,
    only: Vec<String>,
}

impl Options {
    /// `None`: help was asked for.
    pub(crate) fn read(arguments: &[String]) -> Outcome<Option<Self>> {
        let mut options = Self {
            files: 100_000,
            big_bytes: 128 << 20,
            rounds: 3,
            quick: false,
            json: None,
            only: Vec::new(),
        };
        if !arguments.iter().any(|argument| argument == "--bench") {
            // `cargo test`; what it was asked for is a test of that name, and here is none.
            let options = options.quickly();
            return Ok(arguments.is_empty().then_some(options));
        }
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let mut value = || rest.next().ok_or(format!("{argument} wants a value"));
            match argument.as_str() {
                "--files" => options.files = value()?.parse()?,
                "--million" => options.files = 1_000_000,
                "--big" => options.big_bytes = 1 << 30,
                "--rounds" => options.rounds = value()?.parse()?,
                "--only" => options.only.push(value()?.clone()),
                "--json" => options.json = Some(value()?.into()),
                "--quick" => options = options.quickly(),
                // Cargo says that this is a benchmark.
                "--bench" => {}
                "--help" => return Ok(None),
                other => return Err(format!("no option {other}; see --help").into()),
            }
        }
        for name in &options.only {
            if !rows::ALL.iter().any(|(row, _)| row == name) {
                let known: Vec<&str> = rows::ALL.iter().map(|(row, _)| *row).collect();
                return Err(format!("no row {name}; there are {}", known.join(", ")).into());
            }
        }
        Ok(Some(options))
    }

    fn quickly(self) -> Self {
        Self {
            quick: true,
            files: 500,
            big_bytes: 8 << 20,
            rounds: 1,
            ..self
        }
    }

    pub(crate) fn wants(&self, row: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == row)
    }

    /// Files of the rows in which each request takes its time.
    pub(crate) fn files_far(&self) -> usize {
        (self.files / 10).clamp(100, 10_000)
    }
}
