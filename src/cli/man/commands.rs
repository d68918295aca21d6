//! The pages of the commands, section 1.

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::cli::args::CommandLine;
use crate::cli::exit::Exit;

use super::page::{self, Page};

/// One page for each command, that of `syncd` itself first.
pub(super) fn pages() -> Vec<Page> {
    let mut root = CommandLine::command().disable_help_subcommand(true);
    root.build();
    let mut pages = Vec::new();
    add(&root, None, &mut pages);
    pages
}

fn add(command: &Command, above: Option<&str>, pages: &mut Vec<Page>) {
    let name = command.get_display_name().unwrap_or(command.get_name());
    let ends = match above {
        None => rest_of_the_first(),
        Some(above) => see_also(above),
    };
    pages.push(Page::new(name, 1, &(text(command, name) + &ends)));
    let commands = command.get_subcommands();
    for below in commands.filter(|command| !command.is_hide_set()) {
        add(below, Some(name), pages);
    }
}

/// All that the command tree knows of a command.
fn text(command: &Command, name: &str) -> String {
    let man = Man::new(command.clone());
    let mut text = Vec::new();
    let has_arguments = command.get_arguments().next().is_some();
    // Writing into a Vec cannot fail.
    let _ = man.render_name_section(&mut text);
    text.extend(synopsis(command).into_bytes());
    let _ = man.render_description_section(&mut text);
    if name == "syncd" {
        text.extend(description().into_bytes());
    }
    if has_arguments {
        let _ = man.render_options_section(&mut text);
    }
    if command.has_subcommands() {
        let _ = man.render_subcommands_section(&mut text);
    }
    page::embolden(&String::from_utf8_lossy(&text))
}

/// As `--help` writes it, with the values of options and arguments.
fn synopsis(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").replace('\n', " ");
    let name = command.get_bin_name().unwrap_or("syncd");
    let rest = usage.strip_prefix(name).unwrap_or(&usage);
    let mut roff = Roff::new();
    roff.control("SH", ["SYNOPSIS"]);
    roff.text([bold(name), roman(rest.trim_end())]);
    roff.render()
}

fn description() -> String {
    let mut roff = Roff::new();
    for text in [
        "`syncd run` watches folders and publishes what was saved in them to a static website or a cloud \
         storage of WeChat CloudBase: pages never before what they show, each file checked by its \
         checksum. It fills inboxes with the files that come through a contact-centre desk of Huawei's \
         ccmessaging, each once and whole, and sends what is put into outboxes.",
        "Begin with `syncd demo`, which needs nothing; then `syncd config init`, `syncd config check`, \
         `syncd plan`, `syncd run`. When something is wrong: `syncd status`, `syncd why` FILE, `syncd \
         doctor`.",
    ] {
        page::paragraph(&mut roff, text);
    }
    roff.render()
}

fn see_also(above: &str) -> String {
    let first = match above {
        "syncd" => "",
        _ => "`syncd`(1), ",
    };
    let text = format!(
        "{first}`{above}`(1), `syncd.toml`(5), `syncd-errors`(7). What every command may end with is in \
         `syncd`(1)."
    );
    let mut roff = Roff::new();
    roff.control("SH", ["SEE ALSO"]);
    page::paragraph(&mut roff, &text);
    roff.render()
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
    roff.control("SH", ["ENVIRONMENT"]);
    for (name, meaning) in [
        (
            "SYNCD_CONFIG",
            "The configuration file, where `--config` names none.",
        ),
        (
            "SYNCD_STATE_DIR, SYNCD_SECTION__KEY",
            "Set `state_dir`, or a key of [log], [http], [limits] or [network], over the file: \
             syncd.toml(5).",
        ),
        ("NO_COLOR", "No colours, whatever its value."),
    ] {
        page::entry(&mut roff, vec![bold(name)], &[meaning]);
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
        "`syncd.toml`(5), `syncd-errors`(7), `systemctl`(1), `journalctl`(1)",
    );
    roff.render()
}
