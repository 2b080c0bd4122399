-- Schema 6: who has been called. Filled by schema.rs from the journal as far back as it goes.

-- Derived from the journal, and kept when records are let go: how often each person was asked, drills left out.
CREATE TABLE called (
    responder  BLOB PRIMARY KEY,
    times      INTEGER NOT NULL,
    last_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
