-- When the suspension was that a ban belongs to: it holds when its account, and the decision with it, is erased.
ALTER TABLE bans ADD COLUMN since BIGINT;
UPDATE bans SET since = (SELECT at FROM decisions WHERE id = bans.decision_id);
-- A MAC over where the audit log ends: without it whoever cuts the log off could say that it ended there.
ALTER TABLE audit_head ADD COLUMN seal TEXT;
-- What a decision took back, wherever it is.
CREATE INDEX decisions_overturned ON decisions (overturned_by) WHERE overturned_by IS NOT NULL;
