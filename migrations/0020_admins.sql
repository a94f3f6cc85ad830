-- There are few of them, and before one erases their account the others are counted.
CREATE INDEX users_admins ON users (role, id) WHERE role = 'admin';
