-- What is between two people: a request or a friendship, one row a pair, the smaller id first. So two requests that cross
-- can only be one friendship, and whoever blocks has one row to end.

CREATE TABLE friendships (
    low_id     TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    high_id    TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    request_id TEXT   NOT NULL UNIQUE,
    asked_by   TEXT   NOT NULL,
    asked_at   BIGINT NOT NULL,
    -- Of a request: when it is nothing any more.
    expires_at BIGINT NOT NULL,
    -- Not shown to whoever was asked, and not told to whoever asks.
    declined   BIGINT NOT NULL,
    -- Taken back after it was declined: remembered until it ends, so that asking again brings nothing.
    withdrawn  BIGINT NOT NULL,
    -- Friends since then.
    since      BIGINT,
    PRIMARY KEY (low_id, high_id)
);
CREATE INDEX friendships_of_high ON friendships (high_id, low_id);
CREATE INDEX friendships_expired ON friendships (expires_at) WHERE since IS NULL;
