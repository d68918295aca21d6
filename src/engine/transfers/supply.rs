//! What the slots of an account take from: jobs claimed in batches, their small files read ahead.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::{SetOnce, mpsc, oneshot};

use super::source::{self, Budget, Held};
use crate::engine::Ports;
use crate::engine::folder::Folder;
use crate::model::fault::Fault;
use crate::model::job::Claim;
use crate::model::time::Timestamp;
use crate::port::disk::Root;
use crate::store::{Store, StoreError};

/// A claimed job that is ready to be sent.
pub(super) struct Prepared {
    pub claim: Claim,
    pub folder: Arc<Folder>,
    pub body: PreparedBody,
    pub lease: Lease,
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

/// Whether a claim is committed: before that nothing is done that would have to be known after a crash.
#[derive(Clone)]
pub(super) struct Lease(Arc<SetOnce<()>>);

impl Lease {
    /// Waits for the commit. Where that fails the whole task ends, and this does not.
    pub(super) async fn committed(&self) {
        self.0.wait().await;
    }
}

/// What one round of claiming brought, besides the jobs.
#[derive(Clone, Copy)]
pub(super) struct Delivery {
    /// Everything that can be claimed now has been.
    pub exhausted: bool,
    /// When the next job is due, if nothing is left to claim.
    pub next_due: Option<Timestamp>,
}

/// Claims up to `limit` jobs of the folders, beginning with the first, reads what is small, and hands them
/// to `ready` while their claims are committed.
pub(super) async fn deliver(
    store: Store,
    (folders, limit): (VecDeque<Arc<Folder>>, usize),
    budget: Budget,
    ports: Ports,
    ready: mpsc::UnboundedSender<Vec<Prepared>>,
) -> Result<Delivery, StoreError> {
    let asked_at = ports.clock.now();
    let mut claimed = 0;
    let mut exhausted = true;
    for folder in &folders {
        let Some(root) = folder.open_root() else {
            continue;
        };
        let left = limit.saturating_sub(claimed);
        if left == 0 {
            exhausted = false;
            break;
        }
        // One folder with much to do must not keep the others waiting.
        let share = left.div_ceil(folders.len()).max(left.min(16));
        let now = ports.clock.now();
        let (ahead, claims) = oneshot::channel::<Vec<Claim>>();
        let lease = Lease(Arc::default());
        let preparing = async {
            let claims = claims.await.unwrap_or_default();
            let count = claims.len();
            if count > 0 {
                let lease = lease.clone();
                let prepared = read_ahead(claims, (folder, root), lease, &budget, &ports).await;
                // Whoever asked for them may have ended.
                let _ = ready.send(prepared);
            }
            count
        };
        let claiming = async {
            store.claim_ahead(folder.id, share, now, ahead).await?;
            // Only here is it set.
            let _ = lease.0.set(());
            Ok(())
        };
        let (committed, count) = tokio::join!(claiming, preparing);
        committed?;
        claimed += count;
        exhausted &= count < share;
    }
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
        exhausted,
        next_due,
    })
}

async fn read_ahead(
    claims: Vec<Claim>,
    (folder, root): (&Arc<Folder>, Arc<dyn Root>),
    lease: Lease,
    budget: &Budget,
    ports: &Ports,
) -> Vec<Prepared> {
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
            lease: lease.clone(),
        }
    };
    ports
        .offload
        .run(move || claims.into_iter().map(prepare).collect())
        .await
}
