//! The command `emulate`: an emulator for a person, who is told what it plays and how to reach it.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;

use super::control::{Emulator, Running, StartError};
use super::options::{EmulatorOptions, Observer};
use super::script::{self, ScriptError};

/// What the command line says.
#[derive(Debug, Clone)]
pub struct EmulateOptions {
    /// Where the API listens.
    pub listen: SocketAddr,
    /// A fault script.
    pub faults: Option<PathBuf>,
    /// Where large objects are kept.
    pub root: Option<PathBuf>,
}

/// Why the command failed.
#[derive(Debug, thiserror::Error)]
pub enum EmulateError {
    /// The script cannot be read.
    #[error("Cannot read the fault script '{}'", path.display())]
    ReadScript {
        /// Its path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The script is wrong.
    #[error("The fault script '{}' is wrong", path.display())]
    ParseScript {
        /// Its path.
        path: PathBuf,
        /// Where and why.
        source: ScriptError,
    },
    /// No port, or no folder.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Standard output is closed.
    #[error("Cannot write to standard output")]
    Output(#[source] io::Error),
}

/// Runs an emulator until `wait` returns. What it plays goes to `output`, a line per request to
/// standard error.
///
/// # Errors
/// The script is wrong, the port is taken, or `output` cannot be written.
pub fn run(
    options: EmulateOptions,
    output: &mut dyn Write,
    wait: impl FnOnce(),
) -> Result<(), EmulateError> {
    let faults = match &options.faults {
        None => Vec::new(),
        Some(path) => {
            let text = fs::read_to_string(path).map_err(|source| EmulateError::ReadScript {
                path: path.clone(),
                source,
            })?;
            script::parse(&text).map_err(|source| EmulateError::ParseScript {
                path: path.clone(),
                source,
            })?
        }
    };
    let fault_count = faults.len();
    let running = Emulator::start(EmulatorOptions {
        listen: options.listen,
        root: options.root,
        faults,
        observer: Some(Observer::new(|line| {
            // Nobody may be reading; the emulator goes on.
            let _unread = writeln!(io::stderr(), "{line}");
        })),
        ..EmulatorOptions::default()
    })?;
    let text = introduction(&running, fault_count);
    output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush())
        .map_err(EmulateError::Output)?;
    wait();
    Ok(())
}

/// The part of a configuration that points syncd at the WeChat side of a running emulator.
pub fn config_snippet(running: &Running) -> String {
    let environment = running.environments().first().map_or("", String::as_str);
    format!(
        r#"[accounts.emulated]
provider = "wechat"
base_url = "{}"
upload_hosts = ["{}"]
token = {{ url = "{}" }}

[[folder]]
name = "www"
path = "/srv/www"              # the folder to deploy
flow = "static-website"
account = "emulated"
env = "{environment}"
"#,
        running.base_url(),
        running.upload_host(),
        running.token_url(),
    )
}

/// The part of a configuration that points syncd at the desk of a running emulator: an inbox and an
/// outbox.
pub fn desk_snippet(running: &Running) -> String {
    let known = running.desk().credentials();
    format!(
        r#"[accounts.desk]
provider = "ccmessaging"
base_url = "{}"
app_key = "{}"
app_secret = "{}"   # a secret in the file: close it to others with chmod 600
channel_id = "{}"
user_id = "{}"

[[inbox]]
name = "desk"
path = "/srv/inbox"            # where received files appear
account = "desk"

[[folder]]
name = "outbox"
path = "/srv/outbox"           # files put here are sent to the agent
flow = "ccmessaging"
account = "desk"
"#,
        running.base_url(),
        known.app_key,
        known.app_secret,
        known.channel_id,
        known.user_id,
    )
}

/// One command that puts a file into the mailbox of the user of [`desk_snippet`].
fn put_command(running: &Running) -> String {
    let url = format!("{}/emulator/desk/file?type=txt", running.base_url());
    format!("curl -d 'Hello from the desk.' '{url}'")
}

fn introduction(running: &Running, fault_count: usize) -> String {
    let mut text = format!(
        "The emulator plays the WeChat API (tokens, static website, cloud storage) and Huawei's \
         ccmessaging\non {}, and the object store on {}.\nNothing leaves this machine; all is \
         forgotten at the end (Ctrl-C).\n\n",
        running.base_url(),
        running.cos_address(),
    );
    for environment in running.environments() {
        let url = running.site_url(environment).unwrap_or_default();
        let _infallible = writeln!(text, "Deployed site of {environment}: {url}");
    }
    if fault_count > 0 {
        let _infallible = writeln!(text, "Faults in force: {fault_count}");
    }
    let _infallible = write!(
        text,
        "\nTo send a file as the desk's agent, and to see what arrived there:\n\n    {}\n    curl \
         {}/emulator/desk/received\n\nTo point syncd at it, put this, or the part you need, into \
         a configuration:\n\n{}\n{}",
        put_command(running),
        running.base_url(),
        config_snippet(running),
        desk_snippet(running),
    );
    text
}
