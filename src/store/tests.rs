//! The query plans of what runs often: an index that is lost is a red test.

use rusqlite::Connection;

use super::{claim, hooks, local, messages, open, queue, received, record, releases, settle};

fn plan(db: &Connection, sql: &str) -> String {
    let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let count = statement.parameter_count();
    let nulls = vec![rusqlite::types::Null; count];
    let lines: Vec<String> = statement
        .query_map(rusqlite::params_from_iter(nulls), |row| row.get(3))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    lines.join("\n")
}

#[test]
fn statements_that_run_often_seek_and_never_scan_or_sort() {
    let db = open::in_memory().unwrap();
    for (name, sql) in [
        ("claim: ready", claim::READY),
        ("claim: any due", claim::ANY_DUE),
        ("claim: running", claim::RUNNING),
        ("claim: first open", claim::FIRST_OPEN),
        ("claim: first ready", claim::FIRST_READY),
        ("claim: first running", claim::FIRST_RUNNING),
        ("claim: first gate", claim::FIRST_GATE),
        ("claim: first due", claim::FIRST_DUE),
        ("claim: lease", claim::LEASE),
        ("claim: doubt", claim::DOUBT),
        ("claim: twins", claim::TWINS),
        ("claim: doubt twins", claim::DOUBT_TWINS),
        ("claim: namesake", claim::NAMESAKE),
        ("local: range", local::RANGE),
        ("local: acknowledged", local::ACKNOWLEDGED),
        ("local: jobs", local::JOBS),
        ("local: by key", local::BY_KEY),
        ("local: by name", local::BY_NAME),
        ("record: lookup", record::LOOKUP),
        ("releases: finish", releases::FINISH),
        ("settle: forget", settle::FORGET),
        ("settle: forget uploads", settle::FORGET_UPLOADS),
        ("settle: replaced", settle::REPLACED),
        ("queue: delete", queue::DELETE),
        ("messages: running", messages::RUNNING),
        ("messages: next due", messages::NEXT_DUE),
        ("messages: owner", messages::OWNER),
        ("messages: prune", messages::PRUNE),
        ("hooks: due", hooks::DUE),
        ("hooks: next due", hooks::NEXT_DUE),
        ("received: counts", received::COUNTS),
    ] {
        let plan = plan(&db, sql);
        let bad = plan.lines().find(|line| {
            (line.starts_with("SCAN")
                && *line != "SCAN CONSTANT ROW"
                && !line.starts_with("SCAN rarray ")
                && !line.starts_with("SCAN (subquery"))
                || line.contains("TEMP B-TREE")
                || (line.ends_with("KEY (folder_id=?)") || line.ends_with("KEY (tree_id=?)"))
        });
        assert_eq!(bad, None, "{name}:\n{plan}");
    }
}

#[test]
fn the_plan_of_claiming_is_as_it_was_chosen() {
    let db = open::in_memory().unwrap();
    assert_eq!(
        plan(&db, claim::READY),
        "SEARCH job USING INDEX job_ready (folder_id=? AND stage=? AND release<?)\n\
         CORRELATED SCALAR SUBQUERY 1\n\
         SEARCH r USING COVERING INDEX job_running (folder_id=? AND key=?)"
    );
    assert_eq!(
        plan(&db, claim::FIRST_READY),
        "SEARCH job USING COVERING INDEX job_ready (folder_id=? AND stage=?)"
    );
    for (sql, plan_chosen) in [
        (
            settle::ANY_SPELLING,
            "SCAN synced USING COVERING INDEX synced_key_path",
        ),
        (
            local::RANGE,
            "SEARCH local USING PRIMARY KEY (folder_id=? AND path>? AND path<?)",
        ),
        (
            local::ACKNOWLEDGED,
            "SEARCH synced USING PRIMARY KEY (tree_id=? AND path>? AND path<?)",
        ),
        (
            local::JOBS,
            "SEARCH job USING INDEX sqlite_autoindex_job_1 (folder_id=? AND path>? AND path<?)",
        ),
    ] {
        assert_eq!(plan(&db, sql), plan_chosen);
    }
}

#[test]
fn a_row_of_a_table_that_is_written_for_each_file_is_checked_without_a_table_for_it() {
    let db = open::in_memory().unwrap();
    for table in ["local", "synced", "release", "job", "upload", "attempt"] {
        let sql = format!("EXPLAIN INSERT INTO {table} DEFAULT VALUES");
        let mut statement = db.prepare(&sql).unwrap();
        let steps: Vec<String> = statement
            .query_map([], |row| row.get(1))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        assert!(
            steps.iter().any(|step| step == "Transaction"),
            "{table}: {steps:?}"
        );
        assert!(
            !steps.iter().any(|step| step == "OpenEphemeral"),
            "{table}: {steps:?}"
        );
    }
}
