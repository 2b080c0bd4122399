-- Schema 5: quiet hours. The rows are checked, copied and sealed again by schema.rs; then comes 5_end.sql.

ALTER TABLE responder RENAME TO responder_4;

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
    quiet_from_minute         INTEGER,          -- of the day; NULL: no quiet hours
    quiet_to_minute           INTEGER,
    digest                    BLOB NOT NULL DEFAULT x'', -- see digest.rs
    CHECK ((quiet_from_minute IS NULL) = (quiet_to_minute IS NULL)),
    UNIQUE (tenant, number),
    UNIQUE (tenant, external_ref)
) STRICT, WITHOUT ROWID;
