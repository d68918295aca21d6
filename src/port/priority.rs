//! Whose turn it is where there are fewer processors than threads. The next request goes out only when the
//! engine's thread runs; what reads, hashes and writes down works ahead of it, or behind it.

use rustix::process::{getpid, getpriority_process, setpriority_process};

/// So much nicer than the engine's are the threads that work for it: a third of its share, where both want
/// all.
const NICER: i32 = 5;

/// Has the calling thread give way to the engine's; where the system refuses, both get the same.
pub fn give_way() {
    // Linux counts niceness by thread. The number of the process is that of its first one, on which the
    // engine runs; without a number it is the calling one.
    if let Ok(engine) = getpriority_process(Some(getpid())) {
        let _ = setpriority_process(None, engine + NICER);
    }
}
