//! `syncd completions`.

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::args::{self, CommandLine};
use super::exit::Exit;
use super::terminal;

/// Runs the command.
pub fn run(asked: &args::Completions) -> Exit {
    terminal::data(&script(asked.shell));
    Exit::Done
}

fn script(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut CommandLine::command(), "syncd", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn five_shells_are_told_every_command() {
        let shells = Shell::value_variants();
        assert_eq!(shells.len(), 5);
        let root = CommandLine::command();
        for shell in shells {
            let script = script(*shell);
            for command in root.get_subcommands() {
                let is_told = script.contains(command.get_name());
                assert!(is_told, "{shell}: {}", command.get_name());
            }
        }
    }
}
