//! Putting fetched files into the inbox: each exactly once and whole, its sidecar before it, whatever
//! ends the process and whatever readers of the inbox do.
//!
//! A fetched file has a temporary name in a private directory, which only syncd touches, and its row
//! says which final name it is to have. Giving it that name takes the temporary one away in the same
//! step. So, at any moment: the temporary file is there, and the file is not delivered; or it is gone,
//! and it was delivered, even if a reader has taken it away since. A final name is committed before it
//! is tried, so that the row is right about where the file went.
//!
//! The temporary name stays in the row of a delivered file. Should it ever be found on the disk again
//! (a power cut undid what the system had called durable), the file is delivered once more instead of
//! being taken for a stray.

use std::sync::Arc;

use crate::model::fault::{Call, Fault, Layer};
use crate::model::message::MessageState;
use crate::model::path::RelPath;
use crate::port::clock::Clock;
use crate::port::dice::Dice;
use crate::port::disk::{DiskError, RootIdentity};
use crate::port::inbox_disk::{Inbox, Placed, TempName};
use crate::port::offload::Offload;
use crate::store::{Fetched, NextTry, PendingMessage, Store, StoreError};

/// Names that are tried for one file.
const NAMES_MAX: u32 = 100_000;
/// Temporary files that are looked up at once.
const TEMPS_AT_ONCE: usize = 256;

/// Delivers into one inbox.
#[derive(Clone)]
pub struct Delivery {
    /// Name of the inbox.
    pub name: String,
    /// Its directory, open and locked.
    pub disk: Arc<dyn Inbox>,
    /// The journal.
    pub store: Store,
    /// Where the disk's work runs.
    pub offload: Offload,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance, for temporary names.
    pub dice: Arc<dyn Dice>,
    /// The n-th name to try, counted from 1, where the wanted one is taken.
    pub again: fn(&RelPath, u32) -> RelPath,
    /// Whether a program runs for each file.
    pub has_hook: bool,
}

/// Why a file could not be delivered. Nothing is lost: it is tried again as it is.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    /// The disk.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The journal; nothing can be trusted to be written down any more.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Too many files have the names it could have.
    #[error("All {NAMES_MAX} names for \"{0}\" are taken; take files out of the inbox")]
    NoFreeName(RelPath),
}

/// What taking up the last process's work led to.
#[derive(Debug, Default)]
pub struct Recovered {
    /// Files that are delivered now, with the path each got.
    pub delivered: Vec<(PendingMessage, RelPath)>,
    /// Begun messages whose file could not be delivered; the caller writes down what comes next.
    pub failed: Vec<(PendingMessage, DeliverError)>,
    /// Messages that were given up, because the inbox is another directory and their file is not in it.
    pub lost: Vec<PendingMessage>,
    /// Temporary files of no message, removed.
    pub strays: u64,
}

/// A new temporary name.
pub fn temp_name(dice: &dyn Dice) -> TempName {
    TempName(format!("{:016x}", dice.number()))
}

/// What became of one name.
enum Tried {
    /// The file has it.
    Placed,
    /// Something else has it.
    Taken {
        /// The sidecar was put beside that.
        sidecar_is_placed: bool,
    },
}

impl Delivery {
    /// Gives a fetched and begun file its final name. `None`: a person dropped it meanwhile.
    ///
    /// # Errors
    /// The disk or the journal failed; to be called again with the message as it is then.
    pub async fn deliver(&self, message: &PendingMessage) -> Result<Option<RelPath>, DeliverError> {
        let (Some(fetched), Some(file)) = (&message.fetched, &message.row.file) else {
            return Ok(None);
        };
        let id = message.row.id;
        let mut name = file.path.clone();
        let mut renames = message.renames;
        let mut sidecar = fetched.sidecar.as_ref().map(|sidecar| sidecar.temp.clone());
        loop {
            let tried = self
                .try_name(&fetched.temp, sidecar.as_ref(), &name)
                .await?;
            let Tried::Taken { sidecar_is_placed } = tried else {
                let now = self.clock.now();
                self.store.message_delivered(id, self.has_hook, now).await?;
                return Ok(Some(name));
            };
            (name, renames) = self.next_name(fetched, renames).await?;
            if sidecar_is_placed {
                sidecar = self.write_sidecar(fetched).await?;
            }
            let renamed = self
                .store
                .message_renamed(id, name.clone(), renames, sidecar.clone());
            if !renamed.await? {
                return Ok(None);
            }
        }
    }

    async fn try_name(
        &self,
        temp: &TempName,
        sidecar: Option<&TempName>,
        name: &RelPath,
    ) -> Result<Tried, DiskError> {
        let disk = Arc::clone(&self.disk);
        let (temp, sidecar, name) = (temp.clone(), sidecar.cloned(), name.clone());
        self.offload
            .run(move || place_both(&*disk, &temp, sidecar.as_ref(), &name))
            .await
    }

    /// The next name that nothing has, with its number.
    async fn next_name(
        &self,
        fetched: &Fetched,
        renames: u32,
    ) -> Result<(RelPath, u32), DeliverError> {
        let (disk, again) = (Arc::clone(&self.disk), self.again);
        let (wanted, has_sidecar) = (fetched.wanted.clone(), fetched.sidecar.is_some());
        let found = self.offload.run(move || {
            for number in renames.saturating_add(1)..=NAMES_MAX {
                let name = again(&wanted, number);
                if disk.is_free(&name)? && (!has_sidecar || disk.is_free(&name.sidecar())?) {
                    return Ok(Some((name, number)));
                }
            }
            Ok::<_, DiskError>(None)
        });
        let found = found.await?;
        found.ok_or_else(|| DeliverError::NoFreeName(fetched.wanted.clone()))
    }

    /// Writes a file's sidecar once more, because the first was put beside a name that the file could
    /// not have.
    async fn write_sidecar(&self, fetched: &Fetched) -> Result<Option<TempName>, DiskError> {
        let Some(sidecar) = &fetched.sidecar else {
            return Ok(None);
        };
        let temp = temp_name(&*self.dice);
        let (disk, name, text) = (Arc::clone(&self.disk), temp.clone(), sidecar.text.clone());
        let written = self.offload.run(move || {
            let mut file = disk.create(&name)?;
            file.write(&text)?;
            file.finish()
        });
        written.await?;
        Ok(Some(temp))
    }

    /// Takes up what the last process left: delivers what it fetched, and removes temporary files of
    /// no message. To be called before anything is fetched, after [`Store::recover`]. `known` is the
    /// directory that the inbox was last.
    ///
    /// # Errors
    /// The private directory cannot be read, or the journal failed.
    pub async fn recover(&self, known: Option<RootIdentity>) -> Result<Recovered, DeliverError> {
        let mut recovered = Recovered::default();
        self.take_up_temps(&mut recovered).await?;
        let is_other = known.is_some_and(|known| known != self.disk.identity());
        for message in self.store.undelivered(self.name.clone()).await? {
            if is_other && !self.is_here(&message).await? {
                self.give_up(&message).await?;
                recovered.lost.push(message);
                continue;
            }
            let now = self.clock.now();
            if let Some(message) = self.store.begin_message(message.row.id, now).await? {
                self.deliver_into(message, &mut recovered).await?;
            }
        }
        let identity = self.disk.identity();
        self.store
            .set_inbox_root(self.name.clone(), identity)
            .await?;
        Ok(recovered)
    }

    async fn deliver_into(
        &self,
        message: PendingMessage,
        recovered: &mut Recovered,
    ) -> Result<(), DeliverError> {
        match self.deliver(&message).await {
            Ok(Some(path)) => recovered.delivered.push((message, path)),
            Ok(None) => {}
            Err(error @ DeliverError::Store(_)) => return Err(error),
            Err(error) => recovered.failed.push((message, error)),
        }
        Ok(())
    }

    /// Goes through the temporary files: those of delivered messages are delivered once more, those of
    /// none are removed.
    async fn take_up_temps(&self, recovered: &mut Recovered) -> Result<(), DeliverError> {
        let disk = Arc::clone(&self.disk);
        let temps = self.offload.run(move || disk.temps()).await?;
        for temps in temps.chunks(TEMPS_AT_ONCE) {
            let owners = self
                .store
                .owners_of(self.name.clone(), temps.to_vec())
                .await?;
            for temp in temps {
                if !owners.iter().any(|owner| owns(owner, temp)) {
                    let (disk, temp) = (Arc::clone(&self.disk), temp.clone());
                    self.offload.run(move || disk.remove(&temp)).await?;
                    recovered.strays += 1;
                }
            }
            for owner in owners {
                if owner.row.state == MessageState::Delivered {
                    self.deliver_into(owner, recovered).await?;
                }
            }
        }
        Ok(())
    }

    async fn is_here(&self, message: &PendingMessage) -> Result<bool, DiskError> {
        let Some(fetched) = &message.fetched else {
            return Ok(false);
        };
        let (disk, temp) = (Arc::clone(&self.disk), fetched.temp.clone());
        self.offload.run(move || disk.has(&temp)).await
    }

    /// Its temporary file was in another directory: nobody can tell whether it is delivered there.
    async fn give_up(&self, message: &PendingMessage) -> Result<(), StoreError> {
        let words = "the inbox is another directory than before, and the file is not in it; if it is \
                     not where the inbox was, retry the message";
        let fault = Fault::new(Call::Deliver, Layer::Local, INBOX_REPLACED, words);
        let now = self.clock.now();
        self.store
            .message_failed(message.row.id, fault, NextTry::Lost, now)
            .await
    }
}

/// The code of a file that cannot be told to be delivered, because the inbox became another directory.
pub const INBOX_REPLACED: &str = "inbox-replaced";

fn owns(message: &PendingMessage, temp: &TempName) -> bool {
    message.fetched.as_ref().is_some_and(|fetched| {
        let sidecar = fetched.sidecar.as_ref();
        fetched.temp == *temp || sidecar.is_some_and(|sidecar| sidecar.temp == *temp)
    })
}

/// Gives the sidecar its name, then the file. Nothing is placed under a name that is taken.
fn place_both(
    disk: &dyn Inbox,
    temp: &TempName,
    sidecar: Option<&TempName>,
    name: &RelPath,
) -> Result<Tried, DiskError> {
    if let Some(sidecar) = sidecar {
        if !disk.has(temp)? {
            // The file was delivered; a power cut may have undone what had become of its sidecar.
            if disk.place(sidecar, &name.sidecar())? == Placed::NameTaken {
                disk.remove(sidecar)?;
            }
        } else if !disk.is_free(name)? {
            // A sidecar beside somebody else's file would mislead whoever reads both.
            let sidecar_is_placed = !disk.has(sidecar)?;
            return Ok(Tried::Taken { sidecar_is_placed });
        } else if disk.place(sidecar, &name.sidecar())? == Placed::NameTaken {
            let sidecar_is_placed = false;
            return Ok(Tried::Taken { sidecar_is_placed });
        }
    }
    Ok(match disk.place(temp, name)? {
        Placed::Done | Placed::TempGone => Tried::Placed,
        Placed::NameTaken => Tried::Taken {
            sidecar_is_placed: sidecar.is_some(),
        },
    })
}
