//! The ports of an inbox over the disk in memory.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use syncd::model::path::RelPath;
use syncd::port::disk::{DiskError, RootIdentity};
use syncd::port::inbox_disk::{Inbox, Inboxes, Placed, TempFile, TempName};

use super::{Change, Effect, FakeInboxes, Node, PRIVATE, Verdict, ancestors, parent};

impl Inboxes for FakeInboxes {
    fn open(&self, path: &Path) -> Result<Arc<dyn Inbox>, DiskError> {
        let mut state = self.state();
        if state.holder.is_some() {
            return Err(failed("lock", path, io::ErrorKind::WouldBlock.into()));
        }
        let holder = state.next;
        state.next += 1;
        state.holder = Some(holder);
        Ok(Arc::new(FakeInbox {
            disk: self.clone(),
            path: path.to_owned(),
            identity: state.identity,
            holder,
        }))
    }
}

fn failed(attempt: &'static str, path: &Path, source: io::Error) -> DiskError {
    DiskError::System {
        attempt,
        path: path.to_owned(),
        source,
    }
}

struct FakeInbox {
    disk: FakeInboxes,
    path: PathBuf,
    identity: RootIdentity,
    holder: u64,
}

impl Drop for FakeInbox {
    fn drop(&mut self) {
        let mut state = self.disk.state();
        if state.holder == Some(self.holder) {
            state.holder = None;
        }
    }
}

fn private(name: &TempName) -> Vec<u8> {
    [PRIVATE.as_bytes(), b"/", name.0.as_bytes()].concat()
}

impl FakeInbox {
    fn before(&self, effect: &Effect) -> Result<(), DiskError> {
        self.told(self.disk.before(effect))
    }

    fn told(&self, verdict: Verdict) -> Result<(), DiskError> {
        match verdict {
            Verdict::Happens => Ok(()),
            Verdict::Fails(kind) => Err(failed("write", &self.path, kind.into())),
            Verdict::Dead => Err(failed("live", &self.path, io::ErrorKind::Other.into())),
        }
    }

    /// Makes the names in a directory durable. If that fails, the final names in it never will be,
    /// though the system says so the next time.
    fn sync(&self, directory: &[u8]) -> Result<(), DiskError> {
        let effect = Effect::SyncDirectory(directory.to_vec());
        let verdict = self.disk.before(&effect);
        let mut state = self.disk.state();
        let concerned = |change: &Change| parent(change.name()) == directory;
        match verdict {
            Verdict::Happens => state.persist(concerned),
            // The private directory changes all the time, and is written whole each time.
            Verdict::Fails(_) if directory != PRIVATE.as_bytes() => {
                state.pending.retain(|change| !concerned(change));
            }
            Verdict::Fails(_) | Verdict::Dead => {}
        }
        self.told(verdict)
    }

    /// Makes the directories above a final name, durably.
    fn make_parents(&self, to: &RelPath) -> Result<(), DiskError> {
        for directory in ancestors(to.as_bytes()) {
            let found = self.disk.state().names.get(directory).cloned();
            match found {
                Some(Node::Directory) => {}
                None => {
                    self.before(&Effect::MakeDirectory(directory.to_vec()))?;
                    let change = Change::Add(directory.to_vec(), Node::Directory);
                    self.disk.state().change(change);
                }
                Some(Node::File(_) | Node::Symlink) => return Err(self.blocked(to)),
            }
            if let Err(error) = self.sync(parent(directory)) {
                self.unmake(directory)?;
                return Err(error);
            }
        }
        Ok(())
    }

    /// Takes an empty directory away again.
    fn unmake(&self, directory: &[u8]) -> Result<(), DiskError> {
        self.before(&Effect::RemoveDirectory(directory.to_vec()))?;
        let mut state = self.disk.state();
        if !state.names.keys().any(|name| parent(name) == directory) {
            state.change(Change::Remove(directory.to_vec()));
        }
        Ok(())
    }

    fn blocked(&self, to: &RelPath) -> DiskError {
        let path = self.path.join(to.as_path());
        DiskError::NotADirectory { path }
    }
}

impl Inbox for FakeInbox {
    fn identity(&self) -> RootIdentity {
        self.identity
    }

    fn free_bytes(&self) -> Result<u64, DiskError> {
        Ok(self.disk.state().free_bytes)
    }

    fn create(&self, name: &TempName) -> Result<Box<dyn TempFile>, DiskError> {
        self.before(&Effect::Create(name.0.clone()))?;
        let mut state = self.disk.state();
        if state.names.contains_key(&private(name)) {
            let error = io::ErrorKind::AlreadyExists.into();
            return Err(failed("make", &self.path, error));
        }
        let ino = state.make(Vec::new());
        state.change(Change::Add(private(name), Node::File(ino)));
        Ok(Box::new(FakeTemp {
            inbox: Self {
                disk: self.disk.clone(),
                path: self.path.clone(),
                identity: self.identity,
                holder: 0,
            },
            name: name.clone(),
            ino,
        }))
    }

    fn temps(&self) -> Result<Vec<TempName>, DiskError> {
        let state = self.disk.state();
        let names = state.names.keys();
        let temps = names.filter(|name| parent(name) == PRIVATE.as_bytes());
        let temps =
            temps.map(|name| String::from_utf8_lossy(&name[PRIVATE.len() + 1..]).into_owned());
        Ok(temps.map(TempName).collect())
    }

    fn has(&self, name: &TempName) -> Result<bool, DiskError> {
        Ok(self.disk.state().names.contains_key(&private(name)))
    }

    fn remove(&self, name: &TempName) -> Result<(), DiskError> {
        self.before(&Effect::Remove(name.0.clone()))?;
        let mut state = self.disk.state();
        if state.names.contains_key(&private(name)) {
            state.change(Change::Remove(private(name)));
        }
        Ok(())
    }

    fn is_free(&self, name: &RelPath) -> Result<bool, DiskError> {
        let state = self.disk.state();
        for directory in ancestors(name.as_bytes()) {
            match state.names.get(directory) {
                Some(Node::Directory) => {}
                None => return Ok(true),
                Some(Node::File(_) | Node::Symlink) => return Err(self.blocked(name)),
            }
        }
        Ok(!state.names.contains_key(name.as_bytes()))
    }

    fn place(&self, name: &TempName, to: &RelPath) -> Result<Placed, DiskError> {
        let (from, to_bytes) = (private(name), to.as_bytes());
        if !self.has(name)? {
            let mut above: Vec<_> = ancestors(to_bytes).collect();
            above.reverse();
            for directory in above {
                self.sync(directory)?;
            }
            self.sync(b"")?;
            self.sync(PRIVATE.as_bytes())?;
            return Ok(Placed::TempGone);
        }
        self.make_parents(to)?;
        self.before(&Effect::Rename(to_bytes.to_vec()))?;
        {
            let mut state = self.disk.state();
            if state.names.contains_key(to_bytes) {
                return Ok(Placed::NameTaken);
            }
            // A reader may have taken the directory away since it was made.
            if ancestors(to_bytes).any(|above| state.names.get(above) != Some(&Node::Directory)) {
                let path = self.path.join(to.as_path());
                return Err(DiskError::NotFound { path });
            }
            state.change(Change::Move(from, to_bytes.to_vec()));
        }
        self.sync(parent(to_bytes))?;
        self.sync(PRIVATE.as_bytes())?;
        Ok(Placed::Done)
    }
}

struct FakeTemp {
    inbox: FakeInbox,
    name: TempName,
    ino: u64,
}

impl TempFile for FakeTemp {
    fn write(&mut self, bytes: &[u8]) -> Result<(), DiskError> {
        self.inbox.before(&Effect::Write(self.name.0.clone()))?;
        let mut state = self.inbox.disk.state();
        let count = bytes.len() as u64;
        if state.free_bytes < count {
            let error = io::ErrorKind::StorageFull.into();
            return Err(failed("write", &self.inbox.path, error));
        }
        state.free_bytes -= count;
        if let Some(inode) = state.inodes.get_mut(&self.ino) {
            inode.bytes.extend_from_slice(bytes);
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), DiskError> {
        let effect = Effect::SyncFile(self.name.0.clone());
        let verdict = self.inbox.disk.before(&effect);
        if let Some(inode) = self.inbox.disk.state().inodes.get_mut(&self.ino) {
            match verdict {
                Verdict::Fails(_) => inode.is_lost = true,
                Verdict::Happens if !inode.is_lost => inode.durable = Some(inode.bytes.clone()),
                Verdict::Happens | Verdict::Dead => {}
            }
        }
        let verdict = self.inbox.told(verdict);
        let finished = verdict.and_then(|()| self.inbox.sync(PRIVATE.as_bytes()));
        finished.inspect_err(|_| {
            let _ = self.inbox.remove(&self.name);
        })
    }
}
