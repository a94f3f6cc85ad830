-- Somebody may be reported again where they were reported before: for another reason, or for what they did another day. So the
-- table is made anew without its old constraint, which one of the two databases can't drop.
ALTER TABLE reports RENAME TO reports_before;
CREATE TABLE reports (
    id          TEXT   NOT NULL PRIMARY KEY,
    reporter_id TEXT   NOT NULL REFERENCES users (id),
    room_id     TEXT   NOT NULL,
    reported_id TEXT   NOT NULL REFERENCES users (id),
    reason      TEXT   NOT NULL,
    note        TEXT,
    at          BIGINT NOT NULL,
    case_id     TEXT,
    cleared_at  BIGINT,
    founded     BIGINT NOT NULL DEFAULT 0
);
INSERT INTO reports (id, reporter_id, room_id, reported_id, reason, note, at, case_id, cleared_at, founded)
    SELECT id, reporter_id, room_id, reported_id, reason, note, at, case_id, cleared_at, founded FROM reports_before;
DROP TABLE reports_before;
CREATE INDEX reports_against ON reports (reported_id, at);
CREATE INDEX reports_made ON reports (at);
CREATE INDEX reports_of_case ON reports (case_id, at);
CREATE INDEX reports_by ON reports (reporter_id, room_id, reported_id, reason);
