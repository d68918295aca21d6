//! The command `syncd`: reads the command line, does it, and ends with the code that scripts rely on.

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

/// Of SQLite too. What a burst took goes back to the system; how, says `.cargo/config.toml`.
#[global_allocator]
static HEAP: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    syncd::daemon::hardening::apply();
    syncd::cli::run(std::env::args_os()).into()
}
