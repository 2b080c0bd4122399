//! One run: requests on a fixed schedule, whether or not those before them have been answered.

use std::time::{Duration, SystemTime};

use muster_proto::v1::{GetIncidentRequest, IncidentState, get_incident_request::Name};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::{
    asks::{Ask, Kind, key},
    control_room::ControlRoom,
    tally::{Outcome, Tally},
};

/// The kinds in turn: reports and stand-downs alike, so that as many incidents end as begin; positions come by MQTT.
const TURN: [Kind; 10] = [
    Kind::Report,
    Kind::Query,
    Kind::StandDown,
    Kind::Report,
    Kind::Register,
    Kind::StandDown,
    Kind::Query,
    Kind::Report,
    Kind::StandDown,
    Kind::Query,
];
/// An incident is stood down this long after it was due to be reported.
const STAND_DOWN_AFTER: Duration = Duration::from_secs(2);
/// A vital request is tried again for this long after it was due.
const TRY_FOR: Duration = Duration::from_secs(60);
/// A vital request that got no hint is tried again after this.
const NO_HINT: Duration = Duration::from_secs(2);
/// Questions under way while it is checked what became of the incidents.
const CHECKS_AT_ONCE: usize = 32;

/// What a run left behind.
pub struct Ran {
    /// What became of the requests.
    pub tally: Tally,
    /// Vital requests that were answered, but of which the service knows nothing afterwards.
    pub lost: u64,
    /// How long it took to send everything; longer than the schedule if the sender itself could not keep up.
    pub sending: Duration,
}

struct Over {
    ask: Ask,
    first: Outcome,
    acknowledged: bool,
}

/// Asks `per_s` a second for `seconds`, then sees what became of it.
pub async fn run(room: &ControlRoom, name: &str, per_s: u64, seconds: u64) -> anyhow::Result<Ran> {
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    let mut counts = [0_u64; Kind::ALL.len()];
    let behind = per_s * 3 / 10 * STAND_DOWN_AFTER.as_secs();
    for index in 0..per_s * seconds {
        let due = began + Duration::from_micros(index * 1_000_000 / per_s);
        sleep_until(due).await;
        let turn = TURN[usize::try_from(index % 10)?];
        // Nothing is old enough yet to be stood down.
        let kind = if turn == Kind::StandDown && counts[Kind::Report as usize] < behind + counts[turn as usize] {
            Kind::Query
        } else {
            turn
        };
        let number = counts[kind as usize];
        counts[kind as usize] += 1;
        let ask = Ask {
            run: name.to_owned(),
            kind,
            number,
            made_at: SystemTime::now(),
        };
        tasks.spawn(see_through(room.clone(), ask, due));
    }
    let sending = began.elapsed();
    let mut tally = Tally::new();
    let mut acknowledged = Vec::new();
    while let Some(over) = tasks.join_next().await {
        let over = over?;
        let vital = over.ask.kind.is_vital();
        tally.add(over.ask.kind, over.first, vital && !over.acknowledged);
        if vital && over.acknowledged {
            acknowledged.push(over.ask);
        }
    }
    Ok(Ran {
        tally,
        lost: lost(room, acknowledged).await?,
        sending,
    })
}

/// Asks; a vital request again and again, as the refusals say.
async fn see_through(room: ControlRoom, ask: Ask, due: Instant) -> Over {
    let sent = Instant::now();
    let mut answer = ask.ask(&room).await;
    let first = match &answer {
        Ok(()) => Outcome::Ok(due.elapsed()),
        Err(status) if hint(status).is_some() => Outcome::Refused(sent.elapsed()),
        Err(_) => Outcome::Failed,
    };
    while let Err(status) = &answer {
        if !ask.kind.is_vital() || due.elapsed() > TRY_FOR {
            break;
        }
        sleep(hint(status).unwrap_or(NO_HINT)).await;
        answer = ask.ask(&room).await;
    }
    Over {
        ask,
        first,
        acknowledged: answer.is_ok(),
    }
}

fn hint(status: &Status) -> Option<Duration> {
    let may_retry = matches!(status.code(), Code::ResourceExhausted | Code::Unavailable);
    let info = status.get_details_retry_info().filter(|_| may_retry)?;
    info.retry_delay
}

/// How many of the acknowledged requests the service knows nothing of.
async fn lost(room: &ControlRoom, acknowledged: Vec<Ask>) -> anyhow::Result<u64> {
    let mut checks: JoinSet<anyhow::Result<bool>> = JoinSet::new();
    let mut lost = 0;
    for ask in acknowledged {
        if checks.len() == CHECKS_AT_ONCE
            && let Some(known) = checks.join_next().await
        {
            lost += u64::from(!known??);
        }
        checks.spawn(is_known(room.clone(), ask));
    }
    while let Some(known) = checks.join_next().await {
        lost += u64::from(!known??);
    }
    Ok(lost)
}

async fn is_known(room: ControlRoom, ask: Ask) -> anyhow::Result<bool> {
    let request = GetIncidentRequest {
        name: Some(Name::Key(key(&ask.run, ask.number))),
    };
    loop {
        match room.incidents(ask.number).get_incident(request.clone()).await {
            Ok(answer) => {
                let incident = answer.into_inner().incident.unwrap_or_default();
                let ended = incident.state() == IncidentState::StoodDown;
                return Ok(ended || ask.kind == Kind::Report);
            }
            Err(status) if status.code() == Code::NotFound => return Ok(false),
            Err(status) => match hint(&status) {
                Some(after) => sleep(after).await,
                None => return Err(status.into()),
            },
        }
    }
}
