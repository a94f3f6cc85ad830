-- What outlives an erased account: that an address must stay away until then. A MAC of it, never the address.
CREATE TABLE kept_suspensions (
    email_mac TEXT   NOT NULL PRIMARY KEY,
    until     BIGINT NOT NULL,
    -- About what it was.
    concern   TEXT   NOT NULL
);
CREATE INDEX kept_suspensions_end ON kept_suspensions (until);

-- A person's rooms, when they go.
CREATE INDEX group_rooms_of_owner ON group_rooms (owner_id);
