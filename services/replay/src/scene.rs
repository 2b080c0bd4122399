//! One incident as it is before any policy has had its say: when the ambulance comes, whether it is night, and what the
//! phones around last told.

use std::time::Duration;

use dispatch_core::{
    position::{Fix, Metres, Position},
    time::Timestamp,
};
use muster_people::{
    Emergency,
    answers::DayPart,
    habits::{FIX_OFF_MAX_M, OUT_WITHIN_M},
    log_normal,
    place::Place,
};
use rand::RngExt as _;

use crate::{
    crowd::Crowd,
    study::{PastIncident, Study},
};

/// What is drawn about an incident, each from a stream of its own. Defibrillators follow, by their number.
const AMBULANCE: u64 = 0;
const ESTIMATE: u64 = 1;
const AEDS_FROM: u64 = 16;
/// An ambulance is never drawn sooner or later than this.
const AMBULANCE_RANGE_S: (f64, f64) = (60.0, 7_200.0);
/// Metres by which a search for anchors reaches farther than a policy, besides what a person and a fix may be off.
const SLACK_M: f64 = 50.0;

/// What holds for an incident under every policy.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Circumstances {
    /// The incident's draws.
    pub emergency: Emergency,
    /// When it was reported.
    pub at: Timestamp,
    /// Where the patient is.
    pub place: Place,
    /// By day or night, by the sun.
    pub day_part: DayPart,
    /// A weekday from 8 to 16, by the sun.
    pub office_hours: bool,
    /// From the report to the ambulance at the scene.
    pub ambulance: Duration,
    /// The same as the dispatch system estimates it when it reports.
    pub ambulance_estimate: Duration,
}

/// An incident with the phones around it.
pub struct Scene {
    /// Which incident of the study, from 0.
    pub index: usize,
    /// What the phones of all who may be within reach last told.
    pub fixes: Vec<(u32, Fix)>,
}

impl Circumstances {
    /// Draws what holds for an incident.
    pub fn of(study: &Study, incident: &PastIncident) -> Self {
        let emergency = Emergency {
            seed: study.seed,
            number: incident.number,
        };
        let place = place_of(incident.position);
        let local_s = incident.at.unix_ms().div_euclid(1000) + (place.longitude_deg() * 240.0).round() as i64;
        let hour = local_s.rem_euclid(86_400) / 3_600;
        // 1970-01-01 was a Thursday.
        let is_weekday = (local_s.div_euclid(86_400) + 3).rem_euclid(7) < 5;
        let (mean, sigma) = study.assumptions.ambulance;
        // The mean of a log-normal distribution is the median times exp(sigma^2 / 2).
        let median_s = mean.as_secs_f64() / libm::exp(sigma * sigma / 2.0);
        let drawn = seconds(log_normal(&mut emergency.stream(AMBULANCE), median_s, sigma));
        let ambulance = incident.ambulance.unwrap_or(drawn);
        let sigma = study.assumptions.estimate_sigma;
        let estimate_s = log_normal(&mut emergency.stream(ESTIMATE), ambulance.as_secs_f64(), sigma);
        Self {
            emergency,
            at: incident.at,
            place,
            day_part: DayPart::of_hour(u32::try_from(hour).expect("a day has 24 hours")),
            office_hours: is_weekday && (8..16).contains(&hour),
            ambulance,
            ambulance_estimate: seconds(estimate_s),
        }
    }

    /// When the crew is with the patient and treats, from the report.
    pub fn crew_with_patient(&self, study: &Study) -> Duration {
        self.ambulance + study.assumptions.crew_to_patient
    }

    /// Whether a defibrillator can be had this time; the same for whoever comes for it.
    pub fn aed_is_there(&self, study: &Study, site: usize) -> bool {
        let assumptions = &study.assumptions;
        let missing = match (study.map.aeds[site].hours_known(), self.office_hours) {
            (true, _) => assumptions.missing_hours_known,
            (false, true) => assumptions.missing_office_hours,
            (false, false) => assumptions.missing_other_hours,
        };
        !self
            .emergency
            .stream(AEDS_FROM + site as u64)
            .random_bool(missing.clamp(0.0, 1.0))
    }
}

impl Scene {
    /// Looks up what the phones around an incident last told. `reach` is that of the farthest-reaching policy; a phone
    /// that only a farther-reaching one would see changes nothing for the others.
    pub fn of(study: &Study, crowd: &Crowd, circumstances: &[Circumstances], index: usize, reach: Metres) -> Self {
        let here = &circumstances[index];
        let within_m = reach.as_f64() + OUT_WITHIN_M + FIX_OFF_MAX_M + SLACK_M;
        let fix_of = |number: u32| {
            let member = crowd.member(number);
            let told = study
                .assumptions
                .habits
                .told(member.person, &member.anchors, member.local(here.at));
            let fix = Fix {
                position: position_of(told.place),
                accuracy: Metres::from_f64(told.accuracy_m),
                taken_at: member.utc(told.at),
            };
            (number, fix)
        };
        let fixes = crowd
            .anchored_near(here.place, within_m)
            .into_iter()
            .map(fix_of)
            .collect();
        Self { index, fixes }
    }
}

fn seconds(seconds: f64) -> Duration {
    let (shortest, longest) = AMBULANCE_RANGE_S;
    // Whole milliseconds, as the core has them.
    Duration::from_millis((seconds.clamp(shortest, longest) * 1000.0) as u64)
}

/// A position as a place of the people model.
pub fn place_of(position: Position) -> Place {
    Place::new(position.latitude(), position.longitude()).expect("a position is in range")
}

/// A place of the people model as a position.
pub fn position_of(place: Place) -> Position {
    Position::from_degrees(place.latitude_deg(), place.longitude_deg()).expect("a place is in range")
}

#[cfg(test)]
mod tests {
    use dispatch_core::incident::IncidentKind;

    use super::*;
    use crate::{assumptions::Assumptions, study::Map};

    fn study(ambulance: Option<Duration>) -> Study {
        let incident = |number| PastIncident {
            number,
            at: Timestamp::from_unix_ms(1_699_920_000_000 + number as i64 * 1_800_000),
            position: Position::from_degrees(51.5, -0.12).expect("in range"),
            accuracy: Metres::new(0),
            kind: IncidentKind::new("cardiac_arrest").expect("valid"),
            ambulance,
        };
        Study {
            incidents: (0..8_000).map(incident).collect(),
            responders: Vec::new(),
            population: None,
            map: Map::default(),
            policies: Vec::new(),
            curve: "larsen_1993",
            assumptions: Assumptions::default(),
            seed: 3,
        }
    }

    fn ambulances(study: &Study) -> Vec<f64> {
        let here = study
            .incidents
            .iter()
            .map(|incident| Circumstances::of(study, incident));
        let mut minutes: Vec<f64> = here.map(|here| here.ambulance.as_secs_f64() / 60.0).collect();
        minutes.sort_by(f64::total_cmp);
        minutes
    }

    #[test]
    fn drawn_ambulances_come_as_in_england() {
        let minutes = ambulances(&study(None));
        let mean = minutes.iter().sum::<f64>() / 8_000.0;
        assert!((mean - 7.75).abs() < 0.2, "{mean}");
        assert!((minutes[7_200] - 14.5).abs() < 0.5, "{}", minutes[7_200]);
    }

    #[test]
    fn what_the_file_says_of_the_ambulance_is_kept_and_estimated_with_an_error() {
        let study = study(Some(Duration::from_secs(300)));
        assert!(ambulances(&study).iter().all(|&minutes| minutes == 5.0));
        let of = |incident| Circumstances::of(&study, incident).ambulance_estimate.as_secs_f64();
        let mut estimates: Vec<f64> = study.incidents.iter().map(of).collect();
        estimates.sort_by(f64::total_cmp);
        assert!((estimates[4_000] - 300.0).abs() < 5.0, "{}", estimates[4_000]);
        // One in six lies above e^0.2 times the truth.
        assert!((estimates[6_731] - 300.0 * 1.2214).abs() < 10.0, "{}", estimates[6_731]);
    }

    #[test]
    fn a_third_of_the_day_is_night_and_office_hours_are_on_weekdays() {
        let study = study(None);
        let here: Vec<Circumstances> = study.incidents.iter().map(|i| Circumstances::of(&study, i)).collect();
        // Half-hourly, so 18 of 48 a night, and 16 of 48 on five days of seven.
        let night = here.iter().filter(|here| here.day_part == DayPart::Night).count();
        assert!(night.abs_diff(3_000) < 20, "{night}");
        let office = here.iter().filter(|here| here.office_hours).count();
        assert!(office.abs_diff(8_000 * 16 * 5 / (48 * 7)) < 40, "{office}");
    }
}
