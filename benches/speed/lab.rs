//! What the rows share: what was asked for, and the tree, which takes its time to make.

use std::cell::OnceCell;
use std::path::Path;
use std::time::Duration;

use crate::Outcome;
use crate::options::Options;
use crate::program::{Program, Setup};
use crate::sink_client::Sink;
use crate::tree::Tree;

pub(crate) struct Lab {
    pub(crate) options: Options,
    small: OnceCell<Tree>,
}

impl Lab {
    pub(crate) fn new(options: Options) -> Self {
        Self {
            options,
            small: OnceCell::new(),
        }
    }

    /// Waits until a daemon is at rest: connections and threads that nobody uses any more are gone.
    pub(crate) fn wait_for_rest(&self) {
        let seconds = if self.options.quick { 1 } else { 30 };
        std::thread::sleep(Duration::from_secs(seconds));
    }

    /// The tree of small files.
    pub(crate) fn small(&self) -> Outcome<&Tree> {
        if let Some(tree) = self.small.get() {
            tree.warm()?;
            return Ok(tree);
        }
        let tree = Tree::small(self.options.files)?;
        Ok(self.small.get_or_init(|| tree))
    }
}

/// A syncd that has seen nothing yet, and sends so many files at once.
pub(crate) fn fresh(folder: &Path, sink: &Sink, concurrency: &str) -> Outcome<Program> {
    Program::new(&Setup {
        folder,
        base_url: &sink.base_url(),
        concurrency,
        // A file that was just changed would be waited for, which is no work.
        settle: "0s",
    })
}
