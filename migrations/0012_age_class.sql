-- Who may meet whom by age: people of different classes never wait in the same pool. Whoever has declared to be 18 or older is an
-- adult; where another service says how old somebody is, its word stands here.
ALTER TABLE users ADD COLUMN age_class TEXT;
UPDATE users SET age_class = 'adult' WHERE age_declared_at IS NOT NULL;
