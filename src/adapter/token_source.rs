//! Tokens that a program prints or a file holds.
#![expect(
    clippy::disallowed_methods,
    reason = "token files are read and token programs are timed here"
)]

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};

use super::child::{self, Running};
use crate::model::fault::{Call, Fault, Layer, plain_words};
use crate::port::BoxFuture;
use crate::port::token_source::LocalTokens;

/// The longest a token program may run.
pub const COMMAND_DEADLINE: Duration = Duration::from_secs(30);
/// The longest output or file that may hold a token, in bytes.
const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// The programs and files of this machine.
#[derive(Debug, Clone)]
pub struct OsTokens {
    command_deadline: Duration,
}

impl Default for OsTokens {
    fn default() -> Self {
        Self {
            command_deadline: COMMAND_DEADLINE,
        }
    }
}

impl OsTokens {
    /// With another limit for a token program.
    pub fn with_command_deadline(deadline: Duration) -> Self {
        Self {
            command_deadline: deadline,
        }
    }
}

impl LocalTokens for OsTokens {
    fn command<'a>(&'a self, argv: &'a [String]) -> BoxFuture<'a, Result<Vec<u8>, Fault>> {
        Box::pin(run(argv, self.command_deadline))
    }

    fn file<'a>(&'a self, path: &'a Path) -> BoxFuture<'a, Result<Vec<u8>, Fault>> {
        Box::pin(read_file(path))
    }
}

async fn read_file(path: &Path) -> Result<Vec<u8>, Fault> {
    let failed = |message: &str| {
        let message = format!(
            "Could not read the token file \"{}\": {message}",
            path.display()
        );
        Fault::new(Call::Token, Layer::Local, "token-file", &message)
    };
    let file = tokio::fs::File::open(path)
        .await
        .map_err(|error| failed(&error.to_string()))?;
    let mut bytes = Vec::new();
    let read = file
        .take(TOKEN_BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)
        .await;
    read.map_err(|error| failed(&error.to_string()))?;
    if bytes.len() > TOKEN_BYTES_MAX {
        return Err(failed("it is too long for a token"));
    }
    Ok(bytes)
}

fn command_fault(message: &str) -> Fault {
    Fault::new(Call::Token, Layer::Local, "token-command", message)
}

/// Runs a token program as written, without a shell and with nothing but `PATH` in its environment.
async fn run(argv: &[String], deadline: Duration) -> Result<Vec<u8>, Fault> {
    let (Some(mut command), Some(program)) = (child::command(argv), argv.first()) else {
        return Err(command_fault("The token command is empty"));
    };
    let mut child = command
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map(Running)
        .map_err(|error| command_fault(&format!("Could not start \"{program}\": {error}")))?;
    let (stdout, stderr) = (child.0.stdout.take(), child.0.stderr.take());
    let finished = tokio::time::timeout(deadline, async {
        let (output, words) = tokio::join!(read_capped(stdout), read_capped(stderr));
        (output, words, child.0.wait().await)
    });
    let Ok((output, words, status)) = finished.await else {
        let seconds = deadline.as_secs();
        return Err(command_fault(&format!(
            "\"{program}\" did not end within {seconds} s"
        )));
    };
    let status = status.map_err(|error| command_fault(&format!("\"{program}\": {error}")))?;
    if !status.success() {
        let words = last_line(&words);
        return Err(command_fault(&format!(
            "\"{program}\" ended with {status}: {words}"
        )));
    }
    if output.len() > TOKEN_BYTES_MAX {
        return Err(command_fault(&format!(
            "\"{program}\" printed too much for a token"
        )));
    }
    Ok(output)
}

/// Reads to the end, but keeps only a little more than may be kept.
async fn read_capped(stream: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut kept = Vec::new();
    let Some(mut stream) = stream else {
        return kept;
    };
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        let room = (TOKEN_BYTES_MAX + 1).saturating_sub(kept.len());
        kept.extend_from_slice(buffer.get(..count.min(room)).unwrap_or_default());
    }
    kept
}

fn last_line(words: &[u8]) -> String {
    let text = String::from_utf8_lossy(words);
    let line = text
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or_default();
    plain_words(line).chars().take(120).collect()
}

#[cfg(test)]
mod tests;
