//! Control rooms and their calls. Each call is drawn anew from its number whenever it is needed, so a million of them
//! take no room.

use std::time::Duration;

use dispatch_core::{
    ids::{CallDate, IncidentKey, Reference, TenantId},
    incident::{EndCause, IncidentKind},
    input::{Ending, Place, Report, RequestId},
    position::{Metres, Position},
    responder::Purpose,
    time::Timestamp,
};
use muster_engine::registry::Address;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::{
    arguments::Scale,
    people::{TOWNS, Town},
    rhythm,
};

/// 2026-01-01T00:00:00Z.
pub const START: Timestamp = Timestamp::from_unix_ms(1_767_225_600_000);
/// Numbers start again after this many; more than a day has calls.
const NUMBERS: u64 = 100_000;

/// What a control room does about a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Reports it.
    Report,
    /// Sends the same report again, having had no answer.
    Retry,
    /// Knows better where it is.
    Revise,
    /// Calls everybody off.
    Cancel,
    /// Closes it.
    Close,
    /// A revision that was overtaken by the close.
    Straggler,
}

impl Step {
    /// The revision a step sends.
    fn revision(self) -> u32 {
        match self {
            Self::Report | Self::Retry => 1,
            Self::Revise => 2,
            Self::Cancel => 3,
            Self::Close => 4,
            Self::Straggler => 5,
        }
    }
}

/// One call, from the first report to the close. The shares are assumptions, chosen so that each way is gone thousands of
/// times in a million.
pub struct Call {
    number: u64,
    /// When it is first reported.
    pub at: Timestamp,
    town: usize,
    place: Position,
    /// Where it turned out to be, once revised.
    true_place: Position,
    /// One in ten is reported before the place is known.
    place_known: bool,
    /// One in two hundred is ended before its report arrives.
    pub ended_first: bool,
    /// What follows the report, and how long after it.
    pub then: Vec<(Duration, Step)>,
}

impl Call {
    /// The `number`-th call of the year.
    pub fn draw(number: u64, scale: &Scale) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&scale.seed.to_le_bytes());
        key[8..16].copy_from_slice(&number.to_le_bytes());
        let mut chance = ChaCha8Rng::from_seed(key);
        let share = (number as f64 + chance.random_range(0.0..1.0)) / scale.incidents as f64;
        let town = usize::try_from(number % TOWNS as u64).expect("less than TOWNS");
        let square = Town::new(town, scale.responders);
        let (east, north) = (chance.random_range(-0.5..0.5), chance.random_range(-0.5..0.5));
        let (off_east, off_north) = (chance.random_range(-300.0..300.0), chance.random_range(-300.0..300.0));
        let mut call = Self {
            number,
            at: START + rhythm::moment(share, scale.days),
            town,
            place: square.position(east, north, 0.0, 0.0),
            true_place: square.position(east, north, off_east, off_north),
            place_known: chance.random_bool(0.9),
            ended_first: chance.random_bool(0.005),
            then: Vec::new(),
        };
        call.plan(&mut chance);
        call
    }

    fn plan(&mut self, chance: &mut ChaCha8Rng) {
        let mut seconds = |from: f64, to: f64| Duration::from_secs_f64(chance.random_range(from..to));
        let (retry, revise, cancel, close) = (
            seconds(1.0, 4.0),
            seconds(15.0, 90.0),
            seconds(5.0, 300.0),
            seconds(480.0, 2_700.0),
        );
        if chance.random_bool(0.02) {
            self.then.push((retry, Step::Retry));
        }
        if !self.place_known || chance.random_bool(0.15) {
            self.then.push((revise, Step::Revise));
        }
        if chance.random_bool(0.05) {
            self.then.push((cancel, Step::Cancel));
        }
        self.then.push((close, Step::Close));
        if chance.random_bool(0.01) {
            self.then.push((close + retry, Step::Straggler));
        }
    }

    /// What a step that is not an ending sends.
    pub fn report(&self, step: Step, now: Timestamp) -> Report {
        let place = match step {
            Step::Report | Step::Retry => self.place_known.then_some(self.place),
            _ => Some(self.true_place),
        };
        Report {
            request: self.request(step),
            key: self.key(),
            revision: step.revision(),
            sent_at: now - Duration::from_millis(700),
            kind: IncidentKind::new("cardiac_arrest").expect("small letters"),
            purpose: Purpose::Live,
            place: place.map(|position| Place {
                position,
                accuracy: Metres::new(20),
            }),
            call_connected_at: Some(self.at - Duration::from_secs(40)),
            scene: Default::default(),
            ambulance_at: None,
            call_out: None,
            alert_although_late: false,
        }
    }

    /// What an ending sends.
    pub fn ending(&self, step: Step, now: Timestamp) -> Ending {
        let cause = match step {
            Step::Cancel => EndCause::Cancelled,
            _ => EndCause::Closed,
        };
        Ending {
            request: self.request(step),
            key: self.key(),
            revision: step.revision(),
            sent_at: now - Duration::from_millis(700),
            cause,
        }
    }

    /// As long as real ones are.
    pub fn address(&self) -> Address {
        Address {
            text: format!("{} Long Lane\nOld Town", self.number % 400),
            uprn: format!("{:012}", self.number),
            postcode: "SE1 9RT".to_owned(),
            floor: "2, flat 7".to_owned(),
            access_notes: "Door code 1234, ring twice, beware of the dog".to_owned(),
        }
    }

    fn key(&self) -> IncidentKey {
        IncidentKey {
            tenant: tenant(self.town),
            cad_system: Reference::new("cad").expect("letters"),
            cad_incident_number: Reference::new(&(self.number % NUMBERS).to_string()).expect("digits"),
            call_date: CallDate::parse(&date(self.at)).expect("a date of this century"),
        }
    }

    /// A retry carries what it repeats.
    fn request(&self, step: Step) -> RequestId {
        let mut fingerprint = [0; 32];
        fingerprint[..8].copy_from_slice(&self.number.to_le_bytes());
        fingerprint[8..12].copy_from_slice(&step.revision().to_le_bytes());
        let id = format!("call-{}-{}", self.number, step.revision());
        RequestId {
            id: Reference::new(&id).expect("letters, digits and dashes"),
            fingerprint,
        }
    }
}

/// The control room of a town.
pub fn tenant(town: usize) -> TenantId {
    TenantId::new(&format!("town-{town}")).expect("letters, digits and dashes")
}

/// The date in UTC, `YYYY-MM-DD`: days since 1970 to a civil date, after Howard Hinnant's `civil_from_days`.
fn date(at: Timestamp) -> String {
    let days = at.unix_ms().div_euclid(86_400_000) + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates() {
        let after = |days: u64| date(START + Duration::from_secs(days * 86_400));
        assert_eq!(after(0), "2026-01-01");
        assert_eq!(after(58), "2026-02-28");
        assert_eq!(after(59), "2026-03-01");
        assert_eq!(after(364), "2026-12-31");
        assert_eq!(after(789), "2028-02-29");
    }
}
