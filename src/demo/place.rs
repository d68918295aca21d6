//! The demo's folder: the site, syncd's state, its configuration and its log. It is removed at the end.

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
    /// Makes the folder and writes the site into it.
    pub(super) fn create() -> Result<Self, DemoError> {
        let parent = std::env::temp_dir();
        let parent = parent.canonicalize().map_err(failed("find", &parent))?;
        let place = Self {
            root: make_new(&parent)?,
        };
        for (path, bytes) in site::FILES {
            place.write(path, bytes)?;
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

    /// The configuration.
    pub(super) fn config(&self) -> PathBuf {
        self.root.join("config.toml")
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

    /// Writes the configuration that points syncd at this cloud. Closed to others, as one that could
    /// hold a secret should be.
    pub(super) fn configure(&self, cloud: &Running) -> Result<String, DemoError> {
        let text = format!(
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
        );
        let path = self.config();
        let options = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path);
        options
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(failed("write", &path))?;
        Ok(text)
    }

    /// The bytes of every file that visitors should get, by its key.
    pub(super) fn published(&self) -> Result<BTreeMap<String, Vec<u8>>, DemoError> {
        let mut found = BTreeMap::new();
        let mut open = vec![(self.site(), String::new())];
        while let Some((directory, prefix)) = open.pop() {
            let entries = fs::read_dir(&directory).map_err(failed("list", &directory))?;
            for entry in entries {
                let path = entry.map_err(failed("list", &directory))?.path();
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let key = format!("{prefix}{name}");
                if site::LEFT_OUT.contains(&key.as_str()) {
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
