//! Where slow synchronous work runs: on the blocking pool in production, in place in the simulator, where
//! the order of several pool threads would not be determined by the seed.

/// Runs blocking work without blocking the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offload {
    /// tokio's pool of blocking threads.
    Pool,
    /// At once, on the calling task.
    Inline,
}

impl Offload {
    /// Runs `work` to its end; a panic in it goes on in the caller.
    pub async fn run<T: Send + 'static>(self, work: impl FnOnce() -> T + Send + 'static) -> T {
        match self {
            Self::Inline => work(),
            Self::Pool => match tokio::task::spawn_blocking(work).await {
                Ok(value) => value,
                Err(error) => match error.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    // The runtime is shutting down: nobody waits for this task any more.
                    Err(_) => std::future::pending().await,
                },
            },
        }
    }
}
