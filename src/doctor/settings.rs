//! The configuration: valid or not, and as much of it as can be used for the other checks.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::config::{Config, ConfigError, Environment, Problem};

use super::{Finding, Verdict};

const NAME: &str = "config";

/// The configuration as far as it can be read.
pub struct Loaded {
    /// What was found.
    pub findings: Vec<Finding>,
    /// Whole; without accounts where only their secrets are at fault; `None` where it is not valid.
    pub config: Option<Config>,
}

/// Loads and judges it.
pub fn load(environment: &Environment, flag: Option<&Path>) -> Loaded {
    let error = match Config::load(environment, flag) {
        Ok(config) => {
            return Loaded {
                findings: vec![valid(&config)],
                config: Some(config),
            };
        }
        Err(error) => error,
    };
    let config = Config::load_without_secrets(environment, flag).ok();
    let findings = if error.is_without_credentials() {
        vec![of_the_service(&error)]
    } else {
        error
            .problems
            .iter()
            .map(|problem| invalid(&error, problem))
            .collect()
    };
    Loaded { findings, config }
}

fn valid(config: &Config) -> Finding {
    let mode = config
        .source
        .metadata()
        .map_or(0, |metadata| metadata.mode() & 0o7777);
    let saw = format!(
        "valid (mode {mode:04o}), folders: {}, inboxes: {}, accounts: {}, and every secret can be read",
        config.folders.len(),
        config.inboxes.len(),
        config.accounts.len() + config.desks.len()
    );
    Finding::ok(NAME, &shown(&config.source), saw)
}

fn invalid(error: &ConfigError, problem: &Problem) -> Finding {
    let alone = ConfigError {
        file: error.file.clone(),
        problems: vec![problem.clone()],
    };
    // Problems end with what to do, after the last semicolon.
    let words = alone.to_string();
    let (saw, advice) = words.rsplit_once("; ").unwrap_or((&words, ""));
    Finding::new(Verdict::Invalid, (NAME, ""), saw, advice)
}

fn of_the_service(error: &ConfigError) -> Finding {
    let file = error.file.as_deref().map(shown).unwrap_or_default();
    let saw = "valid; its credentials are given to the service only, so no account was tried";
    let advice = "run `systemd-run --pipe --wait` with the unit's User= and LoadCredential= before \
                  `syncd doctor` to try the accounts, too";
    Finding::new(Verdict::Note, (NAME, &file), saw, advice)
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
