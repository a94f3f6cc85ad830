-- What was decided about people. What it rests on is kept apart, sealed, and not for long.

CREATE TABLE decisions (
    id            TEXT   NOT NULL PRIMARY KEY,
    user_id       TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    room_id       TEXT   NOT NULL,
    at            BIGINT NOT NULL,
    -- warn, blur, mute, remove or suspend.
    action        TEXT   NOT NULL,
    concern       TEXT   NOT NULL,
    rule          TEXT   NOT NULL,
    version       TEXT   NOT NULL,
    -- Of a suspension: its end.
    until         BIGINT,
    automated     BIGINT NOT NULL,
    -- Only written down.
    dry_run       BIGINT NOT NULL,
    -- JSON: the act, and all that was noticed, as the rules saw it.
    act           TEXT   NOT NULL,
    signals       TEXT   NOT NULL,
    overturned_at BIGINT
);
CREATE INDEX decisions_of_user ON decisions (user_id, at);
