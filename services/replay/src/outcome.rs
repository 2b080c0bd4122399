//! What came of one incident under one policy.

use std::time::Duration;

use dispatch_core::attendance::Attendance;

use dispatch_core::survival::SurvivalCurve;

use crate::{scene::Circumstances, study::Study};

/// How one alert ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// The person offered to go and was told to.
    ToldToGo,
    /// The person offered to go and enough others were going.
    NotNeeded,
    /// The person offered to go and it was over.
    TooLate,
    /// The person said no.
    Declined,
    /// It reached the phone and nobody answered.
    Expired,
    /// It never reached the phone.
    Undeliverable,
    /// No longer needed before an answer.
    Withdrawn,
}

impl Fate {
    /// What an accept became.
    pub fn of_accept(attendance: Attendance) -> Self {
        match attendance {
            Attendance::NotNeeded => Self::NotNeeded,
            Attendance::TooLate => Self::TooLate,
            _ => Self::ToldToGo,
        }
    }
}

/// What came of one incident under one policy. Times count from the report.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Outcome {
    /// How many requests were sent.
    pub alerts: u32,
    /// Offered to go and were told to.
    pub told_to_go: u32,
    /// Offered to go in vain: enough others were going.
    pub not_needed: u32,
    /// Offered to go in vain: it was over.
    pub too_late: u32,
    /// Said no.
    pub declined: u32,
    /// Did not answer.
    pub expired: u32,
    /// Were not reached.
    pub undeliverable: u32,
    /// Were told that they were no longer needed before they had answered.
    pub withdrawn: u32,
    /// Were told to go and called off on the way.
    pub called_off: u32,
    /// Requests that had not ended when the laboratory stopped looking: none, or the core has lost one.
    pub unsettled: u32,
    /// When the first responder was with the patient, also after the crew.
    pub first_with_patient: Option<Duration>,
    /// When a responder's defibrillator had given its first shock, also after the crew's.
    pub aed_shock: Option<Duration>,
    /// Responders who reached the patient's side.
    pub arrivals: u32,
    /// Those of them who came for nothing: [`Arrival::is_redundant`].
    pub redundant: u32,
    /// How many were sent to a defibrillator that could not be had.
    pub aed_not_there: u32,
}

impl Outcome {
    /// Counts the end of one alert.
    pub fn count(&mut self, fate: Option<Fate>) {
        let counter = match fate {
            Some(Fate::ToldToGo) => &mut self.told_to_go,
            Some(Fate::NotNeeded) => &mut self.not_needed,
            Some(Fate::TooLate) => &mut self.too_late,
            Some(Fate::Declined) => &mut self.declined,
            Some(Fate::Expired) => &mut self.expired,
            Some(Fate::Undeliverable) => &mut self.undeliverable,
            Some(Fate::Withdrawn) => &mut self.withdrawn,
            None => &mut self.unsettled,
        };
        *counter += 1;
    }

    /// How many offered to go.
    pub fn accepted(&self) -> u32 {
        self.told_to_go + self.not_needed + self.too_late
    }

    /// All alerts whose end was counted.
    pub fn accounted(&self) -> u32 {
        self.accepted() + self.declined + self.expired + self.undeliverable + self.withdrawn + self.unsettled
    }

    /// When the first responder was with the patient, if that was before the crew.
    pub fn first_before_crew(&self, study: &Study, here: &Circumstances) -> Option<Duration> {
        self.first_with_patient.filter(|&at| at < here.crew_with_patient(study))
    }

    /// When a responder's defibrillator had given a shock, if that was before the crew's.
    pub fn aed_before_crew(&self, study: &Study, here: &Circumstances) -> Option<Duration> {
        self.aed_shock.filter(|&at| at < crew_shock(study, here))
    }

    /// Modelled survival, 0 to 1; the ambulance does what no responder did before it.
    pub fn survival(&self, study: &Study, here: &Circumstances, curve: &SurvivalCurve) -> f64 {
        let crew = here.crew_with_patient(study);
        let cpr = self.first_with_patient.map_or(crew, |at| at.min(crew));
        let shock = self
            .aed_shock
            .map_or(crew_shock(study, here), |at| at.min(crew_shock(study, here)));
        let since_collapse = |at: Duration| (at + study.assumptions.collapse_to_report).as_secs_f64() / 60.0;
        curve.survival(since_collapse(cpr), since_collapse(shock), since_collapse(crew))
    }
}

/// Somebody reaches a patient's side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Arrival {
    /// Responders who are there already.
    pub others: u32,
    /// They bring the first defibrillator.
    pub brings_first_aed: bool,
    /// The crew is with the patient.
    pub is_after_crew: bool,
}

/// From this many others on, one more is not needed: one presses, one takes over.
const OTHERS_ENOUGH: u32 = 2;

impl Arrival {
    /// Whether they came for nothing: after the crew was with the patient; or when two or more others were there already,
    /// unless they brought the first defibrillator.
    pub fn is_redundant(self) -> bool {
        self.is_after_crew || (self.others >= OTHERS_ENOUGH && !self.brings_first_aed)
    }
}

/// When the crew gives its first shock.
pub fn crew_shock(study: &Study, here: &Circumstances) -> Duration {
    here.crew_with_patient(study) + study.assumptions.crew_to_shock
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_third_without_a_defibrillator_and_whoever_comes_after_the_crew_come_for_nothing() {
        let comes = |others, brings_first_aed, is_after_crew| {
            let arrival = Arrival {
                others,
                brings_first_aed,
                is_after_crew,
            };
            arrival.is_redundant()
        };
        assert!(!comes(0, false, false) && !comes(1, false, false));
        assert!(comes(2, false, false) && comes(7, false, false));
        assert!(!comes(2, true, false) && !comes(7, true, false));
        assert!(comes(0, false, true) && comes(0, true, true));
    }

    #[test]
    fn every_end_is_counted_once() {
        let mut outcome = Outcome::default();
        let fates = [
            Fate::ToldToGo,
            Fate::NotNeeded,
            Fate::TooLate,
            Fate::Declined,
            Fate::Expired,
            Fate::Undeliverable,
            Fate::Withdrawn,
        ];
        fates
            .map(Some)
            .into_iter()
            .chain([None])
            .for_each(|fate| outcome.count(fate));
        assert_eq!((outcome.accounted(), outcome.accepted(), outcome.unsettled), (8, 3, 1));
    }
}
