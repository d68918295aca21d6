//! `syncd man`: the manual, made from the command tree, the table of keys and the table of faults, so that it
//! cannot lag behind the program.

mod commands;
mod configuration;
mod errors;
mod page;

use std::io;
use std::path::Path;

use crate::model::path::escaped;

use super::args;
use super::context::Failure;
use super::exit::Exit;
use super::terminal;

use page::Page;

/// Runs the command.
pub fn run(asked: &args::Man) -> Result<Exit, Failure> {
    let pages = pages();
    if let Some(directory) = &asked.out {
        return write(&pages, directory).map_err(|error| {
            let shown = escaped(directory.as_os_str().as_encoded_bytes());
            let message = format!("Could not write into \"{shown}\": {error}; name another one");
            Failure::new(Exit::Unexpected, message)
        });
    }
    let Some(page) = pages.iter().find(|page| page.is_called(&asked.page)) else {
        let names: Vec<&str> = pages.iter().map(|page| page.name.as_str()).collect();
        let message = format!(
            "There is no page \"{}\"; there are {}",
            escaped(asked.page.as_bytes()),
            names.join(", ")
        );
        return Err(Failure::new(Exit::NotFound, message));
    };
    terminal::data(&page.text);
    Ok(Exit::Done)
}

/// All pages.
fn pages() -> Vec<Page> {
    let mut pages = commands::pages();
    pages.push(configuration::page());
    pages.push(errors::page());
    pages
}

#[expect(
    clippy::disallowed_methods,
    reason = "a directory that the person named for these very files"
)]
fn write(pages: &[Page], directory: &Path) -> io::Result<Exit> {
    std::fs::create_dir_all(directory)?;
    for page in pages {
        std::fs::write(directory.join(page.file_name()), &page.text)?;
    }
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys;
    use crate::decide::remedy::page::LAYERS;
    use crate::decide::remedy::rules;

    fn text(name: &str) -> String {
        let page = pages().into_iter().find(|page| page.is_called(name));
        page.unwrap().text
    }

    #[test]
    fn every_command_has_a_page() {
        let names: Vec<String> = pages().iter().map(Page::file_name).collect();
        for name in [
            "syncd.1",
            "syncd-run.1",
            "syncd-queue.1",
            "syncd-queue-list.1",
            "syncd-config-schema.1",
            "syncd.toml.5",
            "syncd-errors.7",
        ] {
            assert!(names.iter().any(|have| have == name), "{name}: {names:?}");
        }
        assert!(!names.iter().any(|name| name.contains("help")), "{names:?}");
    }

    #[test]
    fn the_first_page_tells_every_exit_code() {
        let text = text("syncd");
        for exit in Exit::ALL {
            assert!(
                text.contains(&format!("\n\\fB{}\\fR\n", exit.code())),
                "{}",
                exit.code()
            );
        }
    }

    #[test]
    fn the_page_of_the_configuration_tells_every_key() {
        let text = text("syncd.toml");
        for key in keys::all() {
            let line = format!("\n\\fB{}\\fR", key.name);
            assert!(text.contains(&line), "{}", key.name);
        }
    }

    #[test]
    fn the_page_of_errors_tells_every_rule() {
        let text = text("syncd-errors.7");
        assert_eq!(
            text.matches("\n.TP\n").count(),
            rules().filter(|rule| LAYERS.contains(&rule.layer)).count()
        );
    }

    #[test]
    fn nothing_of_markdown_is_left_and_nothing_is_a_stray_request() {
        for page in pages() {
            let name = page.file_name();
            assert!(!page.text.contains('`'), "{name}");
            let known = [
                "\\\"", "TH", "SH", "SS", "TP", "PP", "IP", "RS", "RE", "br", "nf", "fi", "ie",
                "el",
            ];
            for line in page.text.lines().filter(|line| line.starts_with('.')) {
                let request = line.trim_start_matches('.').split(' ').next().unwrap();
                assert!(known.contains(&request), "{name}: {line}");
            }
        }
    }

    #[test]
    fn all_pages_are_written() {
        let directory = tempfile::tempdir().unwrap();
        let out = directory.path().join("man");
        assert_eq!(write(&pages(), &out).unwrap(), Exit::Done);
        assert_eq!(out.read_dir().unwrap().count(), pages().len());
    }
}
