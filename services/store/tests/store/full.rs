//! A full disk, on a small file system of its own.

use std::{fs, path::Path, process::Command};

use muster_engine::ports::{Journal, JournalNews};
use muster_store::{SqliteStore, StoreOptions};
use tempfile::TempDir;

use crate::{scenes::*, sqlite::recovered};

/// A mounted tmpfs of 8 MiB; unmounted when dropped.
struct SmallDisk(TempDir);

impl SmallDisk {
    /// `None` where mounting is not allowed.
    fn mount() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"])
            .arg(dir.path())
            .output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Self(dir))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).output();
    }
}

/// Fills what is left of the disk to the last page.
fn fill(disk: &Path) -> std::path::PathBuf {
    let filler = disk.join("filler");
    let mut file = fs::File::create(&filler).unwrap();
    let block = [0u8; 4096];
    while std::io::Write::write_all(&mut file, &block).is_ok() {}
    filler
}

#[tokio::test]
async fn a_full_disk_loses_nothing_and_heals() {
    let Some(disk) = SmallDisk::mount() else {
        // Visible in the output of the test runner; the same is tested without a disk in disk/tests.rs.
        eprintln!("SKIPPED: no file system can be mounted here");
        return;
    };
    let path = disk.path().join("muster.db");
    let options = StoreOptions {
        reserve_bytes: 1 << 20,
        ..StoreOptions::default()
    };
    let (mut journal, _reader, _recovery) = SqliteStore::open_with(&path, &options).unwrap();
    let reserve = path.with_extension("reserve");
    assert_eq!(fs::metadata(&reserve).unwrap().len(), 1 << 20);
    let mut pen = Pen::default();
    let mut written = Vec::new();
    let key = key("london", "1");
    let mut revision = 0;
    let mut submit = |journal: &mut _, pen: &mut Pen, count| {
        for _ in 0..count {
            revision += 1;
            let commit = pen.commit([reported(&key, revision, true)]);
            written.extend(commit.entries.clone());
            Journal::submit(journal, commit).unwrap();
        }
    };
    submit(&mut journal, &mut pen, 10);
    until(&mut journal, pen.last).await;
    let filler = fill(disk.path());

    // The reserve serves.
    // The log may have some space of its own left at first.
    let mut told = JournalNews::Durable(0);
    while told != JournalNews::Full {
        submit(&mut journal, &mut pen, 1);
        told = in_time(journal.news()).await.unwrap();
    }
    until(&mut journal, pen.last).await;
    assert!(!reserve.exists());
    // Nor is there anything left after that.
    let second = disk.path().join("second");
    fs::rename(&filler, &second).unwrap();
    let filler = fill(disk.path());
    submit(&mut journal, &mut pen, 4000);
    // Room is made.
    fs::remove_file(&filler).unwrap();
    fs::remove_file(&second).unwrap();
    until_told(&mut journal, JournalNews::SpaceAgain).await;
    assert_eq!(fs::metadata(&reserve).unwrap().len(), 1 << 20);
    submit(&mut journal, &mut pen, 1);
    until(&mut journal, pen.last).await;
    drop(journal);
    let (_journal, _, recovery) = SqliteStore::open_with(&path, &options).unwrap();
    assert_eq!(recovered(recovery), written);
}
