//! A person on the way: from the confirmation to the patient and home again.
//!
//! ```text
//! confirmed ──turnout──> en route ──walk──> at scene ──> with patient ──> finished
//!      └───────────────────┴──────────────────┴──> called off     (never once with the patient)
//! ```
//! To a shift of a call-out people set off when it begins, and stay until it ends.

use muster_people::place::Place;
use muster_proto::v1::{Confirmed, DeclineReason, ReplyKind};

use super::{Phone, What};
use crate::Moment;

/// The one incident a person goes to.
#[derive(Debug)]
pub(super) struct Going {
    pub(super) alert_id: String,
    /// Where to; forgotten when called off.
    pub(super) target: Option<Place>,
    pub(super) stage: Stage,
    /// When the next stage is reached; `None` = never.
    pub(super) next_step_at: Option<Moment>,
    /// When their shift ends; `None` = they go to a patient.
    pub(super) shift_ends_at: Option<Moment>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stage {
    TurningOut,
    EnRoute,
    AtScene,
    WithPatient,
}

impl Phone {
    /// The person is told to go, or the place is corrected.
    pub(super) fn begin_going(&mut self, id: &str, place: &Confirmed, now: Moment) {
        let Ok(target) = Place::new(place.latitude_deg, place.longitude_deg) else {
            return self.cannot_continue(id, now);
        };
        let Some(alert) = self.alerts.get_mut(id) else { return };
        alert.answer_at = None;
        if alert.has_declined() {
            return;
        }
        // A new confirmation after a stand-down: the person is wanted after all.
        alert.over = false;
        let turned_out_at = now.plus(alert.reaction.turnout);
        let shift = place.shift.as_ref();
        let begins_at = shift.and_then(|shift| shift.starts_at.as_ref()).map(Moment::from_wire);
        let ends_at = shift.and_then(|shift| shift.ends_at.as_ref()).map(Moment::from_wire);
        match &mut self.going {
            None => {
                let (alert_id, stage) = (id.into(), Stage::TurningOut);
                self.going = Some(Going {
                    alert_id,
                    target: Some(target),
                    stage,
                    next_step_at: begins_at.max(Some(turned_out_at)),
                    shift_ends_at: ends_at,
                });
            }
            Some(going) if going.alert_id == id => {
                going.target = Some(target);
                if going.stage == Stage::EnRoute {
                    going.next_step_at = self.whereabouts.set_off(target, now);
                }
            }
            Some(_) => self.cannot_continue(id, now),
        }
    }

    /// Stops whatever this alert set going, and forgets the place.
    pub(super) fn call_off(&mut self, id: &str, now: Moment) {
        if let Some(alert) = self.alerts.get_mut(id) {
            alert.over = true;
            alert.answer_at = None;
        }
        let Some(going) = self.going.as_mut().filter(|going| going.alert_id == id) else {
            return;
        };
        going.target = None;
        // Nobody walks away from a patient because of a message; the person hands over in their own time.
        if going.stage != Stage::WithPatient {
            self.going = None;
            self.whereabouts.stop(now);
        }
    }

    pub(super) fn step_if_due(&mut self, now: Moment) {
        let Some(going) = self
            .going
            .as_mut()
            .filter(|going| going.next_step_at.is_some_and(|at| at <= now))
        else {
            return;
        };
        let id = going.alert_id.clone();
        let Some(reaction) = self.alerts.get(&id).map(|alert| alert.reaction) else {
            return;
        };
        let (stage, said, next_step_at) = match (going.stage, going.target) {
            (Stage::TurningOut, Some(target)) => (
                Stage::EnRoute,
                ReplyKind::EnRoute,
                self.whereabouts.set_off(target, now),
            ),
            (Stage::EnRoute, _) => (
                Stage::AtScene,
                ReplyKind::AtScene,
                going.shift_ends_at.or(Some(now.plus(reaction.reaches_patient_after))),
            ),
            (Stage::AtScene, _) if going.shift_ends_at.is_none() => (
                Stage::WithPatient,
                ReplyKind::WithPatient,
                Some(now.plus(reaction.finishes_after)),
            ),
            _ => return self.finish(&id, now),
        };
        (going.stage, going.next_step_at) = (stage, next_step_at);
        if stage == Stage::EnRoute {
            let wait = self.position_wait();
            self.next_position = self.next_position.min(now.plus(wait));
        }
        self.progress(&id, said, now);
    }

    fn finish(&mut self, id: &str, now: Moment) {
        self.going = None;
        self.whereabouts.stop(now);
        self.progress(id, ReplyKind::Finished, now);
    }

    fn cannot_continue(&mut self, id: &str, now: Moment) {
        self.progress(id, ReplyKind::CannotContinue, now);
    }

    fn progress(&mut self, id: &str, stage: ReplyKind, now: Moment) {
        self.log(What::Progressed {
            alert_id: id.into(),
            stage,
        });
        self.say(id, stage, DeclineReason::Unspecified, now);
    }
}
