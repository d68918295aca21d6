//! The stored side of the merge.

use crate::model::job::FolderId;
use crate::model::path::RelPath;
use crate::port::offload::Ahead;
use crate::store::{Reader, StoreError, StoredFile};

/// Rows read at once.
const PAGE_ROWS: usize = 1000;

/// Reads stored files in byte order, a page at a time.
pub(super) struct Pages {
    reader: Reader,
    folder: FolderId,
    below: Option<RelPath>,
    last: Option<RelPath>,
    ended: bool,
}

impl Pages {
    /// What is stored of `below` (`None`: of everything).
    pub(super) fn new(reader: Reader, folder: FolderId, below: Option<RelPath>) -> Self {
        Self {
            reader,
            folder,
            below,
            last: None,
            ended: false,
        }
    }
}

impl Iterator for Pages {
    type Item = Result<Vec<StoredFile>, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let (below, last) = (self.below.as_ref(), self.last.as_ref());
        let page = self.reader.page(self.folder, below, last, PAGE_ROWS);
        self.ended = page.as_ref().is_ok_and(|page| page.len() < PAGE_ROWS) || page.is_err();
        if let Ok(page) = &page {
            self.last = page.last().map(|row| row.path.clone());
        }
        Some(page)
    }
}

/// Stored files, one by one.
pub(super) struct Rows {
    pages: Ahead<Result<Vec<StoredFile>, StoreError>>,
    page: std::vec::IntoIter<StoredFile>,
    next: Option<StoredFile>,
}

impl Rows {
    pub(super) fn new(pages: Ahead<Result<Vec<StoredFile>, StoreError>>) -> Self {
        Self {
            pages,
            page: Vec::new().into_iter(),
            next: None,
        }
    }

    pub(super) fn peek(&mut self) -> Result<Option<&StoredFile>, StoreError> {
        while self.next.is_none() {
            self.next = self.page.next();
            if self.next.is_none() {
                match self.pages.next() {
                    Some(page) => self.page = page?.into_iter(),
                    None => break,
                }
            }
        }
        Ok(self.next.as_ref())
    }

    pub(super) fn take(&mut self) -> Option<StoredFile> {
        self.next.take()
    }
}
