-- Times are milliseconds of the file's clock. It starts with the milliseconds since 1970, and is not set with the
-- system's clock.
CREATE TABLE clock (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    boot TEXT NOT NULL,
    boot_ms INTEGER NOT NULL,
    wall_ms INTEGER NOT NULL,
    file_ms INTEGER NOT NULL
);

CREATE TABLE entry (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    key TEXT UNIQUE,
    -- The API and the base URL of the server that the booking is for.
    server TEXT NOT NULL,
    -- waiting, sending, delivered, refused, unknown or expired.
    delivery TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    submitted_at INTEGER NOT NULL,
    -- The same by the system's clock at that time, in milliseconds since 1970.
    submitted_ms INTEGER NOT NULL,
    -- When something is to be done; NULL while it is claimed, and when there is nothing to do.
    due_at INTEGER,
    finished_at INTEGER,
    desired_time TEXT,
    -- When it was sent first.
    sent_at INTEGER,
    -- Equal for bookings that a lookup cannot tell apart; NULL for a server without lookups, and of a finished entry.
    twin INTEGER,
    -- Lookups in a row that have not found the booking; -1 if there was no lookup yet.
    lookups INTEGER NOT NULL DEFAULT -1,
    -- The identifier of the booking.
    booking TEXT,
    error TEXT,
    -- The process that sends it now.
    claim INTEGER,
    -- When the claim expires, in milliseconds since the system was started, without the time while it was suspended.
    claim_until INTEGER,
    claim_pid INTEGER,
    claim_started INTEGER,
    claim_boot TEXT,
    claim_namespace TEXT
);
CREATE INDEX entry_due ON entry (server, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX entry_claim ON entry (claim) WHERE claim IS NOT NULL;
CREATE INDEX entry_finished ON entry (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX entry_twin ON entry (twin, delivery) WHERE twin IS NOT NULL AND delivery IN ('sending', 'unknown');
CREATE INDEX entry_undecided ON entry (submitted_at)
    WHERE delivery = 'unknown' AND due_at IS NULL AND claim IS NULL AND finished_at IS NULL;
CREATE INDEX entry_booking ON entry (server, booking) WHERE booking IS NOT NULL;

-- What is sent, with the telephone number and the user data. The row is erased as soon as its entry is finished.
CREATE TABLE request (
    number INTEGER PRIMARY KEY,
    path TEXT NOT NULL,
    accept TEXT NOT NULL,
    content_type TEXT NOT NULL,
    body TEXT NOT NULL
);

-- How many entries are not finished.
CREATE TABLE total (one INTEGER PRIMARY KEY CHECK (one = 1), open INTEGER NOT NULL);
INSERT INTO total VALUES (1, 0);
CREATE TRIGGER entry_added AFTER INSERT ON entry BEGIN
    UPDATE total SET open = open + 1;
END;
CREATE TRIGGER entry_removed AFTER DELETE ON entry BEGIN
    UPDATE total SET open = open - (old.finished_at IS NULL);
    DELETE FROM request WHERE number = old.number;
END;
CREATE TRIGGER entry_finished AFTER UPDATE OF finished_at ON entry
    WHEN old.finished_at IS NULL AND new.finished_at IS NOT NULL BEGIN
    UPDATE total SET open = open - 1;
    DELETE FROM request WHERE number = new.number;
END;
