-- Schema 3: trunks, which tell where many people are.

-- The register: trunks that have access.
CREATE TABLE trunk (
    number              INTEGER PRIMARY KEY AUTOINCREMENT, -- order of enrolment
    trunk               BLOB NOT NULL UNIQUE,
    tenant              TEXT NOT NULL,
    external_ref_prefix TEXT NOT NULL, -- it speaks for the people whose reference begins with this
    topic_id            TEXT NOT NULL UNIQUE,
    secret_hash         BLOB NOT NULL,
    digest              BLOB NOT NULL DEFAULT x'' -- see digest.rs
) STRICT;
