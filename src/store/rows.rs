//! How domain values stand in columns. A value that cannot be what was written is an error, never a
//! default: it means that the file is damaged.

use rusqlite::Row;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, Value, ValueRef};

use super::{ReleaseState, StoredFault};
use crate::model::digest::Sha256;
use crate::model::fault::{Call, Layer};
use crate::model::headers::Fingerprint;
use crate::model::job::{FolderId, JobId, JobState, Reason, ReleaseNumber, Stage};
use crate::model::key::Key;
use crate::model::message::{HookState, MessageId, MessageState};
use crate::model::observation::Stat;
use crate::model::path::RelPath;
use crate::model::record::Published;
use crate::model::time::Timestamp;
use crate::port::inbox_disk::TempName;

macro_rules! integers {
    ($($type:ident),+) => {$(
        impl FromSql for $type {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                value.as_i64().map($type)
            }
        }

        impl ToSql for $type {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(ToSqlOutput::Owned(Value::Integer(self.0)))
            }
        }
    )+};
}
integers!(
    FolderId,
    JobId,
    MessageId,
    ReleaseNumber,
    Timestamp,
    Fingerprint
);

macro_rules! word_columns {
    ($($type:ident),+) => {$(
        impl FromSql for $type {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                $type::from_word(value.as_str()?).ok_or(FromSqlError::InvalidType)
            }
        }

        impl ToSql for $type {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(ToSqlOutput::Borrowed(ValueRef::Text(self.as_str().as_bytes())))
            }
        }
    )+};
}
word_columns!(
    Call,
    Layer,
    Reason,
    JobState,
    ReleaseState,
    MessageState,
    HookState
);

/// Stages are numbers, so that an index keeps them in publish order.
impl FromSql for Stage {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_i64()? {
            0 => Ok(Self::Asset),
            1 => Ok(Self::Page),
            2 => Ok(Self::Last),
            other => Err(FromSqlError::OutOfRange(other)),
        }
    }
}

impl ToSql for Stage {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let number = match self {
            Self::Asset => 0,
            Self::Page => 1,
            Self::Last => 2,
        };
        Ok(ToSqlOutput::Owned(Value::Integer(number)))
    }
}

impl FromSql for Sha256 {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let bytes = value.as_blob()?;
        <[u8; 32]>::try_from(bytes)
            .map(Self)
            .map_err(|_| FromSqlError::InvalidBlobSize {
                expected_size: 32,
                blob_size: bytes.len(),
            })
    }
}

impl ToSql for Sha256 {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Blob(&self.0)))
    }
}

impl FromSql for RelPath {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Self::from_bytes(value.as_blob()?).map_err(FromSqlError::other)
    }
}

impl ToSql for RelPath {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Blob(self.as_bytes())))
    }
}

impl FromSql for TempName {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str().map(|name| Self(name.to_owned()))
    }
}

impl ToSql for TempName {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(self.0.as_bytes())))
    }
}

impl FromSql for Key {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value
            .as_str()
            .map(|text| Self::from_stored(text.to_owned()))
    }
}

impl ToSql for Key {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(
            self.as_str().as_bytes(),
        )))
    }
}

/// An unsigned number of a file system, kept bit for bit.
pub(super) fn bits(number: u64) -> i64 {
    number.cast_signed()
}

/// A size or count on its way into a column.
pub(super) fn amount(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A size or count from a column.
pub(super) fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, number))
}

/// A small count from a column.
pub(super) fn small(row: &Row<'_>, column: usize) -> rusqlite::Result<u32> {
    let number: i64 = row.get(column)?;
    u32::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, number))
}

/// `dev, ino, size, mtime_ns, ctime_ns`, from column `at` on.
pub(super) fn stat(row: &Row<'_>, at: usize) -> rusqlite::Result<Stat> {
    Ok(Stat {
        dev: row.get::<_, i64>(at)?.cast_unsigned(),
        ino: row.get::<_, i64>(at + 1)?.cast_unsigned(),
        size: count(row, at + 2)?,
        mtime_ns: row.get(at + 3)?,
        ctime_ns: row.get(at + 4)?,
    })
}

/// `digest, headers`, from column `at` on; `None` where there is no digest.
pub(super) fn published(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<Published>> {
    let Some(digest) = row.get::<_, Option<Sha256>>(at)? else {
        return Ok(None);
    };
    Ok(Some(Published {
        digest,
        headers: row.get(at + 1)?,
    }))
}

/// `call, layer, code, status, message, at_ms`, from column `at` on; `None` where there is no code.
pub(super) fn fault(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<StoredFault>> {
    let Some(code) = row.get::<_, Option<String>>(at + 2)? else {
        return Ok(None);
    };
    Ok(Some(StoredFault {
        call: row.get(at)?,
        layer: row.get(at + 1)?,
        code,
        status: row.get(at + 3)?,
        message: row.get(at + 4)?,
        at: row.get(at + 5)?,
    }))
}

/// The bounds of everything below a directory, and of nothing else: `from < path < to`.
pub(super) fn below(directory: &RelPath) -> (Vec<u8>, Vec<u8>) {
    let from = [directory.as_bytes(), b"/"].concat();
    let to = [directory.as_bytes(), b"0"].concat();
    (from, to)
}

/// Above every path: a component has at most 255 bytes.
pub(super) const ABOVE_ALL: [u8; 256] = [0xff; 256];
