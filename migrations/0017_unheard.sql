-- Somebody was called into a call in which there is somebody they share a block with: it didn't ring at theirs, and isn't in their
-- history; whoever called finds it as one that nobody answered.
ALTER TABLE call_members ADD COLUMN unheard BIGINT NOT NULL DEFAULT 0;
