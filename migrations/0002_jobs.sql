-- What is done after the request that asked for it, at least once. A row is inserted in the request's transaction, claimed
-- by whoever is first, and gone when it is done.

CREATE TABLE jobs (
    id         TEXT   NOT NULL PRIMARY KEY,
    kind       TEXT   NOT NULL,
    -- The same thing asked for twice is one job.
    key        TEXT   NOT NULL UNIQUE,
    -- Sealed: it may hold addresses and codes.
    payload    TEXT   NOT NULL,
    -- waiting, running or parked.
    state      TEXT   NOT NULL,
    -- Waiting: not before. Running: when the claim ends and somebody else may take it. Parked: since when.
    run_after  BIGINT NOT NULL,
    -- How often it was claimed.
    tries      BIGINT NOT NULL,
    claimed_by TEXT,
    -- A word from a closed list, of the last try.
    last_error TEXT,
    created_at BIGINT NOT NULL,
    -- After which it is of no use to anybody.
    expires_at BIGINT
);
CREATE INDEX jobs_due ON jobs (kind, run_after) WHERE state <> 'parked';
CREATE INDEX jobs_parked ON jobs (run_after) WHERE state = 'parked';
