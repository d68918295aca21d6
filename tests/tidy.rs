//! The rules of the house, checked: who may import whom, where SQL stands, how long things get.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::string_slice,
    reason = "it reads the sources of this very tree"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The rooms, from the ground up, and what each may import of this crate besides itself.
const ROOMS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("port", &["model"]),
    ("store", &["model", "port"]),
    ("adapter", &["model", "port"]),
    ("flow", &["model", "port"]),
    ("decide", &["model"]),
    ("engine", &["model", "port", "store", "flow", "decide"]),
    ("config", &["model"]),
    ("report", &["model", "port", "store", "decide", "engine"]),
    ("web", &["model", "port", "decide", "report"]),
    ("alerts", &["model", "port", "decide", "report"]),
    ("emulator", &["model"]),
    (
        "daemon",
        &[
            "model", "port", "store", "adapter", "flow", "decide", "engine", "config", "report",
            "web", "alerts",
        ],
    ),
    (
        "doctor",
        &[
            "model", "port", "store", "adapter", "flow", "decide", "engine", "config", "report",
            "daemon",
        ],
    ),
    ("demo", &["model", "port", "emulator"]),
    (
        "cli",
        &[
            "model", "port", "store", "adapter", "flow", "decide", "engine", "config", "report",
            "emulator", "daemon", "doctor", "demo",
        ],
    ),
];

const FILE_LINES_MAX: usize = 500;
const COLUMNS_MAX: usize = 110;

struct Source {
    path: PathBuf,
    room: String,
    /// Without the `#[cfg(test)]` module at the end.
    code: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut open = vec![root.clone()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !is_test_module(&path)
            {
                let relative = path.strip_prefix(&root).unwrap().to_owned();
                let first = relative
                    .components()
                    .next()
                    .unwrap()
                    .as_os_str()
                    .to_str()
                    .unwrap();
                let room = first.trim_end_matches(".rs").to_owned();
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text
                    .split("\n#[cfg(test)]\nmod tests {")
                    .next()
                    .unwrap()
                    .to_owned();
                found.push(Source {
                    path: relative,
                    room,
                    code,
                });
            }
        }
    }
    assert!(found.len() > 20, "the sources were not found");
    found
}

/// Tests that were moved out of the file they test: `foo/tests.rs`, `foo/tests/bar.rs`.
fn is_test_module(path: &Path) -> bool {
    path.file_stem().is_some_and(|stem| stem == "tests")
        || path
            .components()
            .any(|component| component.as_os_str() == "tests")
}

fn lines(source: &Source) -> impl Iterator<Item = (usize, &str)> {
    source
        .code
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

fn imports(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices("crate::").filter_map(|(at, _)| {
        let rest = &line[at + "crate::".len()..];
        rest.split(|c: char| !(c.is_ascii_lowercase() || c == '_'))
            .next()
    })
}

fn none(broken: &[String]) {
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn imports_only_go_downwards() {
    let rooms: BTreeMap<_, _> = ROOMS.iter().copied().collect();
    let mut broken = Vec::new();
    for source in sources() {
        if matches!(source.room.as_str(), "lib" | "main") {
            continue;
        }
        let Some(allowed) = rooms.get(source.room.as_str()) else {
            broken.push(format!(
                "{}: no room of this name is planned",
                source.path.display()
            ));
            continue;
        };
        for (number, line) in lines(&source) {
            for import in imports(line) {
                let known = rooms.contains_key(import);
                if known && import != source.room && !allowed.contains(&import) {
                    broken.push(format!(
                        "{}:{number}: imports {import}",
                        source.path.display()
                    ));
                }
            }
        }
    }
    none(&broken);
}

#[test]
fn sql_stands_only_in_the_store() {
    let mut broken = Vec::new();
    for source in sources().iter().filter(|source| source.room != "store") {
        for (number, line) in lines(source) {
            let sql = [
                "SELECT ",
                "INSERT INTO",
                "UPDATE ",
                "DELETE FROM",
                "rusqlite::",
            ];
            if sql.iter().any(|word| line.contains(word)) {
                broken.push(format!("{}:{number}", source.path.display()));
            }
        }
    }
    none(&broken);
}

#[test]
fn every_module_says_what_it_is() {
    let broken: Vec<String> = sources()
        .iter()
        .filter(|source| !source.code.starts_with("//! "))
        .map(|source| source.path.display().to_string())
        .collect();
    none(&broken);
}

#[test]
fn files_are_of_one_idea_and_lines_fit_a_screen() {
    let mut broken = Vec::new();
    for source in sources() {
        let count = source.code.lines().count();
        if count > FILE_LINES_MAX {
            broken.push(format!("{}: {count} lines", source.path.display()));
        }
        for (index, line) in source.code.lines().enumerate() {
            if line.chars().count() > COLUMNS_MAX && !line.contains('"') {
                broken.push(format!("{}:{}: too wide", source.path.display(), index + 1));
            }
        }
    }
    none(&broken);
}

#[test]
fn nothing_in_production_panics_by_habit() {
    let mut broken = Vec::new();
    for source in sources() {
        for (number, line) in lines(&source) {
            let habits = [".unwrap()", "todo!(", "unimplemented!(", "dbg!("];
            if habits.iter().any(|habit| line.contains(habit)) {
                broken.push(format!(
                    "{}:{number}: {}",
                    source.path.display(),
                    line.trim()
                ));
            }
        }
    }
    none(&broken);
}

#[test]
fn the_units_of_one_and_of_several_instances_differ_in_names_only() {
    let unit = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("systemd")
            .join(name);
        let text = std::fs::read_to_string(path).unwrap();
        let settings = text.lines().filter(|line| !line.starts_with('#'));
        settings.map(str::to_owned).collect::<Vec<_>>()
    };
    let one = unit("syncd.service");
    let each = unit("syncd@.service").join("\n");
    let each = each
        .replace(" (%i)", "")
        .replace("/etc/syncd/%i.toml", "/etc/syncd/config.toml")
        .replace("StateDirectory=syncd/%i", "StateDirectory=syncd")
        .replace("RuntimeDirectory=syncd@%i", "RuntimeDirectory=syncd");
    assert_eq!(one, each.lines().collect::<Vec<_>>());
}
