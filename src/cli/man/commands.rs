//! The pages of the commands, section 1.

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold};

use crate::cli::args::CommandLine;
use crate::cli::exit::Exit;

use super::page::{self, Page};

/// One page for each command, that of `syncd` itself first.
pub(super) fn pages() -> Vec<Page> {
    let mut root = CommandLine::command().disable_help_subcommand(true);
    root.build();
    let mut pages = Vec::new();
    add(&root, &mut pages);
    if let Some(first) = pages.first_mut() {
        first.text.push_str(&rest_of_the_first());
    }
    pages
}

fn add(command: &Command, pages: &mut Vec<Page>) {
    let name = command.get_display_name().unwrap_or(command.get_name());
    let man = Man::new(command.clone())
        .source(page::source())
        .manual("syncd");
    let mut text = Vec::new();
    // Writing into a Vec cannot fail.
    let _ = man.render(&mut text);
    pages.push(Page {
        name: name.to_owned(),
        section: 1,
        text: page::embolden(&String::from_utf8_lossy(&text)),
    });
    for command in command
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
    {
        add(command, pages);
    }
}

/// What is true of all commands.
fn rest_of_the_first() -> String {
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    for exit in Exit::ALL {
        page::entry(
            &mut roff,
            vec![bold(exit.code().to_string())],
            &[exit.meaning()],
        );
    }
    roff.control("SH", ["FILES"]);
    for (file, meaning) in [
        (
            "/etc/syncd/config.toml",
            "The configuration of the service: syncd.toml(5). Before it `$SYNCD_CONFIG` and \
             `$XDG_CONFIG_HOME/syncd/config.toml` are looked for.",
        ),
        (
            "/var/lib/syncd",
            "The state of the service: the database, the lock, and where the daemon listens. Elsewhere \
             `state_dir` says where it is, or `$STATE_DIRECTORY`, or it is `$XDG_STATE_HOME/syncd`.",
        ),
        (
            ".syncdignore",
            "In a folder: what is left out, in the syntax of gitignore(5).",
        ),
    ] {
        page::entry(&mut roff, vec![bold(file)], &[meaning]);
    }
    roff.control("SH", ["SIGNALS"]);
    for (signal, meaning) in [
        (
            "SIGTERM, SIGINT",
            "Stop within ten seconds. A second one stops at once; nothing is lost by that either.",
        ),
        (
            "SIGHUP",
            "Read the configuration again, whole or not at all.",
        ),
        ("SIGUSR1", "Scan every folder now."),
    ] {
        page::entry(&mut roff, vec![bold(signal)], &[meaning]);
    }
    roff.control("SH", ["SEE ALSO"]);
    page::paragraph(
        &mut roff,
        "`syncd.toml`(5), `syncd-errors`(7), `systemctl`(1)",
    );
    roff.render()
}
