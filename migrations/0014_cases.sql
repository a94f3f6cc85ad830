-- What people decide about people: cases, what shows it (sealed), who looked at it, appeals, and how a suspension holds.

-- At most one open case of a person. No reference to users: a case under legal hold outlives an erased account.
CREATE TABLE cases (
    id           TEXT   NOT NULL PRIMARY KEY,
    user_id      TEXT   NOT NULL,
    -- open, decided, appealed or final.
    state        TEXT   NOT NULL,
    -- Where it is in the queue: the gravest and then the oldest first.
    place        TEXT   NOT NULL,
    priority     BIGINT NOT NULL,
    -- What it came from.
    reported     BIGINT NOT NULL,
    noticed      BIGINT NOT NULL,
    minor        BIGINT NOT NULL,
    opened_at    BIGINT NOT NULL,
    changed_at   BIGINT NOT NULL,
    leased_by    TEXT,
    leased_until BIGINT,
    decided_by   TEXT,
    decided_at   BIGINT,
    -- Nothing of it is deleted, for this reason.
    held_for     TEXT
);
CREATE UNIQUE INDEX cases_open ON cases (user_id) WHERE state = 'open';
CREATE INDEX cases_queue ON cases (state, place);
CREATE INDEX cases_of_user ON cases (user_id, opened_at);
CREATE INDEX cases_lapsing ON cases (changed_at) WHERE state = 'open' AND reported = 0;

ALTER TABLE decisions ADD COLUMN case_id TEXT;
-- The person who decided.
ALTER TABLE decisions ADD COLUMN decided_by TEXT;
-- In their words, for whom it is about.
ALTER TABLE decisions ADD COLUMN note TEXT;
-- Reports that were looked at.
ALTER TABLE decisions ADD COLUMN reports BIGINT NOT NULL DEFAULT 0;
-- The decision that took it back.
ALTER TABLE decisions ADD COLUMN overturned_by TEXT;
-- The suspension that was evaded: what becomes of it becomes of this one.
ALTER TABLE decisions ADD COLUMN because_of TEXT;
CREATE INDEX decisions_because ON decisions (because_of) WHERE because_of IS NOT NULL;
CREATE INDEX decisions_of_case ON decisions (case_id, at);
CREATE INDEX decisions_by_time ON decisions (at, id);

ALTER TABLE reports ADD COLUMN case_id TEXT;
-- It came to nothing, as a person found then; or to something.
ALTER TABLE reports ADD COLUMN cleared_at BIGINT;
ALTER TABLE reports ADD COLUMN founded BIGINT NOT NULL DEFAULT 0;
CREATE INDEX reports_of_case ON reports (case_id, at);

-- A blurred picture, or words. Sealed with a key of its own, which is wrapped with the key of the day on which it ends; that
-- key isn't in this database.
CREATE TABLE evidence (
    id         TEXT   NOT NULL PRIMARY KEY,
    case_id    TEXT   NOT NULL,
    user_id    TEXT   NOT NULL,
    -- The decision or report that it belongs to.
    source     TEXT   NOT NULL,
    -- picture or transcript.
    kind       TEXT   NOT NULL,
    at         BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    -- Under legal hold: wrapped with the key of its case.
    held       BIGINT NOT NULL,
    wrapped    TEXT   NOT NULL,
    sealed     TEXT   NOT NULL,
    -- A MAC of all of the above, so that a changed byte is found.
    mac        TEXT   NOT NULL,
    UNIQUE (source, kind)
);
CREATE INDEX evidence_of_case ON evidence (case_id, at);
CREATE INDEX evidence_of_user ON evidence (user_id);
CREATE INDEX evidence_expiry ON evidence (expires_at) WHERE held = 0;

-- Keys of days and of cases under hold. Only used in a database of their own, which no backup holds (evidence.keys).
CREATE TABLE evidence_keys (
    name    TEXT NOT NULL PRIMARY KEY,
    wrapped TEXT NOT NULL
);

-- Who did what with evidence and cases; written before it is done, never changed. Each row's MAC includes the one before.
CREATE TABLE audit (
    n      BIGINT NOT NULL PRIMARY KEY,
    at     BIGINT NOT NULL,
    -- An id that means nothing once its account is erased.
    actor  TEXT   NOT NULL,
    act    TEXT   NOT NULL,
    object TEXT   NOT NULL,
    reason TEXT   NOT NULL,
    mac    TEXT   NOT NULL
);
CREATE TABLE audit_head (
    id  BIGINT NOT NULL PRIMARY KEY,
    n   BIGINT NOT NULL,
    mac TEXT   NOT NULL
);
INSERT INTO audit_head (id, n, mac) VALUES (1, 0, '');

CREATE TABLE appeals (
    id          TEXT   NOT NULL PRIMARY KEY,
    decision_id TEXT   NOT NULL UNIQUE,
    case_id     TEXT   NOT NULL,
    user_id     TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    text        TEXT   NOT NULL,
    at          BIGINT NOT NULL,
    -- open, upheld or overturned.
    state       TEXT   NOT NULL,
    judged_by   TEXT,
    judged_at   BIGINT,
    -- In the words of whoever judged.
    note        TEXT
);
CREATE INDEX appeals_queue ON appeals (state, at, id);
CREATE INDEX appeals_of_case ON appeals (case_id, at);
CREATE INDEX appeals_of_user ON appeals (user_id, at);

-- Seconds that a moderator has looked at pictures on a day.
CREATE TABLE exposure (
    moderator_id TEXT   NOT NULL,
    day          BIGINT NOT NULL,
    seconds      BIGINT NOT NULL,
    PRIMARY KEY (moderator_id, day)
);
CREATE INDEX exposure_day ON exposure (day);

-- Devices and networks that people signed in from, as MACs under the secret key.
CREATE TABLE seen_from (
    user_id TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- device or network.
    kind    TEXT   NOT NULL,
    mac     TEXT   NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (user_id, kind, mac)
);
CREATE INDEX seen_from_mac ON seen_from (mac, at);
CREATE INDEX seen_from_age ON seen_from (at);

-- Devices and networks of whoever is suspended.
CREATE TABLE bans (
    decision_id TEXT   NOT NULL,
    kind        TEXT   NOT NULL,
    mac         TEXT   NOT NULL,
    until       BIGINT NOT NULL,
    PRIMARY KEY (decision_id, kind, mac)
);
CREATE INDEX bans_mac ON bans (mac, until);
CREATE INDEX bans_until ON bans (until);
