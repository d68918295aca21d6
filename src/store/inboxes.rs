//! Inboxes: which there are, whether a person paused them, and which directory each was.

use rusqlite::{Connection, Row, params};

use super::InboxRow;
use super::error::StoreError;
use super::reader::Reader;
use super::rows::bits;
use super::writer::Store;
use crate::port::disk::RootIdentity;

impl Store {
    /// Takes over the configured inboxes, in this order. Those that are not named rest, with their
    /// messages.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn adopt_inboxes(&self, names: Vec<String>) -> Result<Vec<InboxRow>, StoreError> {
        const REST: &str = "UPDATE inbox SET active = 0";
        const TAKE: &str = "INSERT INTO inbox (name, active) VALUES (?1, 1) \
            ON CONFLICT (name) DO UPDATE SET active = 1 \
            RETURNING name, paused, root_dev, root_ino";
        self.write("record the inboxes", move |db| {
            db.execute(REST, [])?;
            names
                .iter()
                .map(|name| db.prepare_cached(TAKE)?.query_row([name], inbox_row))
                .collect()
        })
        .await
    }

    /// Remembers that a person paused an inbox, or resumed it.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn set_inbox_paused(&self, name: String, paused: bool) -> Result<(), StoreError> {
        const SET: &str = "UPDATE inbox SET paused = ?2 WHERE name = ?1";
        self.write("record a pause", move |db| {
            db.prepare_cached(SET)?
                .execute(params![name, paused])
                .map(drop)
        })
        .await
    }

    /// Remembers which directory an inbox is.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn set_inbox_root(&self, name: String, root: RootIdentity) -> Result<(), StoreError> {
        const SET: &str = "UPDATE inbox SET root_dev = ?2, root_ino = ?3 WHERE name = ?1";
        self.write("record an inbox's directory", move |db| {
            db.prepare_cached(SET)?
                .execute(params![name, bits(root.dev), bits(root.ino)])
                .map(drop)
        })
        .await
    }
}

impl Reader {
    /// The inboxes of the last configuration, by name.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn inboxes(&self) -> Result<Vec<InboxRow>, StoreError> {
        self.read("list the inboxes", inboxes)
    }
}

fn inboxes(db: &Connection) -> rusqlite::Result<Vec<InboxRow>> {
    const ALL: &str =
        "SELECT name, paused, root_dev, root_ino FROM inbox WHERE active = 1 ORDER BY name";
    db.prepare_cached(ALL)?.query_map([], inbox_row)?.collect()
}

fn inbox_row(row: &Row<'_>) -> rusqlite::Result<InboxRow> {
    let dev: Option<i64> = row.get(2)?;
    let ino: Option<i64> = row.get(3)?;
    Ok(InboxRow {
        name: row.get(0)?,
        paused: row.get(1)?,
        root: dev.zip(ino).map(|(dev, ino)| RootIdentity {
            dev: dev.cast_unsigned(),
            ino: ino.cast_unsigned(),
        }),
    })
}
