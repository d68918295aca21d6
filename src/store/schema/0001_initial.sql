-- The memory of syncd. Paths are raw bytes and sort by memcmp; times are milliseconds since 1970,
-- UTC; device and inode numbers are u64 kept bit for bit; stages are 0 asset, 1 page, 2 last.
PRAGMA application_id = 0x73796e63; -- "sync"

CREATE TABLE folder (
    id                 INTEGER PRIMARY KEY AUTOINCREMENT,
    name               TEXT    NOT NULL UNIQUE CHECK (name <> ''),
    active             INTEGER NOT NULL CHECK (active IN (0, 1)),
    paused             INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1)),
    root_dev           INTEGER,
    root_ino           INTEGER,
    last_release       INTEGER NOT NULL DEFAULT 0 CHECK (last_release >= 0),
    last_success_at_ms INTEGER,
    scanned_at_ms      INTEGER,
    scan_took_ms       INTEGER NOT NULL DEFAULT 0 CHECK (scan_took_ms >= 0),
    excluded_dirs      INTEGER NOT NULL DEFAULT 0 CHECK (excluded_dirs >= 0),
    links              INTEGER NOT NULL DEFAULT 0 CHECK (links >= 0),
    specials           INTEGER NOT NULL DEFAULT 0 CHECK (specials >= 0),
    adopted_at_ms      INTEGER NOT NULL,
    CHECK ((root_dev IS NULL) = (root_ino IS NULL))
) STRICT;

-- Where a folder goes. Acknowledgements belong to it: another account, env or prefix is another
-- tree.
CREATE TABLE tree (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    folder_id INTEGER NOT NULL REFERENCES folder (id),
    account   TEXT    NOT NULL,
    env       TEXT    NOT NULL,
    prefix    TEXT    NOT NULL,
    current   INTEGER NOT NULL CHECK (current IN (0, 1)),
    UNIQUE (folder_id, account, env, prefix)
) STRICT;
CREATE UNIQUE INDEX tree_current ON tree (folder_id) WHERE current = 1;

-- What the last look saw. A row left out by a rule has no digest; one left out as a twin or
-- because a person dropped it keeps its digest, so that it can be planned without being read
-- again.
CREATE TABLE local (
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
    left_out_by     TEXT    CHECK (left_out_by IN ('rule', 'twin', 'dropped')),
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
CREATE INDEX local_key_path ON local (folder_id, key_path) WHERE key_path IS NOT NULL;

-- What the cloud acknowledged. In doubt: an upload began after that and its outcome is not known;
-- a row without a digest is only in doubt.
CREATE TABLE synced (
    tree_id            INTEGER NOT NULL REFERENCES tree (id),
    path               BLOB    NOT NULL CHECK (length(path) > 0),
    key_path           TEXT,
    digest             BLOB    CHECK (length(digest) = 32),
    headers            INTEGER,
    size               INTEGER CHECK (size >= 0),
    remote_id          TEXT,
    etag               TEXT,
    acknowledged_at_ms INTEGER,
    in_doubt           INTEGER NOT NULL CHECK (in_doubt IN (0, 1)),
    PRIMARY KEY (tree_id, path),
    CHECK ((digest IS NULL) = (headers IS NULL)),
    CHECK ((digest IS NULL) = (size IS NULL)),
    CHECK ((digest IS NULL) = (acknowledged_at_ms IS NULL)),
    CHECK (digest IS NOT NULL OR in_doubt = 1)
) STRICT, WITHOUT ROWID;
CREATE INDEX synced_key_path ON synced (tree_id, key_path) WHERE key_path IS NOT NULL;

-- files = uploaded + skipped + failed + the ready and running jobs of the release.
CREATE TABLE release (
    folder_id      INTEGER NOT NULL REFERENCES folder (id),
    number         INTEGER NOT NULL CHECK (number > 0),
    state          TEXT    NOT NULL CHECK (state IN ('open', 'publishing', 'finished')),
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
CREATE INDEX release_unfinished ON release (folder_id, number) WHERE state <> 'finished';

-- The queue. While a job runs, its columns may already hold a newer version (superseded 'newer',
-- to be ready in next_release once the running attempt ended) or nothing may be wanted any more
-- ('unwanted').
CREATE TABLE job (
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
    reason        TEXT    NOT NULL CHECK (reason IN ('new', 'content', 'headers', 'unknown')),
    generation    INTEGER NOT NULL CHECK (generation > 0),
    state         TEXT    NOT NULL CHECK (state IN ('ready', 'running', 'dead')),
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
CREATE INDEX job_ready ON job (folder_id, stage, release, id, due_at_ms) WHERE state = 'ready';
CREATE INDEX job_due ON job (folder_id, stage, due_at_ms) WHERE state = 'ready';
CREATE INDEX job_running ON job (folder_id, key) WHERE state = 'running';
CREATE INDEX job_gate ON job (folder_id, stage, gate) WHERE gate IS NOT NULL;

-- Every acknowledged upload.
CREATE TABLE upload (
    id        INTEGER PRIMARY KEY,
    folder_id INTEGER NOT NULL REFERENCES folder (id),
    release   INTEGER NOT NULL,
    path      BLOB    NOT NULL,
    key       TEXT    NOT NULL,
    digest    BLOB    NOT NULL CHECK (length(digest) = 32),
    size      INTEGER NOT NULL CHECK (size >= 0),
    tries     INTEGER NOT NULL,
    took_ms   INTEGER NOT NULL,
    at_ms     INTEGER NOT NULL,
    remote_id TEXT
) STRICT;
CREATE INDEX upload_path ON upload (folder_id, path);

-- The last failures of each path.
CREATE TABLE attempt (
    id        INTEGER PRIMARY KEY,
    folder_id INTEGER NOT NULL REFERENCES folder (id),
    path      BLOB    NOT NULL,
    at_ms     INTEGER NOT NULL,
    call      TEXT    NOT NULL,
    layer     TEXT    NOT NULL,
    code      TEXT    NOT NULL,
    status    INTEGER,
    message   TEXT    NOT NULL,
    took_ms   INTEGER NOT NULL
) STRICT;
CREATE INDEX attempt_path ON attempt (folder_id, path);

CREATE TABLE account (
    name          TEXT PRIMARY KEY CHECK (name <> ''),
    state         TEXT    NOT NULL,
    until_at_ms   INTEGER,
    fault_call    TEXT,
    fault_layer   TEXT,
    fault_code    TEXT,
    fault_status  INTEGER,
    fault_message TEXT,
    closures      INTEGER NOT NULL CHECK (closures >= 0),
    CHECK ((fault_call IS NULL) = (fault_code IS NULL))
) STRICT;

-- The journal of received messages: raw first, then fetched, then delivered.
CREATE TABLE message (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    inbox           TEXT    NOT NULL CHECK (inbox <> ''),
    identity        TEXT    NOT NULL CHECK (identity <> ''), -- message code, or a hash
    raw             BLOB    NOT NULL,
    state           TEXT    NOT NULL CHECK (state IN ('received', 'fetched', 'delivered', 'dead')),
    temp_name       TEXT,
    final_name      TEXT,
    digest          BLOB    CHECK (length(digest) = 32),
    size            INTEGER CHECK (size >= 0),
    received_at_ms  INTEGER NOT NULL,
    fetched_at_ms   INTEGER,
    delivered_at_ms INTEGER,
    UNIQUE (inbox, identity)
) STRICT;
