//! What one regular file is to the folder's rules and to what is stored of it: pure, without any I/O.

#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::decide::filter::{PatternError, Rules, Verdict};
use crate::decide::plan::{Standing, standing};
use crate::decide::publish::Publisher;
use crate::model::digest::Sha256;
use crate::model::folder::FolderSpec;
use crate::model::headers::Fingerprint;
use crate::model::job::Stage;
use crate::model::key::Key;
use crate::model::observation::{Sight, Stat};
use crate::model::path::RelPath;
use crate::model::record::Published;
use crate::model::time::Timestamp;
use crate::store::{Sighting, StoredFile};

/// All rules of one folder, compiled.
#[derive(Debug)]
pub(super) struct Policy {
    /// What is left out.
    pub rules: Rules,
    /// How the rest is published.
    pub publisher: Publisher,
    prefix: String,
}

/// A file that has to be read to know what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ToHash {
    /// Path.
    pub path: RelPath,
    /// Metadata at the look; what was read counts, not this.
    pub stat: Stat,
    /// What is to be recorded with it.
    pub target: (Key, Stage, Fingerprint),
    /// What is stored, where a look that finds the same needs no recording.
    pub stored: Option<Stored>,
    /// How long it must have been left alone once it is read; zero if it has had its time to settle.
    pub quiet: Duration,
}

/// The stored look that a new one is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stored {
    /// A file in order, looked at too soon after its last change.
    Racy {
        /// Metadata.
        stat: Stat,
        /// Identity.
        digest: Sha256,
    },
    /// A file that could not be read, and why.
    Unreadable(Stat, String),
}

/// What a look at a file's metadata leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Judged {
    /// Nothing changed.
    Unchanged,
    /// To be recorded without reading it.
    Record(Sighting),
    /// To be read.
    Read(ToHash),
}

/// One file as it was judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Judgement {
    /// What to do.
    pub judged: Judged,
    /// It is left out by a rule.
    pub excluded: bool,
    /// The cloud has it as it is, and nothing else is wanted of it.
    pub at_rest: bool,
    /// It changed so short a time ago that it may be changing still.
    pub young: bool,
}

/// The moment of a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    /// Wall clock.
    pub now: Timestamp,
    /// A file that changed this recently is young.
    pub quiet: Duration,
}

impl Moment {
    /// Whether the file changed within the quiet time, by whole milliseconds as the wall clock has them. A
    /// time in the future (set by hand, or the clock was set back) says nothing; the other one is asked then.
    pub(super) fn is_young(self, stat: &Stat) -> bool {
        [stat.mtime_ns, stat.ctime_ns].into_iter().any(|time_ns| {
            let changed = Timestamp(time_ns.div_euclid(1_000_000));
            changed <= self.now && changed.until(self.now) < self.quiet
        })
    }
}

impl Policy {
    /// Compiles a folder's rules; `ignore_file` is the text of its `.syncdignore`.
    ///
    /// # Errors
    /// A pattern cannot be understood.
    pub(super) fn new(
        folder: &FolderSpec,
        ignore_file: Option<&str>,
    ) -> Result<Self, PatternError> {
        Ok(Self {
            rules: Rules::new(folder, ignore_file)?,
            publisher: Publisher::new(folder)?,
            prefix: folder.prefix.clone(),
        })
    }

    /// Whether nothing below this directory is looked at.
    pub(super) fn is_excluded_directory(&self, directory: &RelPath) -> bool {
        matches!(self.rules.decide(directory, true), Verdict::Excluded(_))
    }

    /// Judges a regular file, whose directories are kept, against what is stored of it.
    pub(super) fn judge(
        &self,
        path: &RelPath,
        stat: &Stat,
        stored: Option<&StoredFile>,
        moment: Moment,
    ) -> Judgement {
        match self.rules.decide_entry(path, false) {
            Verdict::Excluded(reason) => Judgement {
                judged: leave_out(path, stat, reason, stored),
                excluded: true,
                at_rest: false,
                young: false,
            },
            Verdict::Kept(_) => self.judge_kept(path, stat, stored, moment),
        }
    }

    fn judge_kept(
        &self,
        path: &RelPath,
        stat: &Stat,
        stored: Option<&StoredFile>,
        moment: Moment,
    ) -> Judgement {
        let fingerprint = self.publisher.dress(path).fingerprint;
        let same = stored.filter(|stored| stored.stat == *stat && stored.digest.is_some());
        let standing_of = |stored: &StoredFile| {
            let headers = fingerprint;
            let wanted = stored.digest.map(|digest| Published { digest, headers });
            wanted.map(|wanted| standing(&stored.known, wanted))
        };
        let in_order = |stored: &StoredFile| {
            let twin = stored.excluded.is_some() && stored.known.dropped.is_none();
            twin || !matches!(standing_of(stored), None | Some(Standing::Wanting(_)))
        };
        if let Some(stored) = same.filter(|stored| in_order(stored) && !stored.racy) {
            let at_rest = stored.excluded.is_none()
                && stored.known.job.is_none()
                && standing_of(stored) == Some(Standing::InSync);
            return Judgement {
                at_rest,
                ..Judgement::plain(Judged::Unchanged)
            };
        }
        let key = match Key::of(&self.prefix, path) {
            Ok(key) => key,
            Err(unpublishable) => {
                let reason = unpublishable.to_string();
                return Judgement::plain(leave_out(path, stat, reason, stored));
            }
        };
        let target = (key, self.publisher.stage(path), fingerprint);
        if let Some(digest) = same.filter(|same| !same.racy).and_then(|same| same.digest) {
            return Judgement::plain(Judged::Record(Sighting {
                path: path.clone(),
                sight: Sight::File {
                    stat: *stat,
                    digest,
                    racy: false,
                },
                target: Some(target),
            }));
        }
        let compared = match same {
            Some(same) => same.digest.filter(|_| in_order(same)).map(|digest| {
                let stat = same.stat;
                Stored::Racy { stat, digest }
            }),
            None => stored.and_then(unreadable),
        };
        Judgement {
            judged: Judged::Read(ToHash {
                path: path.clone(),
                stat: *stat,
                target,
                stored: compared,
                quiet: moment.quiet,
            }),
            excluded: false,
            at_rest: false,
            young: same.is_none() && moment.is_young(stat),
        }
    }
}

impl Judgement {
    fn plain(judged: Judged) -> Self {
        Self {
            judged,
            excluded: false,
            at_rest: false,
            young: false,
        }
    }
}

fn unreadable(stored: &StoredFile) -> Option<Stored> {
    let reason = stored.excluded.clone()?;
    stored
        .digest
        .is_none()
        .then_some(Stored::Unreadable(stored.stat, reason))
}

fn leave_out(path: &RelPath, stat: &Stat, reason: String, stored: Option<&StoredFile>) -> Judged {
    let unchanged = stored.is_some_and(|stored| {
        stored.stat == *stat
            && stored.digest.is_none()
            && stored.excluded.as_deref() == Some(reason.as_str())
    });
    if unchanged {
        return Judged::Unchanged;
    }
    Judged::Record(Sighting {
        path: path.clone(),
        sight: Sight::Excluded {
            stat: *stat,
            reason,
        },
        target: None,
    })
}
