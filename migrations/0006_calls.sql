-- Calls among people who know one another: who called. Whoever was called and didn't answer has a row as well, which was
-- over from the beginning, and so is in their history.

ALTER TABLE calls ADD COLUMN caller_id TEXT;

-- A person's stays in groups, newest first.
CREATE INDEX visits_of_person ON visits (user_id, came_at);
