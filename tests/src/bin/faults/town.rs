//! A town: people with phones in four quarters too far apart to help each other, and a desk that reports incidents there.

use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context as _, Result, ensure};
use muster_proto::v1::{
    DeviceKind, ImportOutcome, ImportRespondersRequest, IssueCredentialRequest, Live, PayloadEncoding,
    issue_credential_request::Purpose,
};
use muster_tests::control_room::{Enrolled, Point2d};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::{
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::{interval, sleep, timeout},
};

use crate::{
    desk::{Desk, arrest, profile},
    ledger::{Ending, Ledger},
    log::Log,
    phone::{Manner, Phone},
    server::Setup,
};

/// Rows in one import, as the service accepts at most.
const BATCH: usize = 1_000;
/// Requests for credentials under way at a time.
const AT_A_TIME: usize = 64;
/// Centres of the quarters; 0.05 degrees are over 3 km, and nobody is asked to go that far.
pub const QUARTERS: [Point2d; 4] = [
    Point2d {
        latitude_deg: 51.50,
        longitude_deg: -0.12,
    },
    Point2d {
        latitude_deg: 51.55,
        longitude_deg: -0.12,
    },
    Point2d {
        latitude_deg: 51.50,
        longitude_deg: -0.20,
    },
    Point2d {
        latitude_deg: 51.55,
        longitude_deg: -0.20,
    },
];
/// Half a side of a quarter in degrees of latitude, about 330 m: everybody is within reach of every incident there.
const HALF_SIDE_DEG: f64 = 0.003;
/// How long an incident is open before the control room ends it.
const OPEN_MS: std::ops::Range<u64> = 1_000..7_000;
/// One in so many incidents stays open until the load stops, so that waits and searches run over the faults.
const STAYS_OPEN_ONE_IN: u32 = 12;
/// A request still unanswered this long after the load was stopped never will be.
const LAST_ANSWERS_WAIT: Duration = Duration::from_secs(30);
/// Phones come back after a random time up to this; a real fleet takes longer, and the wait is not what is judged.
const RECONNECT_WITHIN: Duration = Duration::from_millis(400);

/// People and their phones.
pub struct Town {
    /// Registered people and where they are, in order.
    pub people: Vec<(Enrolled, Point2d)>,
    /// What the phones write.
    pub log: Log,
    /// True while one phone in four is out of coverage.
    pub coverage: watch::Sender<bool>,
    leave: watch::Sender<bool>,
    connected: watch::Receiver<usize>,
    phones: JoinSet<()>,
}

impl Town {
    /// Registers people and starts their phones.
    pub async fn settle(setup: &Setup<'_>, desk: &Desk, people: usize) -> Result<Self> {
        let people = enrol(desk, people, setup.bench.seed).await?;
        Ok(Self::start(setup, people, RECONNECT_WITHIN))
    }

    /// Starts the phones of people who are registered.
    pub fn start(setup: &Setup<'_>, people: Vec<(Enrolled, Point2d)>, reconnect_within: Duration) -> Self {
        let (leave, leaving) = watch::channel(false);
        let (connected_sender, connected) = watch::channel(0);
        let (coverage, out_of_coverage) = watch::channel(false);
        let log = Log::default();
        let manner = Manner {
            broker: setup.mqtt(),
            reconnect_within,
            out_of_coverage,
            leave: leaving,
            connected: connected_sender,
            log: log.clone(),
        };
        let mut phones = JoinSet::new();
        for (number, (enrolled, place)) in people.iter().enumerate() {
            let phone = Phone::new(number, enrolled.clone(), *place, manner.clone(), setup.bench.seed);
            phones.spawn(phone.run());
        }
        Self {
            people,
            log,
            coverage,
            leave,
            connected,
            phones,
        }
    }

    /// Waits until all phones are connected; says how long that took.
    pub async fn all_connected(&self, patience: Duration) -> Result<Duration> {
        let began = Instant::now();
        let (all, mut connected) = (self.people.len(), self.connected.clone());
        let waited = timeout(patience, connected.wait_for(|count| *count >= all)).await;
        let now = *self.connected.borrow();
        waited.with_context(|| format!("{now} of {all} phones are connected after {patience:?}"))??;
        Ok(began.elapsed())
    }

    /// Cuts all phones off and waits until they are gone.
    pub async fn leave(&mut self) {
        self.leave.send_replace(true);
        while self.phones.join_next().await.is_some() {}
    }
}

/// A place in a quarter.
pub fn place_in(quarter: usize, dice: &mut ChaCha8Rng) -> Point2d {
    let centre = QUARTERS[quarter % QUARTERS.len()];
    let mut aside = || dice.random_range(-HALF_SIDE_DEG..HALF_SIDE_DEG);
    Point2d {
        latitude_deg: centre.latitude_deg + aside(),
        longitude_deg: centre.longitude_deg + aside(),
    }
}

/// Registers people and enrols a phone for each.
pub async fn enrol(desk: &Desk, count: usize, seed: u64) -> Result<Vec<(Enrolled, Point2d)>> {
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let mut responders = Vec::with_capacity(count);
    let numbers: Vec<usize> = (0..count).collect();
    for batch in numbers.chunks(BATCH) {
        let profiles = batch
            .iter()
            .map(|number| profile(&format!("person-{number}")))
            .collect();
        let request = ImportRespondersRequest { profiles };
        for row in desk
            .responders
            .clone()
            .import_responders(request)
            .await?
            .into_inner()
            .rows
        {
            ensure!(row.outcome() == ImportOutcome::Created, "registering: {}", row.message);
            responders.push(row.responder_id);
        }
    }
    let mut issuing = JoinSet::new();
    let mut people = Vec::with_capacity(count);
    for (number, responder_id) in responders.into_iter().enumerate() {
        if issuing.len() == AT_A_TIME {
            people.push(issuing.join_next().await.context("there are some")???);
        }
        let place = place_in(number, &mut dice);
        issuing.spawn(issue(desk.clone(), number, responder_id, place));
    }
    while let Some(one) = issuing.join_next().await {
        people.push(one??);
    }
    people.sort_by_key(|(number, ..)| *number);
    Ok(people
        .into_iter()
        .map(|(_, enrolled, place)| (enrolled, place))
        .collect())
}

async fn issue(desk: Desk, number: usize, responder_id: String, place: Point2d) -> Result<(usize, Enrolled, Point2d)> {
    let request = IssueCredentialRequest {
        responder_id: responder_id.clone(),
        kind: DeviceKind::Muster.into(),
        encoding: PayloadEncoding::Json.into(),
        purpose: Some(Purpose::Live(Live {})),
    };
    let issued = desk.responders.clone().issue_credential(request).await?.into_inner();
    let enrolled = Enrolled {
        responder_id,
        device_id: issued.device_id,
        password: issued.password,
        up_topic: issued.up_topic,
        down_topic: issued.down_topic,
    };
    Ok((number, enrolled, place))
}

/// Incidents that arrive on a schedule, whether or not anybody answers.
pub struct Load {
    /// What the control room was told.
    pub ledger: Ledger,
    stop: watch::Sender<bool>,
    running: JoinHandle<JoinSet<()>>,
}

impl Load {
    /// Starts reporting so many incidents a second.
    pub fn start(desk: &Desk, per_second: f64, seed: u64) -> Self {
        Self::start_named(desk, per_second, seed, "case")
    }

    /// The same, with incident numbers that begin like this.
    pub fn start_named(desk: &Desk, per_second: f64, seed: u64, name: &str) -> Self {
        let ledger = Ledger::default();
        let (stop, stopped) = watch::channel(false);
        let schedule = Schedule {
            desk: desk.clone(),
            ledger: ledger.clone(),
            name: name.to_owned(),
            dice: ChaCha8Rng::seed_from_u64(seed),
            stopped,
        };
        let running = tokio::spawn(schedule.run(Duration::from_secs_f64(1.0 / per_second)));
        Self { ledger, stop, running }
    }

    /// Reports nothing new, ends what is open, and waits for the last answers.
    pub async fn stop(self) -> Result<Ledger> {
        self.stop.send_replace(true);
        let mut stories = self.running.await.context("the schedule")?;
        let all = async { while stories.join_next().await.is_some() {} };
        // What is unanswered even then shows in the ledger.
        let _ = timeout(LAST_ANSWERS_WAIT, all).await;
        Ok(self.ledger)
    }

    /// Stops as if the control room had vanished: nothing more is sent.
    pub async fn abandon(self) -> Ledger {
        self.stop.send_replace(true);
        // Dropping the stories ends them in the middle.
        drop(self.running.await);
        self.ledger
    }
}

/// Sends every request that has not been answered, and ends what is open, as the control room does after an outage.
pub async fn finish(desk: &Desk, ledger: &Ledger) {
    let give_up = Instant::now() + LAST_ANSWERS_WAIT;
    let mut finishing = JoinSet::new();
    for (number, story) in ledger.stories() {
        let (desk, ledger) = (desk.clone(), ledger.clone());
        finishing.spawn(async move {
            if story.reported.is_none() {
                let Some(answer) = desk.report_until_answered(&story.report, give_up).await else {
                    return;
                };
                ledger.reported(&number, answer);
            }
            // One ending, whenever it was first sent: the answer to it may have been lost.
            let (ending, sent_at) = story.ending.unwrap_or((Ending::Close, SystemTime::now()));
            if story.ended.is_none()
                && let Some(answer) = desk.end_until_answered(&number, ending, sent_at, give_up).await
            {
                ledger.ended(&number, answer);
            }
        });
    }
    while finishing.join_next().await.is_some() {}
}

struct Schedule {
    desk: Desk,
    ledger: Ledger,
    name: String,
    dice: ChaCha8Rng,
    stopped: watch::Receiver<bool>,
}

impl Schedule {
    async fn run(mut self, gap: Duration) -> JoinSet<()> {
        let mut stories = JoinSet::new();
        let mut due = interval(gap);
        let mut stopped = self.stopped.clone();
        for number in 0_usize.. {
            tokio::select! {
                _ = due.tick() => {}
                _ = stopped.wait_for(|stopped| *stopped) => break,
            }
            let story = self.story(number);
            stories.spawn(story);
        }
        stories
    }

    /// One incident from report to end.
    fn story(&mut self, n: usize) -> impl Future<Output = ()> + use<> {
        let number = format!("{}-{n}", self.name);
        let place = place_in(n, &mut self.dice);
        let stays_open = self.dice.random_ratio(1, STAYS_OPEN_ONE_IN);
        let open_for = Duration::from_millis(self.dice.random_range(OPEN_MS));
        let ending = if self.dice.random() {
            Ending::Close
        } else {
            Ending::StandDown
        };
        let (desk, ledger, mut stopped) = (self.desk.clone(), self.ledger.clone(), self.stopped.clone());
        async move {
            let report = arrest(&number, place);
            ledger.open(&number, report.clone());
            let give_up = Instant::now() + Duration::from_secs(600);
            let Some(answer) = desk.report_until_answered(&report, give_up).await else {
                return;
            };
            ledger.reported(&number, answer);
            tokio::select! {
                () = sleep(open_for), if !stays_open => {}
                _ = stopped.wait_for(|stopped| *stopped) => {}
            }
            let sent_at = SystemTime::now();
            ledger.ending(&number, ending, sent_at);
            if let Some(answer) = desk.end_until_answered(&number, ending, sent_at, give_up).await {
                ledger.ended(&number, answer);
            }
        }
    }
}
