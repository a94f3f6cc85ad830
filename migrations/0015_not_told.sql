-- What nobody is told. A call that a block has ended says in `reason` what it looks like to both; that it was a block stands here.
ALTER TABLE calls ADD COLUMN blocked BIGINT NOT NULL DEFAULT 0;
-- Of calls before: whoever blocked has left, and a call that rang was given up or declined.
UPDATE calls SET blocked = 1, reason = 'left' WHERE reason = 'safety' AND EXISTS
    (SELECT 1 FROM call_members m WHERE m.room_id = calls.room_id AND m.left_reason = 'left');
UPDATE calls SET blocked = 1, reason = 'declined' WHERE reason = 'safety' AND kind = 'friends' AND started_at IS NULL;
UPDATE call_members SET left_reason = (SELECT c.reason FROM calls c WHERE c.room_id = call_members.room_id)
    WHERE left_reason = 'safety' AND room_id IN (SELECT room_id FROM calls WHERE blocked = 1);

-- Stays in a group's room in which one has never seen the other, because they shared a block when the later one came. Two rows
-- for each two; people met there can be reported, and are remembered, and these have not met.
CREATE TABLE kept_apart (
    participant_id TEXT   NOT NULL,
    apart_from     TEXT   NOT NULL,
    at             BIGINT NOT NULL,
    PRIMARY KEY (participant_id, apart_from)
);
CREATE INDEX kept_apart_since ON kept_apart (at);

-- Blocks of ids that nobody has, or has any more: kept like any other, because whoever is blocked themselves must not learn it
-- from what becomes of their own block.
CREATE TABLE blocks_of_nobody (
    user_id  TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    other_id TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    PRIMARY KEY (user_id, other_id)
);
CREATE INDEX blocks_of_nobody_of_user ON blocks_of_nobody (user_id, at);
