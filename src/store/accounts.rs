//! What an account's pause or wait needs to outlive the process.

use rusqlite::{Row, params};

use crate::model::fault::Fault;

use super::AccountRow;
use super::error::StoreError;
use super::reader::Reader;
use super::rows::small;
use super::writer::Store;

impl Store {
    /// Writes down an account's state.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn save_account(&self, account: AccountRow) -> Result<(), StoreError> {
        const SAVE: &str = "INSERT OR REPLACE INTO account (name, state, until_at_ms, fault_call, \
            fault_layer, fault_code, fault_status, fault_message, closures) VALUES (?1, ?2, ?3, ?4, \
            ?5, ?6, ?7, ?8, ?9)";
        self.write("record an account's state", move |db| {
            let fault = account.fault.as_ref();
            db.prepare_cached(SAVE)?
                .execute(params![
                    account.name,
                    account.state,
                    account.until,
                    fault.map(|fault| fault.call),
                    fault.map(|fault| fault.layer),
                    fault.map(|fault| &fault.code),
                    fault.and_then(|fault| fault.status),
                    fault.map(|fault| &fault.message),
                    account.closures
                ])
                .map(drop)
        })
        .await
    }

    /// All accounts' states, by name.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn accounts(&self) -> Result<Vec<AccountRow>, StoreError> {
        self.write("list the accounts", accounts).await
    }
}

impl Reader {
    /// All accounts' states, by name.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn accounts(&self) -> Result<Vec<AccountRow>, StoreError> {
        self.read("list the accounts", accounts)
    }
}

const ACCOUNTS: &str = "SELECT name, state, until_at_ms, fault_call, fault_layer, fault_code, \
    fault_status, fault_message, closures FROM account ORDER BY name";

fn accounts(db: &rusqlite::Connection) -> rusqlite::Result<Vec<AccountRow>> {
    db.prepare_cached(ACCOUNTS)?
        .query_map([], account_row)?
        .collect()
}

fn account_row(row: &Row<'_>) -> rusqlite::Result<AccountRow> {
    let fault = match row.get::<_, Option<_>>(3)? {
        Some(call) => Some(Fault {
            call,
            layer: row.get(4)?,
            code: row.get(5)?,
            status: row.get(6)?,
            message: row.get(7)?,
            retry_after: None,
        }),
        None => None,
    };
    Ok(AccountRow {
        name: row.get(0)?,
        state: row.get(1)?,
        until: row.get(2)?,
        fault,
        closures: small(row, 8)?,
    })
}
