//! Other programs that do such work, where they are installed.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::Outcome;

/// Whether a program is there.
pub(crate) fn is_installed(name: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|directory| directory.join(name).is_file())
}

fn quietly(command: &mut Command) -> Outcome<()> {
    let status = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    if status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {status}").into())
}

/// Walks the tree and says of each file what tells a changed one.
pub(crate) fn find(root: &Path) -> Outcome<()> {
    quietly(
        Command::new("find")
            .arg(root)
            .args(["-printf", "%p %s %T@ %i\n"]),
    )
}

/// Flags by which rclone asks least of the server.
pub(crate) const RCLONE_BEST: &[&str] = &["--update", "--use-server-modtime", "--fast-list"];

/// Copies the tree to a bucket of the sink, 32 files at once.
pub(crate) fn rclone(root: &Path, base_url: &str, flags: &[&str]) -> Outcome<()> {
    let mut command = Command::new("rclone");
    command.arg("copy").arg(root).arg(":s3:bucket").args(flags);
    command.args(["--transfers", "32", "--checkers", "32"]);
    command.args(["--s3-provider", "Other", "--s3-endpoint", base_url]);
    command.args([
        "--s3-access-key-id",
        "bench",
        "--s3-secret-access-key",
        "bench",
    ]);
    command.args(["--s3-no-check-bucket", "--s3-force-path-style"]);
    command.args(["--config", "/dev/null"]);
    // It cannot use one with this endpoint.
    command.env_remove("AWS_CA_BUNDLE");
    quietly(&mut command)
}

/// SHA-256 of files, one after the other.
pub(crate) fn openssl(files: &[std::path::PathBuf]) -> Outcome<Child> {
    let mut command = Command::new("openssl");
    command.args(["dgst", "-sha256"]).args(files);
    Ok(command.stdout(Stdio::null()).spawn()?)
}

/// Copies what changes below one directory to another, without delay; killed when it is dropped.
pub(crate) struct Lsyncd(Child);

impl Lsyncd {
    pub(crate) fn start(from: &Path, to: &Path) -> Outcome<Self> {
        let child = Command::new("lsyncd")
            .args(["-nodaemon", "-delay", "0", "-rsync"])
            .args([from, to])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self(child))
    }
}

impl Drop for Lsyncd {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
