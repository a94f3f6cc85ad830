-- A MAC over what was decided when it was written, so that a change of it is found. Decisions from before have none.
ALTER TABLE decisions ADD COLUMN mac TEXT;
