-- Schema 2: every record carries the hash of everything up to it, every row of the register a digest of itself, and the
-- journal a base from which it starts. The rows are filled in by schema.rs; then comes 2_end.sql.

DROP TRIGGER journal_is_not_changed;
DROP TRIGGER journal_is_not_deleted;
DROP TRIGGER journal_has_no_gaps;
DROP INDEX journal_by_incident;
DROP INDEX journal_by_tenant;
ALTER TABLE journal RENAME TO journal_1;

-- The truth: every record, in order, without gaps, never changed.
CREATE TABLE journal (
    sequence INTEGER PRIMARY KEY,
    at_ms    INTEGER NOT NULL,
    tenant   TEXT,              -- NULL: about no one control room
    incident BLOB,              -- NULL: not part of an incident's story
    record   BLOB NOT NULL,     -- muster.journal.v1.Record
    chain    BLOB NOT NULL CHECK (length(chain) = 32) -- see chain.rs
) STRICT;

-- Where the journal starts: the last record that was let go for its age, and the chain at it.
CREATE TABLE journal_base (
    only     INTEGER PRIMARY KEY CHECK (only = 1),
    sequence INTEGER NOT NULL,
    chain    BLOB NOT NULL CHECK (length(chain) = 32),
    keep_to  INTEGER            -- set only while records after it, which nobody was told of, are cut off
) STRICT;
INSERT INTO journal_base VALUES (1, 0, zeroblob(32), NULL);

-- See digest.rs.
ALTER TABLE responder ADD COLUMN digest BLOB NOT NULL DEFAULT x'';
ALTER TABLE device ADD COLUMN digest BLOB NOT NULL DEFAULT x'';
ALTER TABLE address ADD COLUMN digest BLOB NOT NULL DEFAULT x'';
