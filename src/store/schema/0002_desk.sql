-- More ways than one to the cloud: files that come through a desk's inbox, files that go through its
-- outbox, and folders of another flow.

-- Another flow is another tree, too. All folders so far were static websites. Foreign keys are off while
-- this runs, and checked at its end.
CREATE TABLE flow_tree (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    folder_id INTEGER NOT NULL REFERENCES folder (id),
    flow      TEXT    NOT NULL,
    account   TEXT    NOT NULL,
    env       TEXT    NOT NULL,
    prefix    TEXT    NOT NULL,
    current   INTEGER NOT NULL CHECK (current IN (0, 1)),
    UNIQUE (folder_id, flow, account, env, prefix)
) STRICT;
INSERT INTO flow_tree (id, folder_id, flow, account, env, prefix, current)
SELECT id, folder_id, 'static-website', account, env, prefix, current FROM tree;
DROP TABLE tree;
ALTER TABLE flow_tree RENAME TO tree;
CREATE UNIQUE INDEX tree_current ON tree (folder_id) WHERE current = 1;

CREATE TABLE inbox (
    name     TEXT PRIMARY KEY CHECK (name <> ''),
    active   INTEGER NOT NULL CHECK (active IN (0, 1)),
    paused   INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1)),
    root_dev INTEGER,
    root_ino INTEGER,
    CHECK ((root_dev IS NULL) = (root_ino IS NULL))
) STRICT, WITHOUT ROWID;

-- The journal of received messages. One without a file is 'noted' and nothing more. One with a file is
-- received, then fetched (its bytes are durable under a temporary name and its final name is chosen),
-- then delivered; or dead, or dropped by a person. The temporary names stay when it is delivered: a
-- file that is found under one was not given its final name after all.
CREATE TABLE journal (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    inbox           TEXT    NOT NULL CHECK (inbox <> ''),
    identity        TEXT    NOT NULL CHECK (identity <> ''), -- message code, or a hash
    content         BLOB    CHECK (length(content) = 32),    -- digest of what the message says
    raw             BLOB    NOT NULL,
    state           TEXT    NOT NULL
        CHECK (state IN ('noted', 'received', 'fetched', 'delivered', 'dead', 'dropped')),
    sent_at_ms      INTEGER,
    received_at_ms  INTEGER NOT NULL,
    fetched_at_ms   INTEGER,
    delivered_at_ms INTEGER,
    started_at_ms   INTEGER,                                 -- an attempt is under way since then
    tries           INTEGER NOT NULL DEFAULT 0 CHECK (tries >= 0),
    attempts        INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    repeats         INTEGER NOT NULL DEFAULT 0 CHECK (repeats >= 0),
    last_code       TEXT,
    crashes         INTEGER NOT NULL DEFAULT 0 CHECK (crashes >= 0),
    due_at_ms       INTEGER NOT NULL,
    temp_name       TEXT    CHECK (temp_name <> ''),
    sidecar_temp    TEXT    CHECK (sidecar_temp <> ''),
    sidecar         BLOB,
    wanted_name     BLOB    CHECK (length(wanted_name) > 0),
    final_name      BLOB    CHECK (length(final_name) > 0),
    renames         INTEGER NOT NULL DEFAULT 0 CHECK (renames >= 0),
    digest          BLOB    CHECK (length(digest) = 32),
    size            INTEGER CHECK (size >= 0),
    hook            TEXT    CHECK (hook IN ('pending', 'done', 'failed')),
    hook_tries      INTEGER NOT NULL DEFAULT 0 CHECK (hook_tries >= 0),
    hook_due_at_ms  INTEGER,
    hook_exit       TEXT,
    fault_call      TEXT,
    fault_layer     TEXT,
    fault_code      TEXT,
    fault_status    INTEGER,
    fault_message   TEXT,
    fault_at_ms     INTEGER,
    UNIQUE (inbox, identity),
    CHECK ((sidecar_temp IS NULL) = (sidecar IS NULL)),
    CHECK ((final_name IS NULL) = (digest IS NULL)),
    CHECK ((final_name IS NULL) = (size IS NULL)),
    CHECK ((final_name IS NULL) = (wanted_name IS NULL)),
    CHECK (temp_name IS NULL OR final_name IS NOT NULL),
    CHECK (state NOT IN ('fetched', 'delivered') OR final_name IS NOT NULL),
    CHECK (state <> 'fetched' OR temp_name IS NOT NULL),
    CHECK (state <> 'delivered' OR delivered_at_ms IS NOT NULL),
    CHECK (started_at_ms IS NULL OR state IN ('received', 'fetched')),
    CHECK (hook IS NULL OR state = 'delivered'),
    CHECK (hook IS NOT 'pending' OR hook_due_at_ms IS NOT NULL),
    CHECK ((fault_at_ms IS NULL) = (fault_code IS NULL))
) STRICT;

-- Nothing wrote into the table until now; should it hold rows all the same, each keeps its place among
-- the known messages, so that no file comes twice.
INSERT INTO journal (id, inbox, identity, raw, state, received_at_ms, fetched_at_ms, delivered_at_ms,
    due_at_ms, temp_name, wanted_name, final_name, digest, size)
SELECT id, inbox, identity, raw,
    CASE WHEN state IN ('received', 'dead') THEN state
         WHEN whole AND state = 'delivered' THEN state
         WHEN whole AND state = 'fetched' AND temp_name <> '' THEN state
         WHEN state = 'fetched' THEN 'received'
         ELSE 'dropped' END,
    received_at_ms, fetched_at_ms,
    iif(state = 'delivered', coalesce(delivered_at_ms, received_at_ms), NULL),
    received_at_ms,
    iif(whole, nullif(temp_name, ''), NULL),
    iif(whole, CAST(final_name AS BLOB), NULL),
    iif(whole, CAST(final_name AS BLOB), NULL),
    iif(whole, digest, NULL),
    iif(whole, size, NULL)
FROM (SELECT *, coalesce(final_name, '') <> '' AND digest IS NOT NULL AND size IS NOT NULL AS whole
      FROM message);
DROP TABLE message;
ALTER TABLE journal RENAME TO message;

CREATE INDEX message_due ON message (inbox, due_at_ms)
    WHERE state IN ('received', 'fetched') AND started_at_ms IS NULL;
CREATE INDEX message_running ON message (inbox, crashes) WHERE started_at_ms IS NOT NULL;
CREATE INDEX message_undelivered ON message (inbox, id) WHERE state = 'fetched';
CREATE INDEX message_hook ON message (inbox, hook_due_at_ms) WHERE hook = 'pending';
CREATE INDEX message_temp ON message (temp_name) WHERE temp_name IS NOT NULL;
CREATE INDEX message_sidecar ON message (sidecar_temp) WHERE sidecar_temp IS NOT NULL;
CREATE INDEX message_name ON message (inbox, final_name) WHERE final_name IS NOT NULL;
CREATE INDEX message_state ON message (inbox, state, delivered_at_ms);
CREATE INDEX message_noted ON message (received_at_ms) WHERE state = 'noted';

-- What the attempts of a path of an outbox have got to so far: the server's key of the bytes, and the
-- message that carries it. It goes when the message is acknowledged.
CREATE TABLE sending (
    tree_id    INTEGER NOT NULL REFERENCES tree (id),
    path       BLOB    NOT NULL CHECK (length(path) > 0),
    digest     BLOB    NOT NULL CHECK (length(digest) = 32),
    object_key TEXT    NOT NULL CHECK (object_key <> ''),
    key_at_ms  INTEGER NOT NULL,
    message_id TEXT    NOT NULL CHECK (message_id <> ''),
    begun      INTEGER NOT NULL DEFAULT 0 CHECK (begun >= 0), -- how often it may have been sent
    begun_at_ms INTEGER,
    PRIMARY KEY (tree_id, path),
    CHECK ((begun = 0) = (begun_at_ms IS NULL))
) STRICT, WITHOUT ROWID;

ALTER TABLE upload ADD COLUMN object_key TEXT;
