-- Schema 1. Ids are 16 bytes; `_ms` is milliseconds UTC; numbers of enumerations are those of journal.proto.

-- The truth: every record, in order, without gaps, never changed.
CREATE TABLE journal (
    sequence INTEGER PRIMARY KEY,
    at_ms    INTEGER NOT NULL,
    tenant   TEXT,              -- NULL: about no one control room
    incident BLOB,              -- NULL: not part of an incident's story
    record   BLOB NOT NULL      -- muster.journal.v1.Record
) STRICT;
CREATE INDEX journal_by_incident ON journal (incident, sequence) WHERE incident IS NOT NULL;
CREATE INDEX journal_by_tenant ON journal (tenant, sequence) WHERE incident IS NOT NULL;

CREATE TRIGGER journal_is_not_changed BEFORE UPDATE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only: records are never changed'); END;
CREATE TRIGGER journal_is_not_deleted BEFORE DELETE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only: records are never deleted'); END;
-- Also keeps REPLACE from putting one record in place of another.
CREATE TRIGGER journal_has_no_gaps BEFORE INSERT ON journal
WHEN NEW.sequence <> (SELECT coalesce(max(sequence), 0) + 1 FROM journal)
BEGIN SELECT RAISE(ABORT, 'the journal has no gaps: this is not the next sequence'); END;

-- Derived from the journal: incidents as they stand, for lists.
CREATE TABLE incident (
    incident            BLOB PRIMARY KEY,
    tenant              TEXT NOT NULL,
    cad_system          TEXT NOT NULL,
    cad_incident_number TEXT NOT NULL,
    call_date           TEXT NOT NULL,
    revision            INTEGER NOT NULL,
    kind                TEXT,             -- NULL: a tombstone
    state               INTEGER NOT NULL,
    is_open             INTEGER NOT NULL CHECK (is_open IN (0, 1)),
    received_at_ms      INTEGER NOT NULL,
    first_sequence      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX incident_by_tenant ON incident (tenant, first_sequence);
CREATE INDEX incident_open_by_tenant ON incident (tenant, first_sequence) WHERE is_open = 1;
CREATE INDEX incident_by_number ON incident (cad_incident_number, cad_system);

-- Derived from the journal: which incident an alert belongs to.
CREATE TABLE alert_incident (
    alert    BLOB PRIMARY KEY,
    incident BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- The register: people. Personal fields stand here and nowhere else.
CREATE TABLE responder (
    responder                 BLOB PRIMARY KEY,
    tenant                    TEXT NOT NULL,
    number                    INTEGER NOT NULL, -- order of registration within the tenant, from 1
    external_ref              TEXT NOT NULL,
    name                      TEXT NOT NULL,
    skills                    TEXT NOT NULL,    -- separated by spaces
    credential_valid_until_ms INTEGER NOT NULL,
    travel_mode               INTEGER NOT NULL,
    on_duty                   INTEGER NOT NULL CHECK (on_duty IN (0, 1)),
    suspended                 INTEGER NOT NULL CHECK (suspended IN (0, 1)),
    UNIQUE (tenant, number),
    UNIQUE (tenant, external_ref)
) STRICT, WITHOUT ROWID;

-- The register: devices that have access.
CREATE TABLE device (
    number      INTEGER PRIMARY KEY AUTOINCREMENT, -- order of enrolment
    device      BLOB NOT NULL UNIQUE,
    responder   BLOB NOT NULL,
    tenant      TEXT NOT NULL,
    purpose     INTEGER NOT NULL,
    alertable   INTEGER NOT NULL CHECK (alertable IN (0, 1)),
    kind        TEXT NOT NULL CHECK (kind IN ('muster', 'owntracks')),
    encoding    TEXT NOT NULL CHECK (encoding IN ('json', 'binary')),
    topic_id    TEXT NOT NULL UNIQUE,
    secret_hash BLOB NOT NULL
) STRICT;
CREATE INDEX device_by_responder ON device (responder, number);

-- The register: where an incident is, in words.
CREATE TABLE address (
    incident     BLOB PRIMARY KEY,
    text         TEXT NOT NULL,
    uprn         TEXT NOT NULL,
    postcode     TEXT NOT NULL,
    floor        TEXT NOT NULL,
    access_notes TEXT NOT NULL
) STRICT, WITHOUT ROWID;
