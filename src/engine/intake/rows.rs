//! The stored side of the merge.

use crate::model::job::FolderId;
use crate::model::path::RelPath;
use crate::store::{Reader, StoreError, StoredFile};

/// Rows read at once.
const PAGE_ROWS: usize = 2000;

/// Stored files in byte order, a page at a time.
pub(super) struct Rows {
    reader: Reader,
    folder: FolderId,
    below: Option<RelPath>,
    page: std::vec::IntoIter<StoredFile>,
    next: Option<StoredFile>,
    last: Option<RelPath>,
    ended: bool,
}

impl Rows {
    pub(super) fn new(reader: Reader, folder: FolderId, below: Option<RelPath>) -> Self {
        Self {
            reader,
            folder,
            below,
            page: Vec::new().into_iter(),
            next: None,
            last: None,
            ended: false,
        }
    }

    pub(super) fn peek(&mut self) -> Result<Option<&StoredFile>, StoreError> {
        if self.next.is_none() {
            self.next = self.page.next();
        }
        if self.next.is_none() && !self.ended {
            let page = self.reader.page(
                self.folder,
                self.below.as_ref(),
                self.last.as_ref(),
                PAGE_ROWS,
            )?;
            self.ended = page.len() < PAGE_ROWS;
            self.last = page.last().map(|row| row.path.clone());
            self.page = page.into_iter();
            self.next = self.page.next();
        }
        Ok(self.next.as_ref())
    }

    pub(super) fn take(&mut self) -> Option<StoredFile> {
        self.next.take()
    }
}
