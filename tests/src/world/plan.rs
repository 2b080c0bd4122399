//! A plan: everything that will happen to a world by itself, as a list of independent events. What follows from them is
//! the world's affair; so an event can be taken out and the rest still makes sense.

use serde::{Deserialize, Serialize};

use super::agenda::Ms;

/// A plan. As JSON it is what a failing run prints and `--replay` reads.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Of every stream of chance.
    pub seed: u64,
    /// Control rooms.
    pub tenants: u32,
    /// Registered people.
    pub people: u32,
    /// Incidents that events may speak of.
    pub incidents: u32,
    /// The broker runs inside the service and dies with it; otherwise it stands beside it.
    pub broker_inside: bool,
    /// Of a thousand alerts, how many are accepted.
    pub accept_permille: u32,
    /// Of a thousand alerts, how many are declined.
    pub decline_permille: u32,
    /// Median time to an answer.
    pub answer_median_ms: Ms,
    /// When the faults end and everything has to settle.
    pub heal_at: Ms,
    /// In order of time.
    pub events: Vec<Event>,
}

/// Something that happens by itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// When.
    pub at: Ms,
    /// Names its stream of chance; stays when others are taken out.
    pub ordinal: u64,
    /// What.
    pub what: What,
}

/// What happens.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum What {
    /// A control room reports an incident, or more about it.
    Report {
        /// Which.
        incident: u32,
        /// From 1.
        revision: u32,
        /// Metres north and east of the middle of the tenant's area; `None` = not known.
        place: Option<(i32, i32)>,
    },
    /// A control room ends an incident.
    End {
        /// Which.
        incident: u32,
        /// Higher than its reports'.
        revision: u32,
        /// How.
        cause: Cause,
    },
    /// A control room's lines are down; what it wants to say waits.
    RoomCutOff {
        /// Which.
        tenant: u32,
        /// For how long.
        for_ms: Ms,
        /// Afterwards the newest comes first.
        newest_first: bool,
    },
    /// A control room's lines lose, delay and double.
    RoomTrouble {
        /// Which.
        tenant: u32,
        /// For how long.
        for_ms: Ms,
    },
    /// The broker misbehaves.
    BrokerTrouble {
        /// How.
        how: Trouble,
        /// How often in a thousand messages.
        permille: u32,
        /// For how long.
        for_ms: Ms,
    },
    /// The broker restarts; every connection ends.
    BrokerRestart {
        /// Sessions are forgotten, and what waited in them.
        forgets: bool,
        /// For how long it is away.
        for_ms: Ms,
    },
    /// The store takes this long for each step.
    StoreSlow {
        /// Each fsync.
        sync_ms: Ms,
        /// For how long.
        for_ms: Ms,
    },
    /// The store has no space.
    StoreFull {
        /// The reserve is soon used up too.
        reserve_too: bool,
        /// For how long.
        for_ms: Ms,
    },
    /// The next fsync fails: of the journal, or of its head.
    SyncFails {
        /// Of the head.
        head: bool,
    },
    /// The service stops dead and is started again.
    Crash {
        /// Where exactly.
        point: Point,
        /// The machine loses power: what was not synced may be lost.
        power_cut: bool,
        /// Until it is started again.
        down_ms: Ms,
    },
    /// The service stands still, its clock runs on.
    Pause {
        /// For how long.
        for_ms: Ms,
    },
    /// The machine sleeps: the service stands still and so does its clock.
    Suspend {
        /// For how long.
        for_ms: Ms,
    },
    /// Somebody sets the machine's clock; the running service does not follow, the next start does.
    ClockStep {
        /// By how much.
        by_ms: i64,
    },
    /// A phone loses its connection; the person still sees it.
    PhoneOffline {
        /// Which.
        phone: u32,
        /// For how long.
        for_ms: Ms,
    },
    /// A phone sleeps: nothing runs on it.
    PhoneAsleep {
        /// Which.
        phone: u32,
        /// For how long.
        for_ms: Ms,
    },
    /// The app is installed anew and knows nothing; the person has moved.
    Reinstall {
        /// Which phone.
        phone: u32,
        /// How far.
        moved_m: u32,
    },
    /// A phone sends an old position again.
    OldFix {
        /// Which.
        phone: u32,
    },
    /// A phone repeats its last answer.
    SayAgain {
        /// Which.
        phone: u32,
    },
    /// A phone says something that does not fit: a decline after an accept, an accept after a decline.
    SayOtherwise {
        /// Which.
        phone: u32,
    },
    /// Somebody goes on or off duty.
    Duty {
        /// Who.
        person: u32,
        /// On.
        on: bool,
    },
    /// Somebody is taken out of service, or back.
    Suspension {
        /// Who.
        person: u32,
        /// Out.
        on: bool,
    },
    /// A phone loses its access for good.
    Revoke {
        /// Which.
        phone: u32,
    },
}

/// Why an incident ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Not needed after all.
    Cancelled,
    /// The ambulance is there.
    CrewOnScene,
    /// Closed.
    Closed,
}

/// How a broker misbehaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// Acknowledges and forgets.
    Forgets,
    /// Refuses what it is handed, and says so.
    Refuses,
    /// Takes up to a minute.
    Delays,
    /// Delivers twice.
    Doubles,
    /// Does not keep the order within a topic.
    Reorders,
    /// Loses connections, and with them what is under way.
    Disconnects,
}

/// Where exactly a crash happens.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Point {
    /// Between two things.
    Now,
    /// Just before the service carries out its n-th effect from now.
    BeforeEffect(u32),
    /// Just after.
    AfterEffect(u32),
    /// In the next group of commits: after this many of its steps (append, sync, write head, sync head), the next one
    /// half done.
    InCommit(u32),
}
