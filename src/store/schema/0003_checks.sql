-- A list of three words or more costs a table in memory each time it is checked, for every row that is
-- written; alternatives cost nothing. The same tables, the same checks, in other words. Foreign keys are
-- off while this runs, and checked at its end.

CREATE TABLE new_release (
    folder_id      INTEGER NOT NULL REFERENCES folder (id),
    number         INTEGER NOT NULL CHECK (number > 0),
    state          TEXT    NOT NULL CHECK (state = 'open' OR state = 'publishing' OR state = 'finished'),
    started_at_ms  INTEGER NOT NULL,
    finished_at_ms INTEGER,
    files          INTEGER NOT NULL DEFAULT 0 CHECK (files >= 0),
    bytes          INTEGER NOT NULL DEFAULT 0,
    uploaded       INTEGER NOT NULL DEFAULT 0 CHECK (uploaded >= 0),
    skipped        INTEGER NOT NULL DEFAULT 0 CHECK (skipped >= 0),
    failed         INTEGER NOT NULL DEFAULT 0 CHECK (failed >= 0),
    PRIMARY KEY (folder_id, number),
    CHECK ((state = 'finished') = (finished_at_ms IS NOT NULL))
) STRICT, WITHOUT ROWID;
INSERT INTO new_release SELECT * FROM release;
DROP TABLE release;
ALTER TABLE new_release RENAME TO release;
CREATE INDEX release_unfinished ON release (folder_id, number) WHERE state <> 'finished';

CREATE TABLE new_local (
    folder_id       INTEGER NOT NULL REFERENCES folder (id),
    path            BLOB    NOT NULL CHECK (length(path) > 0),
    dev             INTEGER NOT NULL,
    ino             INTEGER NOT NULL,
    size            INTEGER NOT NULL CHECK (size >= 0),
    mtime_ns        INTEGER NOT NULL,
    ctime_ns        INTEGER NOT NULL,
    racy            INTEGER NOT NULL CHECK (racy IN (0, 1)),
    digest          BLOB    CHECK (length(digest) = 32),
    headers         INTEGER,
    stage           INTEGER CHECK (stage BETWEEN 0 AND 2),
    key_path        TEXT,             -- the key below the prefix, only where it is not the path
    left_out        TEXT,             -- why, for people
    left_out_by     TEXT    CHECK (left_out_by = 'rule' OR left_out_by = 'twin' OR left_out_by = 'dropped'),
    dropped_digest  BLOB    CHECK (length(dropped_digest) = 32),
    dropped_headers INTEGER,
    generation      INTEGER NOT NULL CHECK (generation > 0),
    PRIMARY KEY (folder_id, path),
    CHECK ((digest IS NULL) = (headers IS NULL)),
    CHECK ((digest IS NULL) = (stage IS NULL)),
    CHECK ((left_out IS NULL) = (left_out_by IS NULL)),
    CHECK ((digest IS NULL) = (coalesce(left_out_by, '') = 'rule')),
    CHECK ((dropped_digest IS NULL) = (dropped_headers IS NULL))
) STRICT, WITHOUT ROWID;
INSERT INTO new_local SELECT * FROM local;
DROP TABLE local;
ALTER TABLE new_local RENAME TO local;
CREATE INDEX local_key_path ON local (folder_id, key_path) WHERE key_path IS NOT NULL;

CREATE TABLE new_job (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    folder_id     INTEGER NOT NULL REFERENCES folder (id),
    path          BLOB    NOT NULL CHECK (length(path) > 0),
    tree_id       INTEGER NOT NULL REFERENCES tree (id),
    release       INTEGER NOT NULL,
    next_release  INTEGER,
    gate          INTEGER,            -- an earlier release whose pages wait for this job too
    key           TEXT    NOT NULL CHECK (key <> ''),
    digest        BLOB    NOT NULL CHECK (length(digest) = 32),
    headers       INTEGER NOT NULL,
    dev           INTEGER NOT NULL,
    ino           INTEGER NOT NULL,
    size          INTEGER NOT NULL CHECK (size >= 0),
    mtime_ns      INTEGER NOT NULL,
    ctime_ns      INTEGER NOT NULL,
    stage         INTEGER NOT NULL CHECK (stage BETWEEN 0 AND 2),
    reason        TEXT    NOT NULL CHECK (reason = 'new' OR reason = 'content' OR reason = 'headers' OR reason = 'unknown'),
    generation    INTEGER NOT NULL CHECK (generation > 0),
    state         TEXT    NOT NULL CHECK (state = 'ready' OR state = 'running' OR state = 'dead'),
    superseded    TEXT    CHECK (superseded IN ('newer', 'unwanted')),
    attempts      INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    tries         INTEGER NOT NULL DEFAULT 0 CHECK (tries >= 0),
    repeats       INTEGER NOT NULL DEFAULT 0 CHECK (repeats >= 0),
    last_code     TEXT,
    crashes       INTEGER NOT NULL DEFAULT 0 CHECK (crashes >= 0),
    due_at_ms     INTEGER NOT NULL,
    started_at_ms INTEGER,
    sent_tree_id  INTEGER REFERENCES tree (id), -- where the running attempt sends it
    sent_size     INTEGER CHECK (sent_size >= 0),
    doubt_before  INTEGER NOT NULL DEFAULT 0 CHECK (doubt_before IN (0, 1)),
    fault_call    TEXT,
    fault_layer   TEXT,
    fault_code    TEXT,
    fault_status  INTEGER,
    fault_message TEXT,
    fault_at_ms   INTEGER,
    UNIQUE (folder_id, path),
    FOREIGN KEY (folder_id, release) REFERENCES release (folder_id, number),
    FOREIGN KEY (folder_id, next_release) REFERENCES release (folder_id, number),
    CHECK ((state = 'running') = (started_at_ms IS NOT NULL)),
    CHECK ((state = 'running') = (sent_tree_id IS NOT NULL)),
    CHECK ((state = 'running') = (sent_size IS NOT NULL)),
    CHECK (superseded IS NULL OR state = 'running'),
    CHECK ((coalesce(superseded, '') = 'newer') = (next_release IS NOT NULL)),
    CHECK ((fault_at_ms IS NULL) = (fault_code IS NULL))
) STRICT;
INSERT INTO new_job SELECT * FROM job;
-- Numbers of jobs that are gone are not given out again.
DELETE FROM sqlite_sequence WHERE name = 'new_job';
INSERT INTO sqlite_sequence (name, seq) SELECT 'new_job', seq FROM sqlite_sequence WHERE name = 'job';
DROP TABLE job;
ALTER TABLE new_job RENAME TO job;
CREATE INDEX job_ready ON job (folder_id, stage, release, id, due_at_ms) WHERE state = 'ready';
CREATE INDEX job_due ON job (folder_id, stage, due_at_ms) WHERE state = 'ready';
CREATE INDEX job_running ON job (folder_id, key) WHERE state = 'running';
CREATE INDEX job_gate ON job (folder_id, stage, gate) WHERE gate IS NOT NULL;
