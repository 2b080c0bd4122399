//! Phones and the people who carry them: hearing, answering, going.

use dispatch_core::{
    ids::AlertId,
    input::{DeclineReason, DeliveryStage, Input, Reply},
    time::Timestamp,
};
use muster_people::answers::{self, Answer};

use super::{Event, Stage, Word, World, report, said};
use crate::{crowd::device_id, journey::Step, outcome::Arrival};

impl World<'_> {
    pub(super) fn happen(&mut self, event: Event, now: Timestamp) {
        match event {
            Event::Heard { alert, version, word } => self.hear(alert, version, word, now),
            Event::Answers { alert } => self.answer(alert, now),
            Event::Steps { alert, step } => self.step(alert, step, now),
            Event::AmbulanceThere(index) => {
                let ending = report::crew_on_scene(self.shared.study.incidents[index].number, now);
                let token = self.token();
                self.tell(Input::End { token, ending }, now);
            }
            Event::PutAway(index) => self.put_away(index),
        }
    }

    fn hear(&mut self, alert: AlertId, version: u32, word: Word, now: Timestamp) {
        let Some(request) = self.requests.get_mut(&alert) else {
            return;
        };
        let device = device_id(request.responder);
        match word {
            Word::Ask if request.rang_at.is_none() => {
                request.rang_at = Some(now);
                let reaction = request.conduct.reaction;
                if reaction.answer != Answer::Silence {
                    let at = now + reaction.shown_after + reaction.answered_after;
                    self.agenda.add(at, Event::Answers { alert });
                }
            }
            Word::Go if request.stage == Stage::Asked => self.set_off(alert, now),
            // Nobody leaves a patient because a machine says so.
            Word::Stop if request.stage != Stage::WithPatient => request.stage = Stage::Over,
            Word::Ask | Word::Go | Word::Stop => {}
        }
        let stage = DeliveryStage::Received;
        self.tell(
            Input::Delivery {
                device,
                alert,
                version,
                stage,
            },
            now,
        );
    }

    fn answer(&mut self, alert: AlertId, now: Timestamp) {
        let Some(request) = self
            .requests
            .get(&alert)
            .filter(|request| request.stage == Stage::Asked)
        else {
            return;
        };
        let reply = match request.conduct.reaction.answer {
            Answer::Accept => Reply::Accept,
            Answer::Decline(reason) => Reply::Decline(match reason {
                answers::DeclineReason::TooFar => DeclineReason::TooFar,
                answers::DeclineReason::Busy => DeclineReason::Busy,
                answers::DeclineReason::Unsafe => DeclineReason::Unsafe,
            }),
            Answer::Silence => return,
        };
        let device = device_id(request.responder);
        self.tell(Input::Reply { device, alert, reply }, now);
    }

    /// Foresees the whole way. Turnout counts from when the phone rang, as its source has it; nobody leaves before being
    /// told to go.
    fn set_off(&mut self, alert: AlertId, now: Timestamp) {
        let shared = self.shared;
        let request = self.requests.get_mut(&alert).expect("looked up by the caller");
        request.stage = Stage::Going;
        let rang_at = request.rang_at.unwrap_or(now);
        let leaves_at = now.max(rang_at + request.conduct.reaction.turnout);
        let here = &shared.circumstances[request.incident];
        let crew_after = (here.at + here.crew_with_patient(shared.study)).since(leaves_at);
        let steps = request.conduct.steps(request.errand, shared.study, here, crew_after);
        for (after, step) in steps {
            self.agenda.add(leaves_at + after, Event::Steps { alert, step });
        }
    }

    fn step(&mut self, alert: AlertId, step: Step, now: Timestamp) {
        let Some(request) = self
            .requests
            .get_mut(&alert)
            .filter(|request| request.stage != Stage::Over)
        else {
            return;
        };
        let device = device_id(request.responder);
        match step {
            Step::TakeAed => request.carries_aed = true,
            Step::AedNotThere => self.life.outcomes[request.incident].aed_not_there += 1,
            Step::Finished => request.stage = Stage::Over,
            Step::WithPatient => {
                request.stage = Stage::WithPatient;
                self.arrive(alert, now);
            }
            Step::AedAttached => self.shock(alert, now),
            Step::Leave | Step::AtScene => {}
        }
        if let Some(reply) = said(step) {
            self.tell(Input::Reply { device, alert, reply }, now);
        }
    }

    fn arrive(&mut self, alert: AlertId, now: Timestamp) {
        let request = &self.requests[&alert];
        let here = &self.shared.circumstances[request.incident];
        let after = now.since(here.at);
        let bedside = self.bedsides.entry(request.incident).or_default();
        let arrival = Arrival {
            others: bedside.with_patient,
            brings_first_aed: request.carries_aed && !bedside.has_aed,
            is_after_crew: after >= here.crew_with_patient(self.shared.study),
        };
        bedside.with_patient += 1;
        bedside.has_aed |= request.carries_aed;
        let outcome = &mut self.life.outcomes[request.incident];
        outcome.arrivals += 1;
        outcome.redundant += u32::from(arrival.is_redundant());
        // Events come in order of time, so the first is the soonest.
        outcome.first_with_patient.get_or_insert(after);
    }

    fn shock(&mut self, alert: AlertId, now: Timestamp) {
        let request = &self.requests[&alert];
        let after = now.since(self.shared.circumstances[request.incident].at);
        self.life.outcomes[request.incident].aed_shock.get_or_insert(after);
    }
}
