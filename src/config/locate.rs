//! Where the configuration and the state are.

use std::path::{Path, PathBuf};

use super::disk;
use super::environment::Environment;
use super::problem::{ConfigError, shown_path};

/// The configuration file: the flag, `$SYNCD_CONFIG`, the user's, the machine's.
pub(super) fn config_file(
    environment: &Environment,
    flag: Option<&Path>,
) -> Result<PathBuf, ConfigError> {
    if let Some(path) = flag {
        return Ok(path.to_owned());
    }
    if let Some(path) = environment.get("SYNCD_CONFIG") {
        return Ok(path.into());
    }
    let mut candidates = Vec::new();
    if let Some(home) = base_directory(environment, "XDG_CONFIG_HOME", ".config") {
        candidates.push(home.join("syncd/config.toml"));
    }
    candidates.push("/etc/syncd/config.toml".into());
    if let Some(found) = candidates.iter().find(|path| disk::exists(path)) {
        return Ok(found.clone());
    }
    let looked: Vec<String> = candidates.iter().map(|path| shown_path(path)).collect();
    Err(ConfigError::whole(
        None,
        format!(
            "no configuration file: there is no {}; write one with `syncd config init`, or name \
             it with --config",
            looked.join(" and no ")
        ),
    ))
}

/// The state directory that holds where the configuration names none.
pub(super) fn state_dir(environment: &Environment) -> Option<(PathBuf, &'static str)> {
    let of_service = environment.get("STATE_DIRECTORY").and_then(first_of_list);
    if let Some(path) = of_service {
        return Some((path, "STATE_DIRECTORY"));
    }
    let home = base_directory(environment, "XDG_STATE_HOME", ".local/state")?;
    let of_xdg = environment.get("XDG_STATE_HOME").map(Path::new);
    let name = if of_xdg == Some(&home) {
        "XDG_STATE_HOME"
    } else {
        "HOME"
    };
    Some((home.join("syncd"), name))
}

/// The directory for sockets that the service manager made.
pub(super) fn runtime_dir(environment: &Environment) -> Option<PathBuf> {
    environment.get("RUNTIME_DIRECTORY").and_then(first_of_list)
}

fn first_of_list(list: &str) -> Option<PathBuf> {
    list.split(':')
        .next()
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
}

/// A base directory; a relative one is not valid and counts as not set.
fn base_directory(environment: &Environment, variable: &str, fallback: &str) -> Option<PathBuf> {
    let absolute = |name| {
        environment
            .get(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute(variable).or_else(|| Some(absolute("HOME")?.join(fallback)))
}
