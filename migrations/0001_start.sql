-- One SQL text for SQLite and Postgres: TEXT ids, BIGINT milliseconds since the epoch, BIGINT 0/1 flags, JSON as TEXT.
-- Every index serves a query of crates/platform/src/db/.

CREATE TABLE users (
    id              TEXT   NOT NULL PRIMARY KEY,
    email           TEXT   NOT NULL UNIQUE,
    private_id      TEXT   NOT NULL UNIQUE,
    display_name    TEXT   NOT NULL,
    bio             TEXT   NOT NULL,
    avatar_url      TEXT,
    languages       TEXT   NOT NULL,
    interests       TEXT   NOT NULL,
    country         TEXT,
    role            TEXT   NOT NULL,
    reputation      BIGINT NOT NULL,
    -- Number of ledger entries: the next entry's n, taken under this row's lock.
    ledger_length   BIGINT NOT NULL,
    age_declared_at BIGINT,
    hide_ip         BIGINT NOT NULL,
    do_not_disturb  BIGINT NOT NULL,
    created_at      BIGINT NOT NULL
);

CREATE TABLE reputation_entries (
    user_id    TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    n          BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    delta      BIGINT NOT NULL,
    reason     TEXT   NOT NULL,
    recover_by BIGINT,
    PRIMARY KEY (user_id, n)
);

-- One row per address that is signing in: its lock. Whoever counts mails or failures of an address updates it first.
CREATE TABLE sign_in_addresses (
    email   TEXT   NOT NULL PRIMARY KEY,
    used_at BIGINT NOT NULL
);
CREATE INDEX sign_in_addresses_used ON sign_in_addresses (used_at);

CREATE TABLE challenges (
    id         TEXT   NOT NULL PRIMARY KEY,
    email      TEXT   NOT NULL,
    salt       TEXT   NOT NULL,
    code_mac   TEXT   NOT NULL,
    link_hash  TEXT   NOT NULL UNIQUE,
    tries      BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT
);
CREATE INDEX challenges_of_email ON challenges (email, created_at);
CREATE INDEX challenges_expiry ON challenges (expires_at);

CREATE TABLE code_failures (
    challenge_id TEXT   NOT NULL,
    n            BIGINT NOT NULL,
    email        TEXT   NOT NULL,
    at           BIGINT NOT NULL,
    PRIMARY KEY (challenge_id, n)
);
CREATE INDEX code_failures_of_email ON code_failures (email, at);
CREATE INDEX code_failures_age ON code_failures (at);

CREATE TABLE logins (
    id            TEXT   NOT NULL PRIMARY KEY,
    user_id       TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    user_agent    TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    last_used_at  BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL,
    ended_at      BIGINT,
    end_reason    TEXT,
    current_hash  TEXT   NOT NULL,
    previous_hash TEXT,
    rotated_at    BIGINT,
    successor     TEXT
);
CREATE INDEX logins_of_user ON logins (user_id, last_used_at);
CREATE INDEX logins_expiry ON logins (expires_at);
CREATE INDEX logins_ended ON logins (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE signing_keys (
    kid             TEXT   NOT NULL PRIMARY KEY,
    public_key      TEXT   NOT NULL,
    private_wrapped TEXT   NOT NULL,
    use_from        BIGINT NOT NULL
);
CREATE INDEX signing_keys_use ON signing_keys (use_from);

CREATE TABLE blocks (
    user_id  TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    other_id TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    at       BIGINT NOT NULL,
    PRIMARY KEY (user_id, other_id)
);
CREATE INDEX blocks_of_user ON blocks (user_id, at);
CREATE INDEX blocks_against ON blocks (other_id, user_id);

CREATE TABLE reports (
    id          TEXT   NOT NULL PRIMARY KEY,
    reporter_id TEXT   NOT NULL REFERENCES users (id),
    room_id     TEXT   NOT NULL,
    reported_id TEXT   NOT NULL REFERENCES users (id),
    reason      TEXT   NOT NULL,
    note        TEXT,
    at          BIGINT NOT NULL,
    UNIQUE (reporter_id, room_id, reported_id)
);
CREATE INDEX reports_against ON reports (reported_id, at);

-- No reference to users: a call is written by the node that holds its room, and outlives an erased account.
CREATE TABLE calls (
    room_id    TEXT   NOT NULL PRIMARY KEY,
    kind       TEXT   NOT NULL,
    node_id    TEXT   NOT NULL,
    transport  TEXT   NOT NULL,
    opened_at  BIGINT NOT NULL,
    started_at BIGINT,
    ended_at   BIGINT,
    reason     TEXT
);
CREATE INDEX calls_running ON calls (node_id) WHERE ended_at IS NULL;

CREATE TABLE call_members (
    room_id        TEXT   NOT NULL REFERENCES calls (room_id) ON DELETE CASCADE,
    user_id        TEXT   NOT NULL,
    participant_id TEXT   NOT NULL,
    waited_ms      BIGINT NOT NULL,
    -- When the two last saw each other: the opening, then the end of the call.
    met_at         BIGINT NOT NULL,
    left_at        BIGINT,
    left_reason    TEXT,
    -- A ticket is matched once, whatever the store of tickets has forgotten.
    ticket_id      TEXT   UNIQUE,
    PRIMARY KEY (room_id, user_id)
);
-- A person is in one call at a time.
CREATE UNIQUE INDEX call_members_seated ON call_members (user_id) WHERE left_at IS NULL;
CREATE INDEX call_members_of_user ON call_members (user_id, met_at);

-- How many leaders each pool of waiting people has had.
CREATE TABLE pools (
    name  TEXT   NOT NULL PRIMARY KEY,
    epoch BIGINT NOT NULL
);
