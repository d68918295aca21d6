//! Lines of one moment, written at once: a call of the system for each would cost more than all else about
//! them.

use std::cell::RefCell;
use std::io::{self, Write as _};

thread_local! {
    /// What is held back on this thread, if anything is to be.
    static HELD: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// Does the work, and then writes all lines that it logs on this thread.
pub fn together(work: impl FnOnce()) {
    let _written = Written;
    HELD.set(Some(Vec::new()));
    work();
}

/// Writes what was held back when it is dropped, however the work ended.
struct Written;

impl Drop for Written {
    fn drop(&mut self) {
        if let Some(lines) = HELD.take() {
            // Who reads them may be gone; that does not stop the work.
            let _ = io::stderr().write_all(&lines);
        }
    }
}

/// Stderr, or what is held back before it.
pub(super) struct Stderr;

impl io::Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        HELD.with_borrow_mut(|held| match held {
            Some(lines) => lines.write(bytes),
            None => io::stderr().write(bytes),
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
