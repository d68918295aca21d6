//! The boundaries: everything the engine wants of the outside world goes through these traits, so that
//! the simulator can stand in for the world.

pub mod clock;
pub mod dice;
pub mod disk;
pub mod inbox_disk;
pub mod offload;
pub mod priority;
pub mod program;
pub mod token_source;
pub mod transport;
pub mod watcher;

use std::pin::Pin;

/// A boxed future of a port.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
