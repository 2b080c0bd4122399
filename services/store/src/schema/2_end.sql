DROP TABLE journal_1;

CREATE INDEX journal_by_incident ON journal (incident, sequence) WHERE incident IS NOT NULL;
CREATE INDEX journal_by_tenant ON journal (tenant, sequence) WHERE incident IS NOT NULL;
-- So that the alerts of an incident that is let go are found.
CREATE INDEX alert_by_incident ON alert_incident (incident);

CREATE TRIGGER journal_is_not_changed BEFORE UPDATE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only: records are never changed'); END;
-- Only what the base has passed, and what is being cut off, may go.
CREATE TRIGGER journal_is_not_deleted BEFORE DELETE ON journal
WHEN OLD.sequence > (SELECT sequence FROM journal_base)
 AND OLD.sequence <= (SELECT coalesce(keep_to, 9223372036854775807) FROM journal_base)
BEGIN SELECT RAISE(ABORT, 'the journal is append-only: records are never deleted'); END;
-- Also keeps REPLACE from putting one record in place of another.
CREATE TRIGGER journal_has_no_gaps BEFORE INSERT ON journal
WHEN NEW.sequence <> (SELECT coalesce((SELECT max(sequence) FROM journal), (SELECT sequence FROM journal_base)) + 1)
BEGIN SELECT RAISE(ABORT, 'the journal has no gaps: this is not the next sequence'); END;
