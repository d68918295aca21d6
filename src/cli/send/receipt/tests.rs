use super::*;
use crate::model::fault::{Call, Layer};
use crate::model::headers::Fingerprint;
use crate::model::job::{FolderId, JobId, Reason, ReleaseNumber, Stage};
use crate::model::key::Key;
use crate::model::observation::Stat;
use crate::model::path::RelPath;
use crate::model::record::Published;
use crate::model::time::Timestamp;
use crate::store::{LocalRow, StoredFault, SyncedRow, UploadRow};

const NOW: Timestamp = Timestamp(1_795_251_600_000);

fn path() -> RelPath {
    RelPath::from_bytes(b"a.txt".as_slice()).unwrap()
}

fn ours() -> Sha256 {
    Sha256::of(b"ours")
}

fn seen(digest: Sha256) -> LocalRow {
    LocalRow {
        stat: Stat {
            dev: 1,
            ino: 1,
            size: 4,
            mtime_ns: 0,
            ctime_ns: 0,
        },
        racy: false,
        digest: Some(digest),
        excluded: None,
        generation: 1,
    }
}

fn job(state: JobState, code: &str) -> QueuedJob {
    QueuedJob {
        job: JobId(1),
        folder: FolderId(1),
        path: path(),
        state,
        reason: Reason::New,
        stage: Stage::Asset,
        release: ReleaseNumber(1),
        bytes: 4,
        attempts: 1,
        tries: 1,
        due: NOW,
        fault: Some(StoredFault {
            call: Call::Send,
            layer: Layer::Local,
            code: code.to_owned(),
            status: None,
            message: String::new(),
            at: NOW,
        }),
    }
}

fn acknowledged(digest: Sha256, in_doubt: bool) -> Dossier {
    Dossier {
        local: Some(seen(digest)),
        synced: Some(SyncedRow {
            key: Key::of("", &path()).unwrap(),
            published: Some(Published {
                digest,
                headers: Fingerprint(0),
            }),
            size: 4,
            remote_id: Some("m-1".to_owned()),
            etag: None,
            acknowledged_at: Some(NOW),
            in_doubt,
        }),
        uploads: vec![UploadRow {
            release: ReleaseNumber(1),
            key: Key::of("", &path()).unwrap(),
            digest,
            size: 4,
            tries: 1,
            took_ms: 5,
            at: NOW,
            remote_id: Some("m-1".to_owned()),
            object_key: Some("key-1".to_owned()),
        }],
        ..Dossier::default()
    }
}

fn outcomes(ends: Vec<End>) -> Outcomes {
    let file = |end| Outcome {
        path: "a.txt".to_owned(),
        sha256: ours().to_string(),
        end,
    };
    Outcomes {
        files: ends.into_iter().map(file).collect(),
        ..Outcomes::default()
    }
}

fn dead(is_refusal: bool) -> End {
    End::Dead {
        code: "maybe-sent".to_owned(),
        words: String::new(),
        is_refusal,
    }
}

fn waiting() -> End {
    End::Waiting { fault: None }
}

#[test]
fn a_receipt_counts_only_for_the_very_bytes_and_without_doubt() {
    let sent = End::Sent {
        message_id: Some("m-1".to_owned()),
        object_key: Some("key-1".to_owned()),
        at: "2026-11-21T09:00:00Z".to_owned(),
    };
    assert_eq!(end(&acknowledged(ours(), false), ours()), sent);
    assert_eq!(end(&acknowledged(ours(), true), ours()), waiting());
    let earlier = acknowledged(Sha256::of(b"earlier"), false);
    assert_eq!(end(&earlier, ours()), waiting());
    assert_eq!(end(&Dossier::default(), ours()), waiting());
}

#[test]
fn a_dead_job_counts_only_if_the_last_look_saw_these_bytes() {
    let mut dossier = Dossier {
        local: Some(seen(ours())),
        job: Some(job(JobState::Dead, "file-type")),
        ..Dossier::default()
    };
    assert!(matches!(end(&dossier, ours()), End::Dead { code, .. } if code == "file-type"));
    dossier.local = Some(seen(Sha256::of(b"earlier")));
    assert_eq!(end(&dossier, ours()), waiting());
}

#[test]
fn a_job_that_will_be_tried_again_tells_its_fault() {
    let dossier = Dossier {
        local: Some(seen(ours())),
        job: Some(job(JobState::Ready, "changed")),
        ..Dossier::default()
    };
    let End::Waiting { fault: Some(fault) } = end(&dossier, ours()) else {
        panic!("it waits");
    };
    assert!(fault.starts_with("changed: "), "{fault}");
}

#[test]
fn the_exit_code_is_that_of_the_worst_file() {
    let sent = || End::Sent {
        message_id: None,
        object_key: None,
        at: String::new(),
    };
    assert_eq!(outcomes(vec![sent(), sent()]).exit(), Exit::Done);
    assert_eq!(outcomes(vec![sent(), waiting()]).exit(), Exit::Temporary);
    assert_eq!(
        outcomes(vec![waiting(), dead(false)]).exit(),
        Exit::NotInSync
    );
    assert_eq!(
        outcomes(vec![dead(false), dead(true)]).exit(),
        Exit::Refused
    );
    let mut stopped = outcomes(vec![waiting()]);
    stopped.stop("the outbox is paused".to_owned());
    assert_eq!(stopped.exit(), Exit::NotInSync);
    stopped.is_refused = true;
    assert_eq!(stopped.exit(), Exit::Refused);
    stopped.interrupted(Exit::Interrupted);
    assert_eq!(stopped.exit(), Exit::Interrupted);
}

#[test]
fn the_json_has_the_fields_that_scripts_rely_on() {
    let report = outcomes(vec![end(&acknowledged(ours(), false), ours())]).report("out");
    let json = serde_json::to_value(report).unwrap();
    assert_eq!(json["schema"], 1);
    assert_eq!(json["folder"], "out");
    let file = &json["files"][0];
    assert_eq!(file["path"], "a.txt");
    assert_eq!(file["state"], "sent");
    assert_eq!(file["message_id"], "m-1");
    assert_eq!(file["object_key"], "key-1");
    assert_eq!(file["at"], "2026-11-21T09:00:00Z");
    assert_eq!(file["sha256"], ours().to_string());
}
