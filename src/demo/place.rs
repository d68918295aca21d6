//! The demo's folder: the site, an inbox and an outbox, syncd's state, its configuration and its log. It is
//! removed at the end.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::emulator::Running;

use super::{DemoError, site};

/// The environment of the demo.
pub(super) const ENVIRONMENT: &str = "demo-1a2b3c";
/// The folder's name in the configuration.
pub(super) const FOLDER: &str = "www";
/// The inbox's name in the configuration.
pub(super) const INBOX: &str = "from-agent";
/// The outbox's name in the configuration.
pub(super) const OUTBOX: &str = "to-agent";
/// Where syncd keeps what is not whole yet in an inbox.
const UNFINISHED: &str = ".syncd-tmp";

/// A folder that only this user can enter. Removed when dropped.
#[derive(Debug)]
pub(super) struct Place {
    root: PathBuf,
}

fn failed(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> DemoError {
    let path = path.to_owned();
    move |source| DemoError::Folder { what, path, source }
}

impl Place {
    /// Makes the folder and writes the site into it. Inbox and outbox are empty.
    pub(super) fn create() -> Result<Self, DemoError> {
        let parent = std::env::temp_dir();
        let parent = parent.canonicalize().map_err(failed("find", &parent))?;
        let place = Self {
            root: make_new(&parent)?,
        };
        for (path, bytes) in site::FILES {
            place.write(path, bytes)?;
        }
        for empty in [place.inbox(), place.outbox()] {
            fs::create_dir(&empty).map_err(failed("create", &empty))?;
        }
        Ok(place)
    }

    /// Removes the folder with all that is in it.
    pub(super) fn remove(self) -> Result<(), DemoError> {
        fs::remove_dir_all(&self.root).map_err(failed("remove", &self.root))
    }

    /// The folder that is deployed.
    pub(super) fn site(&self) -> PathBuf {
        self.root.join("site")
    }

    /// The folder that received files go to.
    pub(super) fn inbox(&self) -> PathBuf {
        self.root.join("inbox")
    }

    /// The folder whose files are sent to the agent.
    pub(super) fn outbox(&self) -> PathBuf {
        self.root.join("outbox")
    }

    /// The configuration.
    pub(super) fn config(&self) -> PathBuf {
        self.root.join("config.toml")
    }

    /// The app secret of the desk.
    fn secret(&self) -> PathBuf {
        self.root.join("desk.secret")
    }

    /// What the daemon says.
    pub(super) fn log(&self) -> PathBuf {
        self.root.join("daemon.log")
    }

    /// Writes a file of the site, with the folders above it.
    pub(super) fn write(&self, path: &str, bytes: &[u8]) -> Result<(), DemoError> {
        let path = self.site().join(path);
        let above = path.parent().unwrap_or(&path);
        fs::create_dir_all(above).map_err(failed("create", above))?;
        fs::write(&path, bytes).map_err(failed("write", &path))
    }

    /// Puts a file into the outbox.
    pub(super) fn put_in_outbox(&self, name: &str, bytes: &[u8]) -> Result<(), DemoError> {
        let path = self.outbox().join(name);
        fs::write(&path, bytes).map_err(failed("write", &path))
    }

    /// Replaces a piece of a page.
    pub(super) fn edit(&self, path: &str, old: &str, new: &str) -> Result<(), DemoError> {
        let file = self.site().join(path);
        let text = fs::read_to_string(&file).map_err(failed("read", &file))?;
        let edited = text.replacen(old, new, 1);
        if edited == text {
            return Err(DemoError::Differs(format!(
                "'{path}' has no \"{old}\" to edit"
            )));
        }
        self.write(path, edited.as_bytes())
    }

    /// Writes the configuration that points syncd at this cloud, and the secret that it names.
    pub(super) fn configure(&self, cloud: &Running) -> Result<String, DemoError> {
        let text = format!("{}\n{}", self.site_part(cloud), self.desk_part(cloud));
        write_closed(&self.config(), &text)?;
        write_closed(&self.secret(), &cloud.desk().credentials().app_secret)?;
        Ok(text)
    }
    fn site_part(&self, cloud: &Running) -> String {
        format!(
            r#"state_dir = "{state}"

[accounts.cloud]
provider = "wechat"
base_url = "{base}"
upload_hosts = ["{host}"]
token = {{ url = "{token}" }}

[[folder]]
name = "{FOLDER}"
path = "{site}"
flow = "static-website"
account = "cloud"
env = "{ENVIRONMENT}"
"#,
            state = self.root.join("state").display(),
            base = cloud.base_url(),
            host = cloud.upload_host(),
            token = cloud.token_url(),
            site = self.site().display(),
        )
    }

    fn desk_part(&self, cloud: &Running) -> String {
        let known = cloud.desk().credentials();
        format!(
            r#"[accounts.desk]
provider = "ccmessaging"
base_url = "{base}"
app_key = "{app_key}"
app_secret = {{ file = "{secret}" }}
channel_id = "{channel}"
user_id = "{user}"

[[inbox]]
name = "{INBOX}"
path = "{inbox}"
account = "desk"

[[folder]]
name = "{OUTBOX}"
path = "{outbox}"
flow = "ccmessaging"
account = "desk"
"#,
            base = cloud.base_url(),
            app_key = known.app_key,
            secret = self.secret().display(),
            channel = known.channel_id,
            user = known.user_id,
            inbox = self.inbox().display(),
            outbox = self.outbox().display(),
        )
    }

    /// The bytes of every file that visitors should get, by its key.
    pub(super) fn published(&self) -> Result<BTreeMap<String, Vec<u8>>, DemoError> {
        files_below(&self.site(), site::LEFT_OUT)
    }

    /// The bytes of every file in the inbox, by its path below it.
    pub(super) fn received(&self) -> Result<BTreeMap<String, Vec<u8>>, DemoError> {
        files_below(&self.inbox(), &[UNFINISHED])
    }
}

/// Every file below a folder by its path there, but for what is left out.
fn files_below(root: &Path, left_out: &[&str]) -> Result<BTreeMap<String, Vec<u8>>, DemoError> {
    let mut found = BTreeMap::new();
    let mut open = vec![(root.to_owned(), String::new())];
    while let Some((directory, prefix)) = open.pop() {
        let entries = fs::read_dir(&directory).map_err(failed("list", &directory))?;
        for entry in entries {
            let path = entry.map_err(failed("list", &directory))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let key = format!("{prefix}{name}");
            if left_out.contains(&key.as_str()) {
                continue;
            }
            if path.is_dir() {
                open.push((path, format!("{key}/")));
            } else {
                let bytes = fs::read(&path).map_err(failed("read", &path))?;
                found.insert(key, bytes);
            }
        }
    }
    Ok(found)
}

/// Writes a new file that is closed to others.
fn write_closed(path: &Path, text: &str) -> Result<(), DemoError> {
    let options = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    options
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(failed("write", path))
}

/// A folder that was not there before, so that nobody else can have prepared it.
fn make_new(parent: &Path) -> Result<PathBuf, DemoError> {
    let process = std::process::id();
    let mut tried = 0;
    loop {
        let suffix = if tried == 0 {
            String::new()
        } else {
            format!("-{tried}")
        };
        let path = parent.join(format!("syncd-demo-{process}{suffix}"));
        match DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && tried < 100 => tried += 1,
            Err(error) => return Err(failed("create", &path)(error)),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Gone already after `remove`.
        let _left_behind = fs::remove_dir_all(&self.root);
    }
}
