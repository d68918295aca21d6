//! What is packed: every path that the package and the container file name is there, and nothing that the
//! program is made of is left out. What is in them is tried by .ci/systemd.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "it reads the files of this very tree"
)]

use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

fn manifest() -> toml::Table {
    text("Cargo.toml").parse().unwrap()
}

/// What the first stage of the container file takes from the tree.
fn copied() -> Vec<PathBuf> {
    let file = text("container/Containerfile");
    let mut copied = Vec::new();
    for line in file.lines().filter_map(|line| line.strip_prefix("COPY ")) {
        if line.starts_with("--from") {
            continue;
        }
        let mut words: Vec<&str> = line.split(' ').collect();
        words.pop();
        copied.extend(words.into_iter().map(|word| root().join(word)));
    }
    copied
}

#[test]
fn all_that_the_program_is_made_of_goes_into_the_container() {
    let copied = copied();
    for path in &copied {
        assert!(path.exists(), "{} is not there", path.display());
    }
    for needed in ["Cargo.toml", "Cargo.lock", "src"] {
        assert!(copied.contains(&root().join(needed)), "{needed}");
    }
    let mut found = 0;
    let mut open = vec![root().join("src")];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let is_tests = path.file_stem().is_some_and(|stem| stem == "tests");
            if is_tests {
                continue;
            }
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let Ok(source) = std::fs::read_to_string(&path) else {
                continue;
            };
            let code = source.split("\n#[cfg(test)]\nmod tests {").next().unwrap();
            for included in included(code) {
                let included = path.parent().unwrap().join(included);
                let included = included.canonicalize().unwrap();
                let is_copied = copied.iter().any(|copied| {
                    let copied = copied.canonicalize().unwrap();
                    included.starts_with(copied)
                });
                assert!(is_copied, "{} is not copied", included.display());
                found += 1;
            }
        }
    }
    assert!(found > 3, "what is included was not found");
}

fn included(code: &str) -> impl Iterator<Item = &str> {
    code.split("include_str!(\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
}

#[test]
fn the_container_is_built_by_the_compiler_that_the_manifest_asks_for() {
    let manifest = manifest();
    let version = manifest["package"]["rust-version"].as_str().unwrap();
    let from = format!("FROM rust:{version}-bookworm AS build");
    let file = text("container/Containerfile");
    assert!(file.lines().any(|line| line == from), "{from}");
}

#[test]
fn what_the_package_takes_from_the_tree_is_there() {
    let manifest = manifest();
    let deb = &manifest["package"]["metadata"]["deb"];
    let mut taken = 0;
    for asset in deb["assets"].as_array().unwrap() {
        let source = asset[0].as_str().unwrap();
        // What .ci/package makes.
        if source.starts_with("target/") {
            continue;
        }
        let path = root().join(source);
        let is_there = match source.split_once("/*.") {
            None => path.is_file(),
            Some((directory, extension)) => root()
                .join(directory)
                .read_dir()
                .unwrap()
                .any(|entry| entry.unwrap().path().extension().unwrap_or_default() == extension),
        };
        assert!(is_there, "{source} is not there");
        taken += 1;
    }
    assert!(taken >= 5);
    for script in ["postinst", "prerm", "postrm"] {
        let text = text(&format!("packaging/debian/{script}"));
        assert!(text.contains("#DEBHELPER#"), "{script}");
    }
}
