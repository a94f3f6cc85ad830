-- What moved a person's reputation, once for each cause; and what they thought of their calls.

ALTER TABLE users ADD COLUMN reputation_at BIGINT NOT NULL DEFAULT 0;

CREATE TABLE reputation_moves (
    user_id    TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- clean-call, reported, recovered or faded.
    kind       TEXT   NOT NULL,
    -- The cause: a call, a report, the report that is forgiven, a day.
    source     TEXT   NOT NULL,
    at         BIGINT NOT NULL,
    delta      BIGINT NOT NULL,
    recover_by BIGINT,
    PRIMARY KEY (user_id, kind, source)
);
CREATE INDEX reputation_moves_of_user ON reputation_moves (user_id, at);

CREATE TABLE call_ratings (
    room_id TEXT   NOT NULL,
    user_id TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    stars   BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (room_id, user_id)
);
CREATE INDEX call_ratings_of_user ON call_ratings (user_id);
