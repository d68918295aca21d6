//! What the slots of an account take from: jobs claimed in batches, their small files read ahead.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::source::{self, Budget, Held};
use crate::engine::folder::Folder;
use crate::model::fault::Fault;
use crate::model::job::Claim;
use crate::model::time::Timestamp;
use crate::port::disk::Root;
use crate::port::offload::Offload;
use crate::store::{Store, StoreError};

/// A claimed job that is ready to be sent.
pub(super) struct Prepared {
    pub claim: Claim,
    pub folder: Arc<Folder>,
    pub body: PreparedBody,
}

/// Where its bytes are.
pub(super) enum PreparedBody {
    /// In memory.
    Held(Held),
    /// On the disk, to be streamed from this root.
    OnDisk(Arc<dyn Root>),
    /// Nowhere: reading failed, or another version is there.
    Failed(Fault),
}

/// What one round of claiming brought.
pub(super) struct Delivery {
    pub prepared: Vec<Prepared>,
    /// Everything that can be claimed now has been.
    pub exhausted: bool,
    /// When the next job is due, if nothing was left to claim.
    pub next_due: Option<Timestamp>,
}

/// Claims up to `limit` jobs of the folders, beginning with the first, and reads what is small.
pub(super) async fn deliver(
    store: Store,
    folders: VecDeque<Arc<Folder>>,
    limit: usize,
    budget: Budget,
    ports: crate::engine::Ports,
) -> Result<Delivery, StoreError> {
    let asked_at = ports.clock.now();
    let mut prepared = Vec::new();
    for folder in &folders {
        let Some(root) = folder.open_root() else {
            continue;
        };
        let left = limit.saturating_sub(prepared.len());
        if left == 0 {
            break;
        }
        // One folder with much to do must not keep the others waiting.
        let share = left.div_ceil(folders.len()).max(left.min(16));
        let now = ports.clock.now();
        let (ahead, claims) = oneshot::channel();
        let reading = async {
            let claims = claims.await.unwrap_or_default();
            read_ahead(claims, (folder, root), &budget, ports.offload).await
        };
        // The files are read while the claims are committed.
        let (claimed, read) =
            tokio::join!(store.claim_ahead(folder.id, share, now, ahead), reading);
        claimed?;
        prepared.extend(read);
    }
    let exhausted = prepared.is_empty();
    let next_due = if exhausted {
        // What was due already waits for something else; what came due meanwhile is asked for again.
        let open = folders.iter().filter(|folder| folder.open_root().is_some());
        let next = store
            .next_due(open.map(|folder| folder.id).collect())
            .await?;
        next.filter(|due| *due > asked_at)
    } else {
        None
    };
    Ok(Delivery {
        prepared,
        exhausted,
        next_due,
    })
}

async fn read_ahead(
    claims: Vec<Claim>,
    (folder, root): (&Arc<Folder>, Arc<dyn Root>),
    budget: &Budget,
    offload: Offload,
) -> Vec<Prepared> {
    if claims.is_empty() {
        return Vec::new();
    }
    let (folder, budget) = (Arc::clone(folder), budget.clone());
    let prepare = move |claim: Claim| {
        let body = match source::hold(&*root, &claim.path, &claim.version, &budget) {
            Ok(Some(held)) => PreparedBody::Held(held),
            Ok(None) => PreparedBody::OnDisk(Arc::clone(&root)),
            Err(fault) => PreparedBody::Failed(fault),
        };
        Prepared {
            claim,
            folder: Arc::clone(&folder),
            body,
        }
    };
    offload
        .run(move || claims.into_iter().map(prepare).collect())
        .await
}
