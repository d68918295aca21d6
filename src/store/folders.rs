//! Folders, and the remote trees their records belong to.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::error::StoreError;
use super::reader::Reader;
use super::rows::{amount, bits, count};
use super::writer::Store;
use super::{FolderRow, ScanTotals, local};
use crate::model::folder::FolderSpec;
use crate::model::job::FolderId;
use crate::model::path::RelPath;
use crate::model::time::Timestamp;
use crate::port::disk::RootIdentity;

/// Where a folder's records are kept.
pub(super) struct Tree {
    pub(super) id: i64,
    pub(super) prefix: String,
}

impl Store {
    /// Takes over the configured folders, in this order. A folder whose flow, account, env or prefix
    /// changed has a new remote tree, in which nothing is published yet; folders that are not
    /// named rest.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn adopt_folders(
        &self,
        specs: &[FolderSpec],
        now: Timestamp,
    ) -> Result<Vec<FolderRow>, StoreError> {
        let wanted: Vec<_> = specs.iter().map(Wanted::of).collect();
        self.write("record the folders", move |db| adopt(db, &wanted, now))
            .await
    }

    /// Remembers which directory a folder's records were made from.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn set_root(&self, folder: FolderId, root: RootIdentity) -> Result<(), StoreError> {
        const SET: &str = "UPDATE folder SET root_dev = ?2, root_ino = ?3 WHERE id = ?1";
        self.write("record a folder's root", move |db| {
            db.prepare_cached(SET)?
                .execute(params![folder, bits(root.dev), bits(root.ino)])
                .map(drop)
        })
        .await
    }

    /// Forgets which directory a folder's records were made from, and that it had an ignore file: a person
    /// takes it as it is now.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn forget_root(
        &self,
        folder: FolderId,
        ignore_file: RelPath,
    ) -> Result<(), StoreError> {
        const FORGET: &str = "UPDATE folder SET root_dev = NULL, root_ino = NULL WHERE id = ?1";
        self.write("forget a folder's root", move |db| {
            db.prepare_cached(FORGET)?.execute([folder])?;
            local::remove(db, folder, &ignore_file)
        })
        .await
    }

    /// Remembers that a person paused a folder, or resumed it.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn set_paused(&self, folder: FolderId, paused: bool) -> Result<(), StoreError> {
        const SET: &str = "UPDATE folder SET paused = ?2 WHERE id = ?1";
        self.write("record a pause", move |db| {
            db.prepare_cached(SET)?
                .execute(params![folder, paused])
                .map(drop)
        })
        .await
    }

    /// Remembers what a full scan passed over, which the records of files do not show.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn finish_scan(
        &self,
        folder: FolderId,
        totals: ScanTotals,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        const SET: &str = "UPDATE folder SET scanned_at_ms = ?2, scan_took_ms = ?3, \
            excluded_dirs = ?4, \
            links = ?5, specials = ?6 WHERE id = ?1";
        self.write("record a scan", move |db| {
            db.prepare_cached(SET)?
                .execute(params![
                    folder,
                    now,
                    amount(totals.took_ms),
                    amount(totals.excluded_dirs),
                    amount(totals.links),
                    amount(totals.specials)
                ])
                .map(drop)
        })
        .await
    }
}

impl Reader {
    /// The folders of the last configuration, by name.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn folders(&self) -> Result<Vec<FolderRow>, StoreError> {
        self.read("list the folders", |db| {
            let sql = format!("{FOLDER} WHERE active = 1 ORDER BY name");
            db.prepare_cached(&sql)?
                .query_map([], folder_row)?
                .collect()
        })
    }

    /// When a file of the folder was last acknowledged.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn last_success(&self, folder: FolderId) -> Result<Option<Timestamp>, StoreError> {
        const LAST: &str = "SELECT last_success_at_ms FROM folder WHERE id = ?1";
        self.read("read the last success", |db| {
            let found = db
                .prepare_cached(LAST)?
                .query_row([folder], |row| row.get(0))
                .optional()?;
            Ok(found.flatten())
        })
    }

    /// What the last full scan passed over, and when it ended; `None` before the first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn last_scan(
        &self,
        folder: FolderId,
    ) -> Result<Option<(Timestamp, ScanTotals)>, StoreError> {
        const LAST: &str = "SELECT scanned_at_ms, excluded_dirs, links, specials, scan_took_ms \
            FROM folder WHERE id = ?1 AND scanned_at_ms IS NOT NULL";
        self.read("read the last scan", |db| {
            db.prepare_cached(LAST)?
                .query_row([folder], |row| {
                    let totals = ScanTotals {
                        excluded_dirs: count(row, 1)?,
                        links: count(row, 2)?,
                        specials: count(row, 3)?,
                        took_ms: count(row, 4)?,
                    };
                    Ok((row.get(0)?, totals))
                })
                .optional()
        })
    }

    /// How many directories the last full scan did not enter.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn excluded_dirs(&self, folder: FolderId) -> Result<u64, StoreError> {
        let scan = self.last_scan(folder)?;
        Ok(scan.map_or(0, |(_, totals)| totals.excluded_dirs))
    }
}

const FOLDER: &str = "SELECT id, name, paused, root_dev, root_ino, \
    (SELECT max(number) FROM release WHERE folder_id = folder.id AND state = 'open'), \
    scanned_at_ms IS NOT NULL FROM folder";

fn folder_row(row: &Row<'_>) -> rusqlite::Result<FolderRow> {
    let dev: Option<i64> = row.get(3)?;
    let ino: Option<i64> = row.get(4)?;
    Ok(FolderRow {
        id: row.get(0)?,
        name: row.get(1)?,
        paused: row.get(2)?,
        root: dev.zip(ino).map(|(dev, ino)| RootIdentity {
            dev: dev.cast_unsigned(),
            ino: ino.cast_unsigned(),
        }),
        open_release: row.get(5)?,
        scanned: row.get(6)?,
    })
}

/// The part of a [`FolderSpec`] that records depend on.
struct Wanted {
    name: String,
    flow: &'static str,
    account: String,
    env: String,
    prefix: String,
}

impl Wanted {
    fn of(spec: &FolderSpec) -> Self {
        Self {
            name: spec.name.clone(),
            flow: spec.flow.as_str(),
            account: spec.account.clone(),
            env: spec.env.clone(),
            prefix: spec.prefix.clone(),
        }
    }
}

const REST: &str = "UPDATE folder SET active = 0 WHERE active = 1";
const UPSERT: &str = "INSERT INTO folder (name, active, adopted_at_ms) VALUES (?1, 1, ?2) \
    ON CONFLICT (name) DO UPDATE SET active = 1 RETURNING id";

fn adopt(db: &Connection, wanted: &[Wanted], now: Timestamp) -> rusqlite::Result<Vec<FolderRow>> {
    db.execute(REST, [])?;
    let mut rows = Vec::with_capacity(wanted.len());
    for one in wanted {
        let id: FolderId = db
            .prepare_cached(UPSERT)?
            .query_row(params![one.name, now], |row| row.get(0))?;
        adopt_tree(db, id, one)?;
        let sql = format!("{FOLDER} WHERE id = ?1");
        rows.push(db.prepare_cached(&sql)?.query_row([id], folder_row)?);
    }
    Ok(rows)
}

const SAME_TREE: &str = "SELECT 1 FROM tree WHERE folder_id = ?1 AND flow = ?2 AND \
    account = ?3 AND env = ?4 AND prefix = ?5 AND current = 1";
const LEAVE_TREE: &str = "UPDATE tree SET current = 0 WHERE folder_id = ?1 AND current = 1";
const ENTER_TREE: &str = "INSERT INTO tree (folder_id, flow, account, env, prefix, \
    current) VALUES (?1, ?2, ?3, ?4, ?5, 1) \
    ON CONFLICT (folder_id, flow, account, env, prefix) DO UPDATE SET current = 1";

/// Makes the wanted tree the current one. Jobs of the one before have keys of another place: those
/// that wait go, one that runs ends as unwanted. Its records are kept: they stay true of that
/// tree.
fn adopt_tree(db: &Connection, folder: FolderId, wanted: &Wanted) -> rusqlite::Result<()> {
    let tree = params![
        folder,
        wanted.flow,
        wanted.account,
        wanted.env,
        wanted.prefix
    ];
    if db.prepare_cached(SAME_TREE)?.exists(tree)? {
        return Ok(());
    }
    db.execute(LEAVE_TREE, [folder])?;
    db.execute(ENTER_TREE, tree)?;
    super::queue::withdraw_all(db, folder)
}

/// The remote tree of a configuration, in use or not.
pub(super) struct WantedTree {
    /// Its row; one that no record has where it is new.
    pub(super) id: i64,
    /// The folder goes there already.
    pub(super) is_current: bool,
}

/// The remote tree that a folder has by this configuration.
pub(super) fn tree_of(
    db: &Connection,
    folder: FolderId,
    spec: &FolderSpec,
) -> rusqlite::Result<WantedTree> {
    const FIND: &str = "SELECT id, current FROM tree WHERE folder_id = ?1 AND flow = ?2 AND \
        account = ?3 AND env = ?4 AND prefix = ?5";
    let flow = spec.flow.as_str();
    let found = db
        .prepare_cached(FIND)?
        .query_row(
            params![folder, flow, spec.account, spec.env, spec.prefix],
            |row| {
                Ok(WantedTree {
                    id: row.get(0)?,
                    is_current: row.get(1)?,
                })
            },
        )
        .optional()?;
    Ok(found.unwrap_or(WantedTree {
        id: -1,
        is_current: false,
    }))
}

const TREE: &str = "SELECT id, prefix FROM tree WHERE folder_id = ?1 AND current = 1";

/// The folder's current tree.
pub(super) fn tree(db: &Connection, folder: FolderId) -> rusqlite::Result<Tree> {
    db.prepare_cached(TREE)?.query_row([folder], |row| {
        Ok(Tree {
            id: row.get(0)?,
            prefix: row.get(1)?,
        })
    })
}
