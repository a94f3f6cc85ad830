-- Who was in a group's room, and when: one row for each stay, written by the node that holds the room. Reports about people
-- met there stand on it. No references: a stay outlives the room's record and an erased account.

CREATE TABLE visits (
    participant_id TEXT   NOT NULL PRIMARY KEY,
    room_id        TEXT   NOT NULL,
    user_id        TEXT   NOT NULL,
    node_id        TEXT   NOT NULL,
    came_at        BIGINT NOT NULL,
    left_at        BIGINT,
    left_reason    TEXT
);
CREATE INDEX visits_of_user ON visits (room_id, user_id, came_at);
CREATE INDEX visits_running ON visits (node_id) WHERE left_at IS NULL;
