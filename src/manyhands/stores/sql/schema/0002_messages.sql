-- Messages to a run from any process, in the order they came. `task`: who took it, NULL while it waits.
CREATE TABLE messages (
    id    INTEGER PRIMARY KEY AUTOINCREMENT,
    run   INTEGER NOT NULL,
    kind  TEXT NOT NULL CHECK (kind = 'signal' OR kind = 'call'),
    key   TEXT NOT NULL,
    at    REAL NOT NULL,
    codec TEXT NOT NULL,
    data  BLOB NOT NULL,
    blob  TEXT,
    size  INTEGER NOT NULL,
    task  INTEGER
);

CREATE INDEX messages_run ON messages (run, task);

-- What an actor was after each of its calls, and the class that made it so.
CREATE TABLE states (
    run     INTEGER NOT NULL,
    version INTEGER NOT NULL,
    ordinal INTEGER NOT NULL,
    code    TEXT NOT NULL,
    at      REAL NOT NULL,
    codec   TEXT NOT NULL,
    data    BLOB NOT NULL,
    blob    TEXT,
    size    INTEGER NOT NULL,
    PRIMARY KEY (run, version)
) WITHOUT ROWID;
