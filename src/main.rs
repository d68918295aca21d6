//! The command `syncd`: reads the command line, does it, and ends with the code that scripts rely on.

use std::process::ExitCode;

fn main() -> ExitCode {
    syncd::daemon::hardening::apply();
    syncd::cli::run(std::env::args_os()).into()
}
