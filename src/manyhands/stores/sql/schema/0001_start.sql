-- What changes is apart from what never does, and rows that change often are small: a commit costs by the page.
-- Checks of states are written with OR: SQLite builds a table of an IN list at every statement, which doubles its cost.

CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE engines (
    id         TEXT NOT NULL PRIMARY KEY,
    kind       TEXT NOT NULL,
    host       TEXT NOT NULL,
    pid        INTEGER NOT NULL,
    born       TEXT NOT NULL,
    started_at REAL NOT NULL,
    expires_at REAL NOT NULL,
    stopped_at REAL
) WITHOUT ROWID;

-- `engine` is the driver now: the engine of the open session, NULL when there is none.
CREATE TABLE runs (
    key         INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id      TEXT NOT NULL UNIQUE,
    kind        TEXT NOT NULL,
    status      TEXT NOT NULL CHECK (status = 'pending' OR status = 'running' OR status = 'resumable' OR
                                     status = 'succeeded' OR status = 'failed' OR status = 'canceled'),
    reason      TEXT NOT NULL,
    message     TEXT NOT NULL DEFAULT '',
    definition  BLOB NOT NULL,
    entry       INTEGER NOT NULL,
    metadata    TEXT NOT NULL DEFAULT '{}',
    epoch       INTEGER NOT NULL,
    engine      TEXT,
    created_at  REAL NOT NULL,
    started_at  REAL,
    ended_at    REAL,
    detached    INTEGER NOT NULL CHECK (detached IN (0, 1)),
    forked_from TEXT,
    source      INTEGER,
    takeovers   INTEGER NOT NULL DEFAULT 0
);

CREATE INDEX runs_unclaimed ON runs (key) WHERE status IN ('pending', 'resumable');

CREATE TABLE sessions (
    run        INTEGER NOT NULL,
    epoch      INTEGER NOT NULL,
    engine     TEXT NOT NULL,
    started_at REAL NOT NULL,
    ended_at   REAL,
    PRIMARY KEY (run, epoch)
) WITHOUT ROWID;

CREATE UNIQUE INDEX sessions_open ON sessions (run) WHERE ended_at IS NULL;

-- `codec`, `data`: the value of a task whose first attempt succeeded, if the value is small and nothing was printed;
-- such an attempt has no row in `attempts`, which spares most steps one page of every commit. See `tries`.
CREATE TABLE tasks (
    run        INTEGER NOT NULL,
    ordinal    INTEGER NOT NULL,
    name       TEXT NOT NULL,
    status     TEXT NOT NULL
               CHECK (status = 'pending' OR status = 'running' OR status = 'succeeded' OR status = 'failed' OR
                      status = 'stopped' OR status = 'skipped'),
    reason     TEXT NOT NULL,
    message    TEXT NOT NULL DEFAULT '',
    attempt    INTEGER NOT NULL DEFAULT 0,
    worker     TEXT NOT NULL DEFAULT '',
    created_at REAL NOT NULL,
    started_at REAL,
    ended_at   REAL,
    due_at     REAL,
    source     INTEGER,
    forward_to INTEGER,
    caught     INTEGER NOT NULL DEFAULT 0 CHECK (caught IN (0, 1)),
    saved      INTEGER NOT NULL DEFAULT 0 CHECK (saved IN (0, 1)),
    cache_key  BLOB,
    codec      TEXT,
    data       BLOB,
    PRIMARY KEY (run, ordinal),
    UNIQUE (run, name)
) WITHOUT ROWID;

CREATE TABLE calls (
    run          INTEGER NOT NULL,
    ordinal      INTEGER NOT NULL,
    base         TEXT NOT NULL,
    label        TEXT NOT NULL,
    kind         TEXT NOT NULL,
    code         TEXT NOT NULL,
    inputs_codec TEXT NOT NULL,
    inputs_data  BLOB NOT NULL,
    inputs_blob  TEXT,
    inputs_size  INTEGER NOT NULL,
    upstreams    TEXT NOT NULL DEFAULT '[]',
    parent       INTEGER,
    options      TEXT NOT NULL DEFAULT '{}',
    metadata     TEXT NOT NULL DEFAULT '{}',
    function_key BLOB,
    PRIMARY KEY (run, ordinal)
) WITHOUT ROWID;

-- One row for each attempt that has ended, with what it came to: `codec`, `data`, `blob`, `size` are the value of one
-- that succeeded, the exception of any other. Number 0 holds a value that no attempt returned: a cached one, or a
-- caught exception.
CREATE TABLE attempts (
    run        INTEGER NOT NULL,
    ordinal    INTEGER NOT NULL,
    number     INTEGER NOT NULL,
    status     TEXT NOT NULL CHECK (status = 'succeeded' OR status = 'failed' OR status = 'lost' OR
                                    status = 'stopped'),
    worker     TEXT NOT NULL DEFAULT '',
    started_at REAL NOT NULL,
    ended_at   REAL NOT NULL,
    codec      TEXT,
    data       BLOB,
    blob       TEXT,
    size       INTEGER,
    cause      TEXT CHECK (cause = 'error' OR cause = 'lost' OR cause = 'memory' OR cause = 'timeout' OR
                           cause = 'canceled'),
    message    TEXT NOT NULL DEFAULT '',
    exit_code  INTEGER,
    signal     INTEGER,
    traceback  TEXT NOT NULL DEFAULT '',
    log_file   TEXT,
    log_start  INTEGER,
    log_end    INTEGER,
    PRIMARY KEY (run, ordinal, number)
) WITHOUT ROWID;

-- Every attempt that has ended, wherever it is kept.
CREATE VIEW tries AS
SELECT run, ordinal, number, status, worker, started_at, ended_at, codec, data, blob, size,
       cause, message, exit_code, signal, traceback, log_file, log_start, log_end
FROM attempts
UNION ALL
SELECT run, ordinal, 1, 'succeeded', worker, started_at, ended_at, codec, data, NULL, LENGTH(data),
       NULL, '', NULL, NULL, '', NULL, NULL, NULL
FROM tasks WHERE codec IS NOT NULL;

-- No AUTOINCREMENT: its counter would be one more page in every commit. A deletion of the newest events leaves one
-- row of run 0 in their place, so that ids never come again.
CREATE TABLE events (
    id      INTEGER PRIMARY KEY,
    at      REAL NOT NULL,
    run     INTEGER NOT NULL,
    task    INTEGER,
    attempt INTEGER,
    state   TEXT NOT NULL,
    reason  TEXT NOT NULL,
    message TEXT NOT NULL DEFAULT ''
);

CREATE INDEX events_run ON events (run);

CREATE TABLE cache (
    key        BLOB NOT NULL PRIMARY KEY,
    codec      TEXT NOT NULL,
    data       BLOB NOT NULL,
    blob       TEXT,
    size       INTEGER NOT NULL,
    run_id     TEXT NOT NULL,
    name       TEXT NOT NULL,
    at         REAL NOT NULL,
    expires_at REAL
) WITHOUT ROWID;

CREATE TABLE flights (
    key     BLOB NOT NULL PRIMARY KEY,
    run     INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    engine  TEXT NOT NULL,
    at      REAL NOT NULL
) WITHOUT ROWID;
