//! `verify` finds what is damaged, and nothing else.

use std::path::Path;

use dispatch_core::incident::EndCause;
use muster_engine::{ports::Journal, registry::RegistryChange};
use muster_store::{SqliteJournal, SqliteStore, damage::Damage, head::head_file, verify};
use rusqlite::Connection;

use crate::{scenes::*, sqlite::new_store};

/// Two incidents, three people.
pub async fn filled(path: &Path) -> (SqliteJournal, Pen) {
    let (mut journal, _, _) = SqliteStore::open(path).unwrap();
    let mut pen = Pen::default();
    for number in ["1", "2"] {
        let key = key("london", number);
        let mut commit = pen.commit([reported(&key, 1, true), decided(key.id(), &[1, 2])]);
        commit.registry = vec![
            RegistryChange::PutResponder(person("london", u8::try_from(pen.last).unwrap(), "A")),
            RegistryChange::PutDevice(access("london", u8::try_from(pen.last).unwrap(), 1)),
            put_aed(aed("london", u8::try_from(pen.last).unwrap(), 0.0)),
            RegistryChange::PutAddress {
                incident: key.id(),
                address: address("1 High Street"),
            },
        ];
        journal.submit(commit).unwrap();
    }
    pen.write(&mut journal, [ended(&key("london", "2"), 2, EndCause::Closed)])
        .await;
    (journal, pen)
}

#[tokio::test]
async fn an_intact_store_is_intact_beside_the_service_and_without_it() {
    let (_dir, path) = new_store();
    let (journal, pen) = filled(&path).await;
    for _ in 0..2 {
        let report = verify(&path).unwrap();
        assert!(report.is_intact(), "{report:?}");
        assert_eq!(
            (report.first, report.last, report.acknowledged),
            (1, pen.last, Some(pen.last))
        );
        assert_eq!(report.register_rows, 8);
    }
    drop(journal);
    assert!(verify(&path).unwrap().is_intact());
}

#[tokio::test]
async fn a_mark_that_cannot_be_read_is_told_and_nothing_is_missing() {
    let (_dir, path) = new_store();
    let (journal, pen) = filled(&path).await;
    drop(journal);
    assert!(!verify(&path).unwrap().spoilt_mark);
    let head = head_file(&path);
    let sound = std::fs::read(&head).unwrap();
    // The slots are a page apart; one of them holds the newest mark.
    for at in [12, 4096 + 12] {
        let mut spoilt = sound.clone();
        spoilt[at] ^= 0xff;
        std::fs::write(&head, &spoilt).unwrap();
        let report = verify(&path).unwrap();
        assert!(report.is_intact() && report.spoilt_mark, "{report:?}");
        assert_eq!(report.last, pen.last);
        assert!(report.acknowledged.is_some_and(|upto| upto <= pen.last));
    }
}

#[tokio::test]
async fn every_damaged_record_is_listed_with_its_incident() {
    let (_dir, path) = new_store();
    drop(filled(&path).await);
    let shell = Connection::open(&path).unwrap();
    shell.execute_batch("DROP TRIGGER journal_is_not_changed").unwrap();
    shell
        .execute("UPDATE journal SET record = x'00' WHERE sequence IN (1, 4)", [])
        .unwrap();
    let report = verify(&path).unwrap();
    assert_eq!(report.damage, Some(Damage::Broken { sequence: 1 }));
    assert_eq!(
        (report.affected.records_count, report.affected.records.as_slice()),
        (2, [1, 4].as_slice())
    );
    let incidents: Vec<_> = report
        .affected
        .incidents
        .iter()
        .map(|(incident, _)| *incident)
        .collect();
    let mut expected = [key("london", "1").id(), key("london", "2").id()];
    expected.sort();
    assert_eq!(incidents, expected);
}

#[tokio::test]
async fn damage_outside_the_journal_is_named() {
    let changes = [
        (
            "table incident: row",
            "UPDATE incident SET revision = 9 WHERE cad_incident_number = '1'",
        ),
        (
            "table incident: row",
            "DELETE FROM incident WHERE cad_incident_number = '1'",
        ),
        (
            "table alert_incident: row",
            "DELETE FROM alert_incident WHERE alert = (SELECT max(alert) FROM alert_incident)",
        ),
        (
            "of table responder",
            "UPDATE responder SET on_duty = 0 WHERE number = 2",
        ),
        ("of table device", "UPDATE device SET topic_id = 'x' WHERE number = 1"),
        ("of table address", "UPDATE address SET floor = ''"),
        (
            "of table aed",
            "UPDATE aed SET latitude_e7 = latitude_e7 + 1 WHERE number = 1",
        ),
        (
            "SQLite: ",
            "PRAGMA writable_schema = on; DELETE FROM sqlite_schema WHERE name = 'device_by_responder'",
        ),
        (
            "the schema: no such column: nnly",
            "PRAGMA writable_schema = on;
             UPDATE sqlite_schema SET sql = replace(sql, '(only = 1)', '(nnly = 1)') WHERE name = 'journal_base'",
        ),
    ];
    for (found, change) in changes {
        let (_dir, path) = new_store();
        drop(filled(&path).await);
        Connection::open(&path).unwrap().execute_batch(change).unwrap();
        let report = verify(&path).unwrap();
        assert!(!report.is_intact(), "{change}");
        assert!(
            report.findings.iter().any(|finding| finding.contains(found)),
            "{change}: {report:?}"
        );
    }
}
