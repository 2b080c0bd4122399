//! What somebody does who is told to go: which steps they take and when, and what one person does about one incident.

use std::time::Duration;

use muster_people::{
    Trait,
    answers::Reaction,
    log_normal,
    place::Place,
    travel::{Mode, detour},
};
use rand::RngExt as _;

use crate::{crowd::Member, scene::Circumstances, study::Study};

/// How long ways are.
pub trait Ways: Send + Sync {
    /// Length of a way in metres.
    fn metres(&self, way: &Way) -> f64;
}

/// A way that somebody takes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Way {
    /// From where.
    pub from: Place,
    /// To where.
    pub to: Place,
    /// By what means.
    pub mode: Mode,
    /// How many times the straight line it is if nothing better is known.
    pub detour: f64,
}

/// The straight line times the factor drawn for the person and the incident.
#[derive(Clone, Copy, Debug)]
pub struct Detour;

impl Ways for Detour {
    fn metres(&self, way: &Way) -> f64 {
        way.from.distance_m(way.to) * way.detour
    }
}

/// What somebody told to go is to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Errand {
    /// Straight to the patient.
    Direct,
    /// By way of the defibrillator of this number in the study.
    FetchAed(usize),
    /// Meet the crew and lead them in.
    Guide,
}

/// A step on the way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Step {
    /// Leaves.
    Leave,
    /// Has the defibrillator.
    TakeAed,
    /// The defibrillator cannot be had; goes on to the patient without.
    AedNotThere,
    /// At the scene.
    AtScene,
    /// With the patient.
    WithPatient,
    /// The defibrillator is attached and has given its first shock.
    AedAttached,
    /// Has handed over.
    Finished,
}

/// Everything one person does about one incident. It is the same under every policy.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Conduct {
    /// From sending a message to the phone having it; `None` = no message arrives.
    pub delivery: Option<Duration>,
    /// Answer and times.
    pub reaction: Reaction,
    /// Where the person really is.
    pub from: Place,
    /// By what means they come.
    pub mode: Mode,
    /// How fast, metres per second.
    pub speed_m_per_s: f64,
    /// Their ways are so many times the straight line.
    pub detour: f64,
    /// How long they take to get a defibrillator out.
    pub take_out: Duration,
}

impl Conduct {
    /// What a person does about an incident.
    pub fn of(study: &Study, member: &Member, here: &Circumstances) -> Self {
        let assumptions = &study.assumptions;
        let (person, incident) = (member.person, here.emergency.number);
        let mut stream = person.stream(Trait::Delivery, incident);
        // All are drawn always, so that changing one share does not shift what follows.
        let is_reached = stream.random::<f64>() >= assumptions.unreached_share;
        let (median, sigma) = assumptions.delivery;
        let delivery = milliseconds(log_normal(&mut stream, median.as_secs_f64(), sigma));
        let (least, most) = assumptions.take_out;
        let take_out = least.as_secs_f64() + stream.random::<f64>() * most.saturating_sub(least).as_secs_f64();
        // Whom no message reaches counts among those who do not answer.
        let among_reached = (member.willingness / (1.0 - assumptions.unreached_share)).clamp(0.0, 1.0);
        let told = assumptions.habits.told(person, &member.anchors, member.local(here.at));
        Self {
            delivery: is_reached.then_some(delivery),
            reaction: assumptions
                .answers
                .for_willingness(among_reached)
                .reaction(person, incident, here.day_part),
            from: assumptions.habits.truth(person, &told, incident),
            mode: member.mode,
            speed_m_per_s: member.speed_m_per_s,
            detour: detour(person, incident),
            take_out: milliseconds(take_out),
        }
    }

    /// The steps of an errand, from the moment of leaving, in order. `crew_after` is when the crew will be with the patient,
    /// from that moment: whoever is there stays until then.
    pub fn steps(
        &self,
        errand: Errand,
        study: &Study,
        here: &Circumstances,
        crew_after: Duration,
    ) -> Vec<(Duration, Step)> {
        let mut steps = vec![(Duration::ZERO, Step::Leave)];
        let mut after = Duration::ZERO;
        let mut from = self.from;
        let mut carries = false;
        if let Errand::FetchAed(site) = errand {
            after += self.travel(study, from, study.map.aeds[site].place);
            from = study.map.aeds[site].place;
            carries = here.aed_is_there(study, site);
            // Finding out that it cannot be had takes as long as getting it out.
            after += self.take_out;
            steps.push((after, if carries { Step::TakeAed } else { Step::AedNotThere }));
        }
        after += self.travel(study, from, here.place);
        steps.push((after, Step::AtScene));
        if errand == Errand::Guide {
            steps.push((after.max(crew_after), Step::Finished));
            return steps;
        }
        after += self.reaction.reaches_patient_after;
        steps.push((after, Step::WithPatient));
        if carries {
            steps.push((after + study.assumptions.attach, Step::AedAttached));
        }
        let stays = self.reaction.finishes_after.max(study.assumptions.attach);
        steps.push(((after + stays).max(crew_after), Step::Finished));
        steps
    }

    fn travel(&self, study: &Study, from: Place, to: Place) -> Duration {
        let way = Way {
            from,
            to,
            mode: self.mode,
            detour: self.detour,
        };
        milliseconds(study.map.ways.metres(&way) / self.speed_m_per_s)
    }
}

/// Nobody is on the way for longer.
const LONGEST_S: f64 = 86_400.0;

/// Whole milliseconds, as the core has them.
fn milliseconds(seconds: f64) -> Duration {
    let seconds = if seconds.is_finite() { seconds } else { LONGEST_S };
    Duration::from_millis((seconds.clamp(0.0, LONGEST_S) * 1000.0) as u64)
}

#[cfg(test)]
#[path = "journey_tests.rs"]
mod tests;
