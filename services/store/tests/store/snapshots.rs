//! Snapshots shorten a start and never decide what is true.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use dispatch_core::{
    ids::IncidentId,
    incident::{EndCause, IncidentState},
    policy::Policy,
    record::Record,
    state::State,
};
use muster_engine::ports::Journal;
use muster_store::{
    AdoptedPolicy, SqliteJournal, SqliteReader, SqliteStore, StoreError, StoreOptions, backup,
    chain::Head,
    head::{HeadFile, head_file},
    restore, verify,
};
use rusqlite::Connection;

use crate::{scenes::*, sqlite::new_store};

fn options() -> StoreOptions {
    StoreOptions {
        snapshot_every: 50,
        snapshot_pause: Duration::ZERO,
        ..StoreOptions::default()
    }
}

fn snapshots(store: &Path) -> Vec<(u64, PathBuf)> {
    let mut found: Vec<_> = fs::read_dir(store.parent().unwrap())
        .unwrap()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            let stem = store.file_stem().unwrap().to_str().unwrap();
            let sequence = name.strip_prefix(stem)?.strip_prefix(".snapshot-")?.parse().ok()?;
            Some((sequence, entry.path()))
        })
        .collect();
    found.sort();
    found
}

/// Writes calls until two more snapshots were made.
async fn write_on(journal: &mut SqliteJournal, pen: &mut Pen, store: &Path) {
    let before = snapshots(store).last().map_or(0, |(sequence, _)| *sequence);
    in_time(async {
        loop {
            let now = snapshots(store);
            if now.len() == 2 && now[0].0 > before {
                return;
            }
            let key = key("london", &pen.last.to_string());
            let records = [
                reported(&key, 1, true),
                decided(key.id(), &[1, 2]),
                Record::CouldNotAlert { incident: key.id() },
            ];
            pen.write(journal, records).await;
            if pen.last.is_multiple_of(2) {
                pen.write(journal, [ended(&key, 2, EndCause::Closed)]).await;
            }
        }
    })
    .await;
}

/// What a start makes of the store, and from which record on it had to apply them.
fn started(store: &Path) -> Result<(Known, u64), StoreError> {
    let (journal, _, mut recovery) = SqliteStore::open_with(store, &options())?;
    let from = recovery.begins_after();
    let mut state = recovery.take_image().map_or_else(State::default, State::restore);
    let last = recovery.entries(|entry| {
        state.apply(&entry);
    })?;
    drop(journal);
    assert!(last >= from);
    Ok((known(&state), from))
}

/// What a state knows, as far as it matters here: incidents, how they stand, how many alerts.
type Known = Vec<(IncidentId, u32, IncidentState, usize)>;

fn known(state: &State) -> Known {
    let known = |incident| state.incident(incident).unwrap();
    let incidents = state.incidents().map(|incident| incident.key.id());
    let mut listed: Vec<_> = incidents
        .map(|id| {
            (
                id,
                known(id).revision,
                known(id).state,
                state.alerts_of(known(id)).count(),
            )
        })
        .collect();
    listed.sort_by_key(|known| known.0);
    listed
}

fn without_snapshots(store: &Path) -> Known {
    let hidden: Vec<_> = snapshots(store);
    for (_, path) in &hidden {
        fs::rename(path, path.with_extension("hidden")).unwrap();
        let hidden = path.with_file_name(format!("hidden-{}", path.file_name().unwrap().to_str().unwrap()));
        fs::rename(path.with_extension("hidden"), hidden).unwrap();
    }
    let (state, from) = started(store).unwrap();
    assert_eq!(from, 0);
    for (_, path) in &hidden {
        let hidden = path.with_file_name(format!("hidden-{}", path.file_name().unwrap().to_str().unwrap()));
        fs::rename(hidden, path).unwrap();
    }
    state
}

async fn written() -> (tempfile::TempDir, PathBuf) {
    let (dir, path) = new_store();
    let (mut journal, _, _) = SqliteStore::open_with(&path, &options()).unwrap();
    write_on(&mut journal, &mut Pen::default(), &path).await;
    drop(journal);
    (dir, path)
}

#[tokio::test]
async fn a_start_from_a_snapshot_is_the_start_from_the_beginning() {
    let (_dir, path) = written().await;
    let (state, from) = started(&path).unwrap();
    assert_eq!(from, snapshots(&path)[1].0);
    assert_eq!(state, without_snapshots(&path));
    assert!(verify(&path).unwrap().is_intact());
}

#[tokio::test]
async fn a_damaged_snapshot_gives_way_to_the_older_one_and_then_to_the_journal() {
    let (_dir, path) = written().await;
    let (whole, _) = started(&path).unwrap();
    let [(older, older_path), (_, newer_path)] = <[_; 2]>::try_from(snapshots(&path)).unwrap();
    let damage = |path: &Path| {
        let mut bytes = fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(path, bytes).unwrap();
    };
    damage(&newer_path);
    assert!(!verify(&path).unwrap().is_intact());
    assert_eq!(started(&path).unwrap(), (whole.clone(), older));
    damage(&older_path);
    assert_eq!(started(&path).unwrap(), (whole, 0));
}

/// One slot of the side file is damaged, and the other is older than the newest snapshot.
#[tokio::test]
async fn a_snapshot_newer_than_what_is_known_to_be_acknowledged_is_not_begun_from() {
    let (_dir, path) = written().await;
    let [(older, _), (newer, _)] = <[_; 2]>::try_from(snapshots(&path)).unwrap();
    let sequence = newer - 1;
    let chain = Connection::open(&path)
        .unwrap()
        .query_row(
            "SELECT chain FROM journal WHERE sequence = ?",
            [sequence.cast_signed()],
            |row| row.get(0),
        )
        .unwrap();
    let chain = muster_store::chain::Chain(chain);
    HeadFile::create(&head_file(&path), Head { sequence, chain }).unwrap();
    assert_eq!(started(&path).unwrap().1, older);
    assert_eq!(
        started(&path).unwrap().1,
        newer,
        "the first start brought the side file up"
    );
}

#[tokio::test]
async fn a_snapshot_of_another_history_is_passed_over_and_removed() {
    let (_dir, path) = written().await;
    let (_elsewhere, other) = new_store();
    let (mut journal, _, _) = SqliteStore::open_with(&other, &options()).unwrap();
    let mut pen = Pen::default();
    for _ in 0..3 {
        pen.write(&mut journal, [Record::Started { epoch: 1 }]).await;
    }
    drop(journal);
    for (sequence, from) in snapshots(&path) {
        fs::copy(from, other.with_extension(format!("snapshot-{sequence}"))).unwrap();
    }
    assert_eq!(started(&other).unwrap().1, 0);
    let strange: Vec<_> = snapshots(&path).into_iter().map(|(sequence, _)| sequence).collect();
    let (mut journal, _, _) = SqliteStore::open_with(&other, &options()).unwrap();
    in_time(async {
        while snapshots(&other).iter().any(|(sequence, _)| strange.contains(sequence)) {
            pen.write(&mut journal, [Record::Started { epoch: 1 }]).await;
        }
    })
    .await;
}

#[tokio::test]
async fn damage_before_the_newest_snapshot_does_not_stop_a_start_but_damage_after_it_does() {
    let (_dir, path) = written().await;
    let (mut journal, _, recovery) = SqliteStore::open_with(&path, &StoreOptions::default()).unwrap();
    let from = recovery.begins_after();
    drop(recovery);
    let mut pen = Pen {
        last: verify(&path).unwrap().last,
    };
    pen.write(
        &mut journal,
        [Record::Started { epoch: 1 }, Record::Started { epoch: 2 }],
    )
    .await;
    drop(journal);
    let shell = Connection::open(&path).unwrap();
    shell.execute_batch("DROP TRIGGER journal_is_not_changed").unwrap();
    let spoil = |sequence: u64| {
        let sequence = i64::try_from(sequence).unwrap();
        shell
            .execute("UPDATE journal SET record = x'00' WHERE sequence = ?", [sequence])
            .unwrap();
    };
    spoil(from - 1);
    assert_eq!(started(&path).unwrap().1, from);
    assert!(!verify(&path).unwrap().is_intact());
    spoil(from + 1);
    assert!(matches!(started(&path), Err(StoreError::Damaged { .. })));
}

#[tokio::test]
async fn old_records_go_once_two_snapshots_cover_them() {
    let (dir, path) = new_store();
    let keep = StoreOptions {
        // The pen writes one record a millisecond.
        keep: Duration::from_millis(50),
        ..options()
    };
    let (mut journal, _, _) = SqliteStore::open_with(&path, &keep).unwrap();
    let mut pen = Pen::default();
    let mut expected = State::default();
    in_time(async {
        while verify(&path).unwrap().first < 200 {
            for _ in 0..20 {
                let commit = pen.commit([reported(&key("london", &pen.last.to_string()), 1, true)]);
                expected.apply(&commit.entries[0]);
                journal.submit(commit).unwrap();
            }
            until(&mut journal, pen.last).await;
        }
    })
    .await;
    let copy = dir.path().join("a.backup");
    backup(&path, &copy).unwrap();
    drop(journal);
    assert!(verify(&path).unwrap().is_intact());
    assert_eq!(started(&path).unwrap().0, known(&expected));

    // A backup has what a start needs.
    let elsewhere = tempfile::tempdir().unwrap();
    let restored = elsewhere.path().join("muster.db");
    restore(&copy, &restored).unwrap();
    assert_eq!(started(&restored).unwrap().0, known(&expected));
    // Without snapshots nobody knows what was before.
    for (_, snapshot) in snapshots(&restored) {
        fs::remove_file(snapshot).unwrap();
    }
    assert!(matches!(started(&restored), Err(StoreError::NoSnapshot { .. })));
}

fn policies(store: &Path) -> Vec<AdoptedPolicy> {
    SqliteReader::open_read_only(store).unwrap().policies().unwrap()
}

async fn adopt(journal: &mut SqliteJournal, pen: &mut Pen, policy: &Policy) {
    let adopted = Record::PolicyAdopted(Box::new(policy.clone()));
    pen.write(journal, [adopted]).await;
}

#[tokio::test]
async fn policies_outlive_the_records_that_brought_them() {
    let (dir, path) = new_store();
    let keep = StoreOptions {
        keep: Duration::from_millis(50),
        ..options()
    };
    let (mut journal, _, _) = SqliteStore::open_with(&path, &keep).unwrap();
    let mut pen = Pen::default();
    adopt(&mut journal, &mut pen, &Policy::soonest()).await;
    adopt(&mut journal, &mut pen, &Policy::default()).await;
    let early = policies(&path);
    let texts = [&Policy::soonest(), &Policy::default()].map(muster_policies::text);
    let expected = |texts: &[String]| -> Vec<AdoptedPolicy> {
        let numbered = (1..).zip(texts.iter().cloned());
        numbered.map(|(number, text)| AdoptedPolicy { number, text }).collect()
    };
    assert_eq!(early, expected(&texts), "from the journal alone");
    in_time(async {
        while verify(&path).unwrap().first < 200 {
            let commit = pen.commit([reported(&key("london", &pen.last.to_string()), 1, true)]);
            let last = pen.last;
            journal.submit(commit).unwrap();
            until(&mut journal, last).await;
        }
    })
    .await;
    assert_eq!(policies(&path), early, "their records are gone");
    let third = Policy {
        version: 3,
        ..Policy::soonest()
    };
    adopt(&mut journal, &mut pen, &third).await;
    let all = expected(&[texts[0].clone(), texts[1].clone(), muster_policies::text(&third)]);
    assert_eq!(policies(&path), all, "one of them after the newest snapshot");

    let copy = dir.path().join("a.backup");
    backup(&path, &copy).unwrap();
    assert_eq!(policies(&copy), all, "a backup has them too");
    drop(journal);
    for (_, snapshot) in snapshots(&path) {
        fs::remove_file(snapshot).unwrap();
    }
    let refused = SqliteReader::open_read_only(&path).unwrap().policies().unwrap_err();
    assert!(format!("{refused:?}").contains("snapshot"), "{refused:?}");
}
