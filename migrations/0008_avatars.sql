-- Pictures of people, small ones that were made here: named by their content, so that an address never changes its picture.
-- In the database, because every process has it (ADR 8).

CREATE TABLE avatars (
    sha256 TEXT   NOT NULL,
    side   BIGINT NOT NULL,
    -- Base64 of the WebP: neither SQLite nor Postgres has to be asked for another type than text.
    webp   TEXT   NOT NULL,
    PRIMARY KEY (sha256, side)
);

-- Who else has that picture, when somebody gives it up.
CREATE INDEX users_avatar ON users (avatar_url);
