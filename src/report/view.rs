//! The whole of what the running daemon says about itself, for those who watch it.

use crate::port::BoxFuture;

use super::Status;
use super::facts::LiveFacts;

/// How the daemon is at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// The report.
    pub status: Status,
    /// What only the running engine knows.
    pub live: LiveFacts,
}

/// Says how the daemon is.
pub trait Witness: Send + Sync {
    /// Now, or in words why not.
    fn view(&self) -> BoxFuture<'_, Result<View, String>>;
}
