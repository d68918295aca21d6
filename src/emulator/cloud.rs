//! What the emulated cloud has: its clock, tokens, links, objects and faults, in one place.
//!
//! Locks are held for a moment each and never across waiting.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::ccmessaging::Desk;
use super::clock::Clock;
use super::faults::FaultBook;
use super::links::LinkSigner;
use super::objects::{Bucket, Space, StoredObject};
use super::options::EmulatorOptions;
use super::record::Record;
use super::spool::Spool;
use super::tokens::TokenBook;

/// Where everything listens.
#[derive(Debug, Clone)]
pub(super) struct Addresses {
    pub(super) api: SocketAddr,
    pub(super) cos: SocketAddr,
    /// By environment.
    pub(super) sites: BTreeMap<String, SocketAddr>,
}

/// The emulated cloud.
pub(super) struct Cloud {
    pub(super) options: EmulatorOptions,
    pub(super) addresses: Addresses,
    pub(super) clock: Clock,
    pub(super) links: LinkSigner,
    pub(super) record: Record,
    pub(super) desk: Desk,
    spool: Arc<Spool>,
    tokens: Mutex<TokenBook>,
    websites: Mutex<BTreeMap<String, Bucket>>,
    storages: Mutex<BTreeMap<String, Bucket>>,
    faults: Mutex<FaultBook>,
    serial: AtomicU64,
}

impl Cloud {
    pub(super) fn new(options: EmulatorOptions, addresses: Addresses) -> io::Result<Self> {
        let mut faults = FaultBook::default();
        for fault in &options.faults {
            faults.add(fault.clone());
        }
        let buckets = |space| {
            let environments = options.environments.iter();
            let named = environments.map(|name: &String| (name.clone(), Bucket::new(space, name)));
            Mutex::new(named.collect())
        };
        let (websites, storages) = (buckets(Space::Website), buckets(Space::Storage));
        Ok(Self {
            addresses,
            clock: Clock::default(),
            links: LinkSigner::new(),
            record: Record::new(options.observer.clone()),
            desk: Desk::new(options.desk.clone()),
            spool: Arc::new(Spool::open(options.root.as_deref())?),
            tokens: Mutex::new(TokenBook::new(&options.tokens)),
            websites,
            storages,
            faults: Mutex::new(faults),
            serial: AtomicU64::new(1),
            options,
        })
    }

    pub(super) fn tokens(&self) -> MutexGuard<'_, TokenBook> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn faults(&self) -> MutexGuard<'_, FaultBook> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The buckets of a space by environment.
    pub(super) fn buckets(&self, space: Space) -> MutexGuard<'_, BTreeMap<String, Bucket>> {
        let buckets = match space {
            Space::Website => &self.websites,
            Space::Storage => &self.storages,
        };
        buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The static websites by environment.
    pub(super) fn websites(&self) -> MutexGuard<'_, BTreeMap<String, Bucket>> {
        self.buckets(Space::Website)
    }

    pub(super) fn object(
        &self,
        (space, environment): (Space, &str),
        key: &str,
    ) -> Option<Arc<StoredObject>> {
        let buckets = self.buckets(space);
        buckets.get(environment)?.objects.get(key).map(Arc::clone)
    }

    /// The space and the environment that have a bucket of this name.
    pub(super) fn owner_of(&self, bucket: &str) -> Option<(Space, String)> {
        [Space::Website, Space::Storage]
            .into_iter()
            .find_map(|space| {
                let buckets = self.buckets(space);
                let mut named = buckets.iter().filter(|(_, one)| one.name == bucket);
                let (environment, _) = named.next()?;
                Some((space, environment.clone()))
            })
    }

    /// Where the bytes of large objects go, if they are kept.
    pub(super) fn spool(&self) -> Option<Arc<Spool>> {
        self.options.keep_large.then(|| Arc::clone(&self.spool))
    }

    /// Puts an object in the place of the one before.
    pub(super) fn store(&self, (space, environment): (Space, &str), object: Arc<StoredObject>) {
        if let Some(bucket) = self.buckets(space).get_mut(environment) {
            bucket.objects.insert(object.key.clone(), object);
        }
    }

    /// A number that no other request has, as the clouds print it.
    pub(super) fn request_id(&self) -> String {
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        format!("{serial:08x}-e0e0-{:04x}", serial & 0xffff)
    }
}
