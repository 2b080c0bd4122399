//! What phones say: fixes, receipts, replies, presence.

use crate::{
    alert::{Alert, AlertState, Role, StandDownReason},
    attendance::{AbortReason, Attendance},
    call_out::ShiftChoice,
    command::{Command, DownBody, DownMessage, Refusal},
    ids::{AlertId, DeviceId, ResponderId},
    input::{DeclineReason, DeliveryStage, Reply},
    record::Record,
    roster::Presence,
};

use super::{Dispatcher, messages, search::Welcome};

/// A probe is worth answering for this long.
const PROBE_EXPIRY: std::time::Duration = std::time::Duration::from_secs(60);

impl Dispatcher {
    pub(super) fn device_online(&mut self, device: DeviceId) {
        let Some(enrolled) = self.state.roster.device(device).copied() else {
            return self.refuse(device, Refusal::UnknownDevice);
        };
        self.state.roster.set_presence(device, Presence::Online);
        self.catch_up(enrolled.responder);
        let person = self.state.roster.person(enrolled.responder);
        let located = person.is_some_and(|person| person.fix.is_some() && !person.is_fix_of_before);
        if enrolled.alertable && !located {
            self.follow_up.push(Command::Publish(DownMessage {
                device,
                about: None,
                owner_epoch: self.state.epoch(),
                expires_at: self.now + PROBE_EXPIRY,
                purpose: enrolled.purpose,
                body: DownBody::Probe,
            }));
        }
        self.search_soon();
    }

    /// Sends again what is still true and not settled: messages the phone has not acknowledged, and alerts it has not
    /// answered. Those it knows; seeing one again makes it repeat an answer that was lost.
    fn catch_up(&mut self, responder: ResponderId) {
        let unsettled = self
            .state
            .live_alerts(responder)
            .filter(|alert| alert.state.is_open() || alert.message.is_open())
            .copied()
            .collect();
        for alert in messages::most_urgent_first(unsettled) {
            self.resend(alert);
        }
    }

    /// Sends again whatever is still true, to everybody concerned: phones that know it already repeat where they stand.
    pub(super) fn broker_back(&mut self) {
        let live = self.state.all_live_alerts().copied().collect();
        for alert in messages::most_urgent_first(live) {
            self.resend(alert);
        }
    }

    pub(super) fn delivery(&mut self, device: DeviceId, id: AlertId, version: u32, stage: DeliveryStage) {
        let alert = match self.their_alert(device, id) {
            Ok(alert) => alert,
            Err(refusal) => return self.refuse(device, refusal),
        };
        if version != alert.message.version {
            return self.refuse(device, Refusal::OtherVersion);
        }
        // Outcomes of the network may arrive in any order; each stage is written down once.
        let known = match stage {
            DeliveryStage::Failed => alert.message.stage.is_some(),
            _ => alert.message.times.of(stage).is_some(),
        };
        if known {
            return;
        }
        let first_sign = alert.reached_at.is_none() && stage >= DeliveryStage::Received;
        self.record(Record::MessageProgress {
            alert: id,
            version,
            device,
            stage,
        });
        if first_sign {
            self.reschedule_incident(alert.incident);
        }
    }

    pub(super) fn reply(&mut self, device: DeviceId, id: AlertId, reply: Reply) {
        let alert = match self.their_alert(device, id) {
            Ok(alert) => alert,
            Err(refusal) => return self.refuse(device, refusal),
        };
        match reply {
            Reply::Accept => self.accept(device, &alert, ShiftChoice::ANY),
            Reply::AcceptShifts(shifts) => self.accept(device, &alert, shifts),
            Reply::Decline(reason) => self.decline(device, &alert, reason),
            Reply::EnRoute => self.attend(device, &alert, Attendance::EnRoute),
            Reply::AtScene => self.attend(device, &alert, Attendance::AtScene),
            Reply::WithPatient => self.attend(device, &alert, Attendance::WithPatient),
            Reply::AedAttached => self.attend(device, &alert, Attendance::AedAttached),
            Reply::Finished => self.attend(device, &alert, Attendance::Finished),
            Reply::Abort(reason) => self.attend(device, &alert, Attendance::Aborted(reason)),
            Reply::NeedHelp if alert.is_attended() => self.record(Record::HelpNeeded { alert: id }),
            Reply::NeedHelp => self.refuse(device, Refusal::OutOfTurn),
        }
    }

    /// First come, first served up to the number wanted; beyond, only who would be clearly sooner. Every accept is answered,
    /// and saying it again gets the same answer while that is true.
    fn accept(&mut self, device: DeviceId, alert: &Alert, shifts: ShiftChoice) {
        let id = alert.plan.alert;
        if alert.attendance.is_some() {
            if !self.is_true_now(alert) {
                return self.refuse(device, Refusal::OutOfTurn);
            }
            // A phone that has the answer is not told again: one that repeats its accept at each sight of the answer would
            // else echo with us for ever.
            if !alert.message.is_heard() {
                self.publish(id);
            }
            return;
        }
        let mut shift = None;
        let attendance = match alert.state {
            AlertState::Declined(_) => return self.refuse(device, Refusal::OutOfTurn),
            state if state.is_open() => match self.welcome(alert, shifts) {
                Welcome::Goes => Attendance::Confirmed,
                Welcome::Takes(number) => {
                    shift = Some(number);
                    Attendance::Confirmed
                }
                Welcome::InPlaceOf(slower) => {
                    self.stand_down(slower, StandDownReason::Replaced);
                    Attendance::Confirmed
                }
                Welcome::NotNeeded => Attendance::NotNeeded,
            },
            // The accept crossed the stand-down.
            AlertState::Withdrawn(StandDownReason::Enough) => Attendance::NotNeeded,
            _ => Attendance::TooLate,
        };
        self.record(Record::AlertAccepted {
            alert: id,
            attendance,
            shift,
            version: self.next_version(alert),
        });
        self.publish(id);
        if attendance == Attendance::Confirmed {
            let fix = self
                .state
                .roster
                .person(alert.plan.responder)
                .and_then(|person| person.fix);
            self.set_off_from.extend(fix.map(|fix| (id, fix.position)));
            self.reschedule_incident(alert.incident);
            self.cover_if_enough(alert.incident);
        } else {
            self.cover_if_nobody_left(alert.incident);
            if alert.plan.role == Role::Shift {
                // Others are wanted for the shifts that they cannot take.
                self.search(alert.incident);
            }
        }
    }

    /// A decline is made up for by another person. One that follows an accept means: I cannot come after all.
    fn decline(&mut self, device: DeviceId, alert: &Alert, reason: DeclineReason) {
        if alert.state.is_open() {
            self.record(Record::AlertDeclined {
                alert: alert.plan.alert,
                reason,
            });
            self.reschedule_incident(alert.incident);
            self.search(alert.incident);
        } else if alert.is_attended() {
            self.attend(device, alert, Attendance::Aborted(AbortReason::CannotContinue));
        } else if !matches!(alert.state, AlertState::Declined(_)) {
            self.refuse(device, Refusal::OutOfTurn);
        }
    }

    fn attend(&mut self, device: DeviceId, alert: &Alert, next: Attendance) {
        if alert.attendance == Some(next) {
            return;
        }
        if alert.attendance.is_none() && next.is_active() {
            return self.attend_unconfirmed(device, alert, next);
        }
        let fetching = alert.plan.role.aed().is_some() && alert.is_attended();
        if fetching && next == Attendance::Aborted(AbortReason::AedNotThere) {
            // They are on their feet and near: the patient needs them all the same.
            self.go_straight(alert.plan.alert);
            return self.search_if_short(alert.incident);
        }
        if !alert.attendance.is_some_and(|here| here.may_become(next)) {
            return self.refuse(device, Refusal::OutOfTurn);
        }
        self.record(Record::AttendanceChanged {
            alert: alert.plan.alert,
            attendance: next,
        });
        if matches!(next, Attendance::Aborted(_)) {
            self.search_if_short(alert.incident);
        } else if alert.stalled {
            // They come after all, and nobody else need be asked for it.
            self.cover_if_enough(alert.incident);
        }
    }

    /// Somebody is on the way whom nobody told to go, as far as is known: a power cut while the store was in trouble took
    /// their accept along. Their own word stands for it. With the patient and not wanted is left alone: nobody there is
    /// called off by a machine.
    fn attend_unconfirmed(&mut self, device: DeviceId, alert: &Alert, next: Attendance) {
        let wanted = alert.state.is_open() && self.wants_another(alert.incident);
        if next.is_with_patient() && !wanted {
            return self.refuse(device, Refusal::OutOfTurn);
        }
        self.accept(device, alert, ShiftChoice::ANY);
        let alert = *self.alert(alert.plan.alert);
        if alert.attendance.is_some_and(|here| here.may_become(next)) {
            self.attend(device, &alert, next);
        }
    }

    fn their_alert(&self, device: DeviceId, alert: AlertId) -> Result<Alert, Refusal> {
        let enrolled = self.state.roster.device(device).ok_or(Refusal::UnknownDevice)?;
        let alert = self.state.alert(alert).ok_or(Refusal::UnknownAlert)?;
        if alert.plan.responder != enrolled.responder {
            return Err(Refusal::NotTheirAlert);
        }
        Ok(*alert)
    }

    pub(super) fn refuse(&mut self, device: DeviceId, refusal: Refusal) {
        self.follow_up.push(Command::Refused { device, refusal });
    }
}
