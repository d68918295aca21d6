//! Reading several tables in step.

use std::cmp::Ordering;

use rusqlite::fallible_streaming_iterator::FallibleStreamingIterator as _;
use rusqlite::{Row, Rows};

/// Rows of a table in byte order of their paths, which are in column 0, read in step with those of another
/// one: a look-up in an index for each file would be most of what a pass costs.
pub(super) struct Beside<'statement>(Rows<'statement>);

impl<'statement> Beside<'statement> {
    /// Rows that were not read yet.
    pub(super) fn new(rows: Rows<'statement>) -> Self {
        Self(rows)
    }

    /// The row of `path`, which must come after those that were asked for before.
    pub(super) fn at(&mut self, path: &[u8]) -> rusqlite::Result<Option<&Row<'statement>>> {
        if self.0.get().is_none() {
            self.0.advance()?;
        }
        while order(self.0.get(), path)? == Some(Ordering::Less) {
            self.0.advance()?;
        }
        match order(self.0.get(), path)? {
            Some(Ordering::Equal) => Ok(self.0.get()),
            _ => Ok(None),
        }
    }
}

fn order(row: Option<&Row<'_>>, path: &[u8]) -> rusqlite::Result<Option<Ordering>> {
    match row {
        Some(row) => Ok(Some(row.get_ref(0)?.as_blob()?.cmp(path))),
        None => Ok(None),
    }
}
