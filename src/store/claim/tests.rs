//! Claims do not wait for what they need not: who claims is told which jobs they are while the commit is still
//! to come, and no statement is prepared for a second time.

use std::sync::mpsc::channel;

use rusqlite::{StatementStatus, params};
use tokio::sync::oneshot;

use crate::model::job::FolderId;
use crate::model::time::Timestamp;
use crate::store::Store;

#[tokio::test]
async fn claims_are_told_before_they_are_committed() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("syncd.db")).unwrap();
    let (all_wait, have_come) = channel();
    let holding = store.write("hold the line", move |_| {
        have_come.recv().unwrap();
        Ok(())
    });
    let (ahead, mut told) = oneshot::channel();
    let claiming = store.claim_ahead(FolderId(1), 1, Timestamp(0), ahead);
    // In one transaction with the claim, after it.
    let looking = store.write("look", move |_| Ok(told.try_recv().is_ok()));
    let looking = async {
        tokio::pin!(looking);
        // Once it was polled it is in the line.
        assert!(futures_util::poll!(looking.as_mut()).is_pending());
        all_wait.send(()).unwrap();
        looking.await
    };
    let (held, claimed, was_told) = tokio::join!(holding, claiming, looking);
    held.unwrap();
    claimed.unwrap();
    assert!(was_told.unwrap(), "only after the commit");
}

#[tokio::test]
async fn a_claim_of_another_size_is_not_prepared_anew() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("syncd.db")).unwrap();
    let looking = store.write("look", move |db| {
        let mut ready = db.prepare_cached(super::READY)?;
        for limit in [1, 2] {
            ready.exists(params![1, 0, 1, 0, 3, false, limit])?;
        }
        Ok(ready.get_status(StatementStatus::RePrepare))
    });
    assert_eq!(looking.await.unwrap(), 0);
}
