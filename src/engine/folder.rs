//! A folder as its intake and its account's transfers share it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{mpsc, watch};

use super::intake::IntakeHandle;
use crate::decide::filter::PatternError;
use crate::decide::publish::Publisher;
use crate::model::folder::FolderSpec;
use crate::model::job::FolderId;
use crate::model::path::RelPath;
use crate::port::disk::Root;

/// One configured folder of the running engine.
pub(super) struct Folder {
    /// Row in the store.
    pub id: FolderId,
    /// Configuration.
    pub spec: FolderSpec,
    /// Publish order and stored headers.
    pub publisher: Publisher,
    looks: mpsc::UnboundedSender<RelPath>,
    root: watch::Receiver<Option<Arc<dyn Root>>>,
    paused: AtomicBool,
}

impl Folder {
    /// A folder with the root that its intake has opened.
    ///
    /// # Errors
    /// A pattern of the configuration is none.
    pub(super) fn new(
        id: FolderId,
        spec: FolderSpec,
        paused: bool,
        intake: &IntakeHandle,
    ) -> Result<Self, PatternError> {
        let publisher = Publisher::new(&spec)?;
        let (looks, root) = (intake.looks.clone(), intake.root.clone());
        let paused = AtomicBool::new(paused);
        Ok(Self {
            id,
            spec,
            publisher,
            looks,
            root,
            paused,
        })
    }

    /// Has the intake look at a path once more.
    pub(super) fn look_again(&self, path: RelPath) {
        // An intake that has ended looks at everything when it starts the next time.
        let _ = self.looks.send(path);
    }

    /// The root while the folder may be published: there, and not paused.
    pub(super) fn open_root(&self) -> Option<Arc<dyn Root>> {
        if self.is_paused() {
            return None;
        }
        self.root.borrow().clone()
    }

    /// Whether a person paused it.
    pub(super) fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Relaxed)
    }

    /// Pauses or resumes it.
    pub(super) fn set_paused(&self, paused: bool) {
        self.paused.store(paused, Ordering::Relaxed);
    }
}
