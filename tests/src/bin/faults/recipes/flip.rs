//! F35: one flipped byte, at every place of the last 64 KB of the write-ahead file and at some of the journal's file. Either
//! it harms nothing or it is reported; what is never allowed is that records vanish without a word.
//!
//! A check is a process of its own, as an operator would start it. With `muster audit verify` it is one for each flip;
//! without, the story of every incident is printed and compared with what it was.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::{task::JoinSet, time::sleep};

use super::{PER_SECOND, PHONES_BACK_MAX, data_dir, ready_max};
use crate::{
    bench::{Bench, Mount, output},
    desk::{Desk, arrest},
    ledger::Story,
    outcome::Outcome,
    reckoning::Reckoning,
    server::Setup,
    town::{Load, Town, place_in},
    watcher::Told,
};

/// The end of each file that is flipped, byte by byte.
const TAIL_BYTES: u64 = 64 * 1024;
/// Of the file itself one byte in so many is flipped here: most of it is old pages, which the next checkpoint writes anew.
/// `cargo run --release -p muster-store --example flip` flips them all, within one process.
const FILE_STEP: usize = 16;
/// Offsets tried in the short form.
const SAMPLE: usize = 256;
/// Of those, or of all, so many are also given to `serve`, which must refuse or have everything.
const SERVED: usize = 12;
/// The same for the long form.
const SERVED_LONG: usize = 300;
/// Stories compared for each flip when there is no `audit verify`; each costs a process.
const SHOWN: usize = 4;
/// A small town makes a small journal, so that the last 64 KB are most of it.
const PEOPLE: usize = 24;
/// Long enough for a write-ahead file of more than 64 KB.
const LIFE: Duration = Duration::from_secs(6);
/// Reports before the kill: more than fill the last pages.
const LAST_REPORTS: usize = 20;
/// Without these two the recipe tests nothing.
const EXPECTED: [&str; 2] = ["journal.sqlite", "journal.sqlite-wal"];
/// Of a write-ahead file, its frames, and the salt in both.
const WAL_HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;
const SALT_BYTES: usize = 8;
/// Copies being flipped at a time, each in memory.
const MEMORY_SIZE: &str = "256m";

pub(super) async fn run(bench: &Bench) -> Result<Outcome> {
    let mut outcome = Outcome::new(ready_max(bench));
    let stories = killed_under_load(bench, &mut outcome).await?;
    let memory = Mount::memory(bench.scratch.join("memory"), MEMORY_SIZE)?;
    let original = Original::read(bench, &data_dir(bench), &stories, &memory.at.join("reference"))?;
    let original = Arc::new(original);
    if !original.verifies {
        outcome
            .notes
            .push("skipped: this binary has no audit verify; stories are compared instead".to_owned());
    }
    let mut offsets = original.offsets();
    let mut dice = ChaCha8Rng::seed_from_u64(bench.seed);
    if bench.short {
        offsets = (0..SAMPLE)
            .map(|_| offsets[dice.random_range(0..offsets.len())])
            .collect();
    }
    check_all(&original, &offsets, &memory.at, &mut outcome).await?;
    for n in 0..bench.pick(SERVED, SERVED_LONG) {
        let flip = offsets[dice.random_range(0..offsets.len())];
        serve(
            bench,
            &original,
            flip,
            &stories,
            memory.at.join(format!("served-{n}")),
            &mut outcome,
        )
        .await?;
    }
    Ok(outcome)
}

type Stories = BTreeMap<String, Story>;
/// A file and an offset in it.
type Flip = (usize, u64);

/// A data directory as a crash leaves it, and what was acknowledged before.
async fn killed_under_load(bench: &Bench, outcome: &mut Outcome) -> Result<Stories> {
    let setup = Setup::new(bench, data_dir(bench));
    let (running, _) = setup.start().await?;
    let desk = Desk::new(&setup.endpoints()?)?;
    let mut town = Town::settle(&setup, &desk, PEOPLE).await?;
    town.all_connected(PHONES_BACK_MAX).await?;
    let load = Load::start(&desk, PER_SECOND, bench.seed);
    sleep(LIFE).await;
    let ledger = load.stop().await?;
    town.leave().await;
    // One after the other, and nothing after them: the end of the journal holds what the control room knows about.
    let mut dice = ChaCha8Rng::seed_from_u64(bench.seed);
    for n in 0..LAST_REPORTS {
        let number = format!("last-{n}");
        let report = arrest(&number, place_in(n, &mut dice));
        ledger.open(&number, report.clone());
        let answer = desk
            .report_until_answered(&report, Instant::now() + PHONES_BACK_MAX)
            .await;
        ledger.reported(&number, answer.context("the last reports are answered")?);
    }
    running.kill().await?;
    outcome.incidents = ledger.acknowledged();
    let mut stories = ledger.stories();
    stories.retain(|_, story| story.reported.as_ref().is_some_and(|answer| answer.durable));
    ensure!(!stories.is_empty(), "nothing was acknowledged");
    Ok(stories)
}

/// The undamaged data and what it says.
struct Original {
    binary: PathBuf,
    files: Vec<(String, Vec<u8>)>,
    verifies: bool,
    /// What `audit verify` says of it.
    verdict: Vec<u8>,
    /// What `audit show` says of each incident, the newest last.
    shown: Vec<(String, Vec<u8>)>,
}

impl Original {
    fn read(bench: &Bench, data_dir: &Path, stories: &Stories, reference: &Path) -> Result<Self> {
        let mut files = Vec::new();
        for entry in fs::read_dir(data_dir)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            // What describes a running service, and what is rebuilt from the other files, is no part of the data.
            let data = entry.file_type()?.is_file() && !name.ends_with("-shm") && name != "endpoints.json";
            let bytes = if data { fs::read(entry.path())? } else { vec![] };
            if !bytes.is_empty() {
                files.push((name, bytes));
            }
        }
        for file in EXPECTED {
            ensure!(
                files.iter().any(|(name, _)| name == file),
                "a killed service leaves no {file}"
            );
        }
        let mut original = Self {
            binary: bench.binary.clone(),
            files,
            verifies: output(&bench.binary, ["audit", "verify", "--help"])?.status.success(),
            verdict: vec![],
            shown: vec![],
        };
        original.copy_to(reference)?;
        if original.verifies {
            let verdict = original.verify(reference)?;
            ensure!(
                verdict.status.success(),
                "audit verify finds damage where there is none"
            );
            original.verdict = verdict.stdout;
        }
        let mut newest: Vec<_> = stories.values().filter_map(|story| story.reported.as_ref()).collect();
        newest.sort_by_key(|answer| answer.sequence);
        for answer in newest {
            let shown = original.show(reference, &answer.incident_id)?;
            ensure!(
                shown.status.success(),
                "audit show does not know {}",
                answer.incident_id
            );
            original.shown.push((answer.incident_id.clone(), shown.stdout));
        }
        Ok(original)
    }

    fn copy_to(&self, directory: &Path) -> Result<()> {
        fs::create_dir_all(directory)?;
        // What an earlier check left there would heal the damage.
        for entry in fs::read_dir(directory)? {
            let path = entry?.path();
            if path.is_file() {
                fs::remove_file(path)?;
            }
        }
        for (name, bytes) in &self.files {
            fs::write(directory.join(name), bytes)?;
        }
        Ok(())
    }

    /// A copy with one byte turned over.
    fn flipped_to(&self, directory: &Path, (file, offset): Flip) -> Result<()> {
        self.copy_to(directory)?;
        let path = directory.join(&self.files[file].0);
        let mut bytes = fs::read(&path)?;
        let at = usize::try_from(offset)?;
        bytes[at] = !bytes[at];
        fs::write(&path, bytes).context("writing a flipped copy")
    }

    /// Every offset of the end of the write-ahead file, where the newest records are, and some of the end of the other.
    fn offsets(&self) -> Vec<Flip> {
        let mut all = Vec::new();
        for (file, (name, bytes)) in self.files.iter().enumerate() {
            let wal = name.ends_with("-wal");
            let length = if wal { live_end(bytes) } else { bytes.len() as u64 };
            let end = length.saturating_sub(TAIL_BYTES)..length;
            all.extend(
                end.step_by(if wal { 1 } else { FILE_STEP })
                    .map(|offset| (file, offset)),
            );
        }
        all
    }

    fn verify(&self, directory: &Path) -> Result<Output> {
        self.audit(directory, &["verify"])
    }

    fn show(&self, directory: &Path, incident: &str) -> Result<Output> {
        self.audit(directory, &["show", incident])
    }

    /// Run in the directory itself, so that what is printed does not tell which copy it is about.
    fn audit(&self, directory: &Path, words: &[&str]) -> Result<Output> {
        let mut command = Command::new(&self.binary);
        command
            .current_dir(directory)
            .stdin(Stdio::null())
            .arg("audit")
            .args(words);
        command.args(["--data-dir", "."]).output().context("running audit")
    }

    /// Whether a verdict differs from the undamaged one by the older mark, and says so: the same records, the same register.
    fn misses_a_mark_only(&self, verdict: &[u8]) -> bool {
        let (now, before) = (String::from_utf8_lossy(verdict), String::from_utf8_lossy(&self.verdict));
        let what_is_there = |told: &str| {
            let line = told.lines().next().unwrap_or_default();
            let parts = line.split("; ").filter(|part| !part.starts_with("acknowledged up to"));
            parts.map(str::to_owned).collect::<Vec<_>>()
        };
        now.contains("note: one of the two marks") && what_is_there(&now) == what_is_there(&before)
    }

    /// What is wrong with how a flipped copy is told; `None` when damage is reported or nothing is missing.
    fn silent_loss(&self, directory: &Path) -> Result<Option<String>> {
        if self.verifies {
            let verdict = self.verify(directory)?;
            return Ok(match verdict.status.code() {
                Some(0) if verdict.stdout == self.verdict => None,
                // The newer of the two marks: that it is spoilt is said.
                Some(0) if self.misses_a_mark_only(&verdict.stdout) => None,
                Some(0) => {
                    let said = String::from_utf8_lossy(&verdict.stdout).trim().to_owned();
                    Some(format!("audit verify is content with something else: {said}"))
                }
                Some(1) => None,
                other => Some(format!("audit verify ended with {other:?}")),
            });
        }
        for (incident, before) in self.shown.iter().rev().take(SHOWN) {
            let shown = self.show(directory, incident)?;
            let missing =
                !shown.status.success() && String::from_utf8_lossy(&shown.stderr).contains("there is no incident");
            if missing {
                return Ok(Some(format!("{incident} vanished without a word")));
            }
            if shown.status.success() && shown.stdout != *before {
                return Ok(Some(format!("the story of {incident} changed without a word")));
            }
        }
        Ok(None)
    }
}

/// Where the live part of a write-ahead file ends. Behind it lie frames from before the last checkpoint, which mean
/// nothing any more; a live frame repeats the salt of the file's header (sqlite.org/fileformat2.html, section 4.1).
fn live_end(file: &[u8]) -> u64 {
    let salt_of = |part: &[u8], at: usize| part.get(at..at + SALT_BYTES).map(<[u8]>::to_vec);
    let page = file
        .get(8..12)
        .and_then(|bytes| bytes.try_into().ok())
        .map_or(0, u32::from_be_bytes);
    let (salt, frame) = (salt_of(file, 16), FRAME_HEADER_BYTES + page as usize);
    let frames = file.get(WAL_HEADER_BYTES..).unwrap_or_default().chunks_exact(frame);
    let live = frames.take_while(|frame| salt_of(frame, 8) == salt).count();
    (WAL_HEADER_BYTES + live * frame) as u64
}

/// Checks all flips, one worker for each processor.
async fn check_all(original: &Arc<Original>, offsets: &[Flip], memory: &Path, outcome: &mut Outcome) -> Result<()> {
    let workers = thread::available_parallelism().map_or(1, usize::from);
    let stop = StopOnDrop::default();
    let mut running = JoinSet::new();
    for worker in 0..workers {
        let share: Vec<Flip> = offsets.iter().skip(worker).step_by(workers).copied().collect();
        let directory = memory.join(format!("worker-{worker}"));
        let (original, stop) = (Arc::clone(original), Arc::clone(&stop.0));
        running.spawn_blocking(move || check_share(&original, &share, &directory, &stop));
    }
    let mut found = Vec::new();
    while let Some(share) = running.join_next().await {
        found.extend(share??);
    }
    found.sort();
    outcome.runs += offsets.len();
    outcome.lost.extend(found);
    Ok(())
}

/// Ends the workers when the recipe is interrupted: a thread does not end by itself.
#[derive(Default)]
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn check_share(original: &Original, share: &[Flip], directory: &Path, stop: &AtomicBool) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for flip in share {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        original.flipped_to(directory, *flip)?;
        if let Some(loss) = original.silent_loss(directory)? {
            found.push(format!("{} at {}: {loss}", original.files[flip.0].0, flip.1));
        }
    }
    Ok(found)
}

/// `serve` on a flipped copy refuses to start, or has everything that was acknowledged.
async fn serve(
    bench: &Bench,
    original: &Original,
    flip: Flip,
    stories: &Stories,
    directory: PathBuf,
    outcome: &mut Outcome,
) -> Result<()> {
    original.flipped_to(&directory, flip)?;
    let setup = Setup::new(bench, directory.clone());
    outcome.runs += 1;
    if let Ok((running, took)) = setup.start().await {
        outcome.recovery.push(took);
        let desk = Desk::new(&setup.endpoints()?)?;
        let mut found = Outcome::default();
        let town = Town::start(&setup, vec![], Duration::from_secs(1));
        let reckoning = Reckoning {
            desk: &desk,
            town: &town,
            stories: stories.clone(),
            told: Told::new(),
            broker_speaks_for_disk: true,
            in_trouble_since: None,
        };
        reckoning.acknowledgements(&mut found, &mut BTreeMap::new()).await?;
        if let Some(first) = found.lost.first() {
            let (file, offset) = (&original.files[flip.0].0, flip.1);
            outcome
                .lost
                .push(format!("{file} at {offset}: serve starts, and {first}"));
        }
        running.kill().await?;
    }
    fs::remove_dir_all(&directory).context("removing a flipped copy")
}
