-- Rooms of groups: a record that outlives the live room, until nobody has used it for a day.

CREATE TABLE group_rooms (
    id         TEXT   NOT NULL PRIMARY KEY,
    -- No reference: the record ends by itself soon after an erased account.
    owner_id   TEXT   NOT NULL,
    name       TEXT,
    seats      BIGINT NOT NULL,
    locked     BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX group_rooms_expired ON group_rooms (expires_at);
