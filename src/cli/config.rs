//! `syncd config`.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::config::{Config, check, sample, schema, show};
use crate::model::path::escaped;

use super::args;
use super::context::{Context, Failure};
use super::exit::Exit;
use super::terminal;

/// Runs the command.
pub fn run(context: &Context, asked: args::Config) -> Result<Exit, Failure> {
    match asked {
        args::Config::Check { json } => check(context, json),
        args::Config::Show { json } => {
            let config = context.config()?;
            if json {
                terminal::json(&show::json(&config));
            } else {
                terminal::data(&show::text(&config));
            }
            Ok(Exit::Done)
        }
        args::Config::Schema => {
            terminal::data(&format!("{:#}\n", schema::schema()));
            Ok(Exit::Done)
        }
        args::Config::Init { path, stdout } => init(context, path, stdout),
    }
}

fn check(context: &Context, json: bool) -> Result<Exit, Failure> {
    let (environment, flag) = (&context.environment, context.global.config.as_deref());
    let mut loaded = Config::load(environment, flag);
    if matches!(&loaded, Err(error) if error.is_without_credentials()) {
        loaded = Config::load_without_secrets(environment, flag);
        terminal::note(
            "Its credentials are given to the service only: whether they are there shows at its start",
        );
    }
    if json {
        terminal::json(&check::json(&loaded));
        return Ok(if loaded.is_ok() {
            Exit::Done
        } else {
            Exit::Configuration
        });
    }
    terminal::data(&check::text(&loaded?));
    Ok(Exit::Done)
}

fn init(context: &Context, path: Option<PathBuf>, stdout: bool) -> Result<Exit, Failure> {
    if stdout {
        terminal::data(sample::minimal());
        return Ok(Exit::Done);
    }
    let path = path
        .or_else(|| context.global.config.clone())
        .or_else(|| default_path(context));
    let Some(path) = path else {
        let message = "Say where to write it: `syncd config init FILE`";
        return Err(Failure::new(Exit::Usage, message));
    };
    let shown = escaped(path.as_os_str().as_encoded_bytes());
    match write_new(&path, sample::minimal()) {
        Ok(()) => {
            terminal::data(&format!(
                "Wrote {shown}. Fill in what says FILL-IN, then run `syncd config check`.\n"
            ));
            Ok(Exit::Done)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let message = format!("\"{shown}\" is there already, and is left as it is");
            Err(Failure::new(Exit::Unexpected, message))
        }
        Err(error) => {
            let message = format!("Could not write \"{shown}\": {error}; name another file");
            Err(Failure::new(Exit::Unexpected, message))
        }
    }
}

/// Where syncd would look for it: the user's file, or the machine's for root.
fn default_path(context: &Context) -> Option<PathBuf> {
    if let Some(path) = context.environment.get("SYNCD_CONFIG") {
        return Some(path.into());
    }
    if rustix::process::geteuid().is_root() && context.environment.get("XDG_CONFIG_HOME").is_none()
    {
        return Some("/etc/syncd/config.toml".into());
    }
    let home = context
        .environment
        .get("XDG_CONFIG_HOME")
        .map(PathBuf::from);
    let home = home.or_else(|| {
        context
            .environment
            .get("HOME")
            .map(|home| Path::new(home).join(".config"))
    })?;
    home.is_absolute().then(|| home.join("syncd/config.toml"))
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    if let Some(parent) = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        std::fs::create_dir_all(parent)?;
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())
}
