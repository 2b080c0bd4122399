-- Schema 4: defibrillators.

-- The register: defibrillators, with what people read about them.
CREATE TABLE aed (
    number          INTEGER PRIMARY KEY AUTOINCREMENT, -- order of registration
    aed             BLOB NOT NULL UNIQUE,
    tenant          TEXT NOT NULL,
    external_ref    TEXT NOT NULL,
    name            TEXT NOT NULL,
    latitude_e7     INTEGER NOT NULL,
    longitude_e7    INTEGER NOT NULL,
    accuracy_mm     INTEGER NOT NULL,
    address         TEXT NOT NULL,
    uprn            TEXT NOT NULL,
    postcode        TEXT NOT NULL,
    floor           TEXT NOT NULL,
    access_notes    TEXT NOT NULL,
    cabinet_code    TEXT NOT NULL,
    access          INTEGER NOT NULL,
    opening_hours   TEXT NOT NULL, -- as somebody wrote them; empty: not known
    country         TEXT NOT NULL, -- whose holidays they go by; empty without opening hours
    time_zone       TEXT NOT NULL, -- whose clock they go by; empty without opening hours
    indoor          INTEGER CHECK (indoor IN (0, 1)), -- NULL: not known
    level           TEXT NOT NULL, -- empty: not known
    state           INTEGER NOT NULL,
    confirmed_at_ms INTEGER,       -- NULL: not known
    digest          BLOB NOT NULL DEFAULT x'', -- see digest.rs
    UNIQUE (tenant, external_ref)
) STRICT;
CREATE INDEX aed_by_number ON aed (tenant, number);
CREATE INDEX aed_by_latitude ON aed (tenant, latitude_e7);
