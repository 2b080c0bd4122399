//! The service as far as this needs it: the owner, the store, and starting again.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use dispatch_core::{
    input::Input,
    policy::PolicyBook,
    state::{Sizes, State},
    time::Timestamp,
};
use muster_engine::{
    owner::{Effect, Owner},
    ports::{Entropy, Journal as _, JournalNews, Outbound},
    registry::Directory,
    requests::Request,
};
use muster_store::{SqliteJournal, SqliteReader, SqliteStore, StoreOptions};
use tokio::runtime::Runtime;

/// Name of the store's file, as in a real data directory.
const JOURNAL_FILE: &str = "journal.sqlite";
/// Between two snapshots. The service waits longer, but its days do not go by in a tenth of a second, and old records go
/// only once a snapshot covers them.
const SNAPSHOT_PAUSE: Duration = Duration::from_secs(1);
/// The store may be this many commits behind before it is waited for: enough for group commit to work as under load, few
/// enough for the store to keep up with its housekeeping, which it does with each group.
pub const COMMITS_BEHIND_MAX: usize = 256;
/// Once it is waited for, this many may stay behind.
const COMMITS_BEHIND_LEAST: usize = COMMITS_BEHIND_MAX / 2;

/// A running service.
pub struct Service {
    owner: Owner,
    pub directory: Arc<Directory>,
    journal: SqliteJournal,
    /// Held as in the real service: it has descriptors of its own.
    _reader: SqliteReader,
    /// Waits for the journal, on this thread.
    runtime: Runtime,
    /// Last sequences of commits handed over and not yet known to be on the disk.
    behind: VecDeque<u64>,
    submitted: u64,
    recovered: Sizes,
    /// Alarms that went up. None should.
    alarms: u64,
    published: Vec<Outbound>,
}

/// What is needed to open a service, again and again.
pub struct Premises {
    path: PathBuf,
    options: StoreOptions,
    entropy: Arc<dyn Entropy>,
}

impl Premises {
    /// Those in a directory, which is made if it is not there and must have no store in it.
    pub fn new(dir: &Path, keep: Duration, entropy: Arc<dyn Entropy>) -> anyhow::Result<Self> {
        let path = dir.join(JOURNAL_FILE);
        std::fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
        anyhow::ensure!(
            !path.exists(),
            "{} is there already; a soak begins with nothing",
            path.display()
        );
        let options = StoreOptions {
            keep,
            snapshot_pause: SNAPSHOT_PAUSE,
            ..StoreOptions::default()
        };
        Ok(Self { path, options, entropy })
    }

    /// Opens the store, replays it, starts to act; ready when it returns.
    pub fn open(&self, now: Timestamp) -> anyhow::Result<Service> {
        let (journal, reader, mut recovery) = SqliteStore::open_with(&self.path, &self.options)?;
        let directory = Arc::new(Directory::default());
        let mut owner = Owner::new(PolicyBook::default(), Arc::clone(&directory), Arc::clone(&self.entropy));
        let image = recovery.take_image();
        let from_snapshot = image.is_some();
        image.into_iter().for_each(|image| owner.restore(image));
        for change in recovery.registry()? {
            // Without a snapshot the records say it all.
            if from_snapshot {
                owner.recover_registered(&change);
            }
            directory.apply(change);
        }
        let submitted = recovery.entries(|entry| owner.recover(&entry))?;
        let recovered = owner.state().sizes();
        owner.start(now);
        let mut service = Service {
            owner,
            directory,
            journal,
            _reader: reader,
            runtime: tokio::runtime::Builder::new_current_thread().build()?,
            behind: VecDeque::new(),
            submitted,
            recovered,
            alarms: 0,
            published: Vec::new(),
        };
        service.carry_out(now)?;
        service.settle()?;
        Ok(service)
    }
}

impl Service {
    /// Takes in something that happened.
    pub fn input(&mut self, input: Input, now: Timestamp) -> anyhow::Result<()> {
        self.owner.handle_input(input, None, now);
        self.carry_out(now)
    }

    /// Takes in a request; returns how long the owner took over it.
    pub fn request(&mut self, request: Request, now: Timestamp) -> anyhow::Result<Duration> {
        let began = Instant::now();
        self.owner.handle_request(request, now);
        let took = began.elapsed();
        self.carry_out(now)?;
        Ok(took)
    }

    /// Lets the owner act on what is due.
    pub fn time(&mut self, now: Timestamp) -> anyhow::Result<()> {
        self.owner.handle_time(now);
        self.carry_out(now)
    }

    /// When it next wants to.
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.owner.next_wake()
    }

    /// What the core knows.
    pub fn state(&self) -> &State {
        self.owner.state()
    }

    /// What the core held once everything was replayed, before it began to act.
    pub fn recovered(&self) -> Sizes {
        self.recovered
    }

    /// Alarms that went up in this life.
    pub fn alarms(&self) -> u64 {
        self.alarms
    }

    /// Takes out what has been sent to phones.
    pub fn take_published(&mut self) -> Vec<Outbound> {
        std::mem::take(&mut self.published)
    }

    /// Waits until everything handed over is on the disk.
    pub fn settle(&mut self) -> anyhow::Result<()> {
        self.wait_for_store(0)
    }

    fn carry_out(&mut self, now: Timestamp) -> anyhow::Result<()> {
        loop {
            let before = self.submitted;
            while let Some(effect) = self.owner.poll_effect() {
                match effect {
                    Effect::Submit(commit) => {
                        self.submitted = commit.entries.last().map_or(self.submitted, |last| last.sequence);
                        self.behind.push_back(self.submitted);
                        self.journal.submit(commit)?;
                    }
                    Effect::Publish(message) => self.published.push(*message),
                    Effect::Reply(reply) => reply(),
                    Effect::Raise(..) => self.alarms += 1,
                    Effect::Clear(_) | Effect::CloseSession(_) => {}
                }
            }
            if self.submitted == before {
                break;
            }
            self.owner.handle_news(JournalNews::Durable(self.submitted), now);
        }
        if self.behind.len() >= COMMITS_BEHIND_MAX {
            self.wait_for_store(COMMITS_BEHIND_LEAST)?;
        }
        Ok(())
    }

    fn wait_for_store(&mut self, behind: usize) -> anyhow::Result<()> {
        while self.behind.len() > behind {
            match self.runtime.block_on(self.journal.news())? {
                JournalNews::Durable(durable) => {
                    let done = self.behind.partition_point(|&last| last <= durable);
                    self.behind.drain(..done);
                }
                other => bail!("the store says {other:?}"),
            }
        }
        Ok(())
    }
}
