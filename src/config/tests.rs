//! Whole configurations, right and wrong.

mod desk;
mod files;
mod fuzz;
mod manual;
mod schema;
mod secrets;
mod values;
mod wrong;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::{Config, ConfigError, Environment};

/// A directory with a configuration in it.
pub(super) struct House {
    pub(super) directory: tempfile::TempDir,
    pub(super) environment: Vec<(String, String)>,
}

impl House {
    pub(super) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let house = Self {
            directory,
            environment: Vec::new(),
        };
        house
            .with("SYNCD_STATE_DIR", "/nowhere/state")
            .with("SHOP_SECRET", "canary-of-shop")
    }

    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(super) fn write(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        write_file(&path, text.as_bytes());
        std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path
    }

    pub(super) fn environment(&self) -> Environment {
        Environment::new(self.environment.clone())
    }

    /// Loads a configuration of this text, which others may read.
    pub(super) fn load(&self, text: &str) -> Result<Config, ConfigError> {
        let path = self.write("syncd.toml", text, 0o644);
        Config::load(&self.environment(), Some(&path))
    }

    /// The messages without the directory's name.
    pub(super) fn messages(&self, text: &str) -> String {
        match self.load(text) {
            Ok(_) => "ok".to_owned(),
            Err(error) => self.plain(&error),
        }
    }

    pub(super) fn plain(&self, error: &ConfigError) -> String {
        let directory = format!("{}/", self.directory.path().display());
        error.to_string().replace(&directory, "")
    }
}

#[expect(clippy::disallowed_methods, reason = "tests prepare their folder")]
pub(super) fn write_file(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
}

/// A good desk with an outbox and an inbox.
pub(super) const DESK: &str = r#"
[accounts.desk]
provider = "ccmessaging"
base_url = "https://desk.example"
app_key = "ak"
app_secret = { env = "SHOP_SECRET" }
channel_id = "202500000000000001"
user_id = "syncd-node-01"
[[folder]]
name = "out"
path = "/nowhere/out"
flow = "ccmessaging"
account = "desk"
[[inbox]]
name = "in"
path = "/nowhere/in"
account = "desk"
"#;

/// A good account and folder, to which a test adds.
pub(super) const GOOD: &str = r#"
[accounts.shop]
provider = "wechat"
token = { app = { appid = "wx0", secret = { env = "SHOP_SECRET" } } }
[[folder]]
name = "www"
path = "/nowhere/www"
flow = "static-website"
account = "shop"
env = "shop-1"
"#;
