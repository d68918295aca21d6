//! Tokens that this machine itself hands out: by a program, or in a file.

use std::path::Path;

use super::BoxFuture;
use crate::model::fault::Fault;

/// Reads tokens from this machine. Faults are of [`crate::model::fault::Call::Token`], with the codes
/// `token-command` and `token-file`, and never hold the token.
pub trait LocalTokens: Send + Sync {
    /// What a program printed. No shell, an empty environment, limited in time and length.
    fn command<'a>(&'a self, argv: &'a [String]) -> BoxFuture<'a, Result<Vec<u8>, Fault>>;

    /// What a file holds.
    fn file<'a>(&'a self, path: &'a Path) -> BoxFuture<'a, Result<Vec<u8>, Fault>>;
}
