-- What is counted of each day (UTC) once it is over: it names nobody, and outlives the rows that it was counted from.

-- JSON, as `visavis_domain::figures` has it. A day on which nothing happened has none.
CREATE TABLE daily_figures (
    day     BIGINT NOT NULL PRIMARY KEY,
    figures TEXT   NOT NULL
);
-- The first day, by its number since the epoch, that isn't counted for good: moved with the row of the day before, by
-- whoever finds it as it was.
CREATE TABLE figures_head (
    id       BIGINT NOT NULL PRIMARY KEY,
    next_day BIGINT NOT NULL
);
INSERT INTO figures_head (id, next_day) VALUES (1, 0);

-- When the first of what a decision by rule rests on was noticed.
ALTER TABLE decisions ADD COLUMN noticed_at BIGINT;

-- What has happened on a day.
CREATE INDEX calls_ended ON calls (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX visits_left ON visits (left_at) WHERE left_at IS NOT NULL;
CREATE INDEX call_ratings_made ON call_ratings (at);
