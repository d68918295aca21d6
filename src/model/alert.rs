//! What the configuration asks for in `[alerts]`.

use std::time::Duration;

use super::secret::Secret;

/// Whom to tell when something needs a person. Addresses are secrets: their path or query often is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertSpec {
    /// Where alerts are posted.
    pub url: Option<Secret>,
    /// Signs what is posted.
    pub secret: Option<Secret>,
    /// A change that waits for longer is told.
    pub lag: Duration,
    /// What is asked for as long as all is well.
    pub heartbeat_url: Option<Secret>,
    /// How often.
    pub heartbeat: Duration,
}
