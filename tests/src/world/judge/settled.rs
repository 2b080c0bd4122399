//! Phase two: whether everything has come to an end, and whether everybody agrees on which.

use std::collections::BTreeMap;

use dispatch_core::{attendance::Attendance, incident::IncidentState, state::State};

use super::{
    Judge,
    letters::word,
    pages::{AlertPage, End},
};
use crate::world::{
    dice::{Dice, Thing},
    disk::Disk,
    handset::Handset,
    plan::{Cause, Event, What},
};

impl Judge {
    /// What has not come to an end yet; `None` = everything has.
    pub fn unsettled(&mut self, state: &State, _handsets: &[Handset]) -> Option<String> {
        if let Some((id, page)) = self.book.incidents.iter().find(|(_, page)| page.state.is_open()) {
            return Some(format!("{id} is {:?}", page.state));
        }
        for (id, alert) in &self.book.alerts {
            if alert.is_open() {
                return Some(format!("{id} has no outcome"));
            }
            // Somebody with a patient ends it in their own time, or never says so.
            let with_patient = alert.attendance.is_some_and(Attendance::is_with_patient);
            if alert.is_attended() && !with_patient {
                return Some(format!("{id} is still attended"));
            }
            if alert.is_unsettled() {
                return Some(format!("{id}: nobody knows what became of the {}", word(alert.kind)));
            }
        }
        if state.sequence() != self.durable {
            return Some(format!("{} records are not durable", state.sequence() - self.durable));
        }
        None
    }

    /// The control rooms close what is open, once; returns each open incident and its newest revision.
    pub fn open_incidents(&mut self) -> Vec<(u32, u32)> {
        self.rooms_closed = true;
        let open = |incident: &u32| {
            let said = self.said.get(incident).map_or(&[][..], Vec::as_slice);
            // What the plan has them say later they will say by themselves.
            let ends = |event: &Event| matches!(event.what, What::End { incident: ended, .. } if ended == *incident);
            let ended = self.plan.events.iter().any(ends);
            let newest = said.iter().map(revision).max();
            newest.filter(|_| !ended).map(|newest| (*incident, newest))
        };
        (0..self.plan.incidents)
            .filter_map(|incident| open(&incident))
            .collect()
    }

    /// Whether they have done so.
    pub fn rooms_have_closed(&self) -> bool {
        self.rooms_closed
    }

    /// Judges the world as it is once everything has settled.
    pub fn at_the_end(&mut self, state: &State, disk: &Disk, handsets: &[Handset], connected: &[bool]) {
        self.compare(state, "at the end");
        self.check_outcomes();
        self.check_revisions();
        self.check_phones(handsets, connected);
        self.check_disk(disk);
    }

    /// Each alert has one outcome, and the totals agree with the core's.
    fn check_outcomes(&mut self) {
        let mut totals: BTreeMap<End, u64> = BTreeMap::new();
        for alert in self.book.alerts.values() {
            if let Some((end, _)) = alert.end {
                *totals.entry(end).or_default() += 1;
            }
        }
        let ended: u64 = totals.values().sum();
        let planned = self.book.alerts.len() as u64;
        if ended != planned {
            self.violates(
                "I9 one outcome",
                format_args!("{planned} alerts, {ended} outcomes: {totals:?}"),
            );
        }
        for (end, name) in [
            (End::Accepted, "accepted"),
            (End::Declined, "declined"),
            (End::Expired, "expired"),
            (End::Undeliverable, "undeliverable"),
            (End::Withdrawn, "withdrawn"),
        ] {
            let total = totals.get(&end).copied().unwrap_or_default();
            *self.counts.entry(name).or_default() += total;
        }
    }

    /// What became of an incident depends on the highest revision only.
    fn check_revisions(&mut self) {
        for (id, number) in &self.incidents.clone() {
            let Some(said) = self.said.get(number) else { continue };
            let Some(newest) = said.iter().max_by_key(|event| revision(event)) else {
                continue;
            };
            let Some(page) = self.book.incidents.get(id) else {
                let text = format!("incident {number} was reported and is unknown");
                return self.violates("I1 lost", format_args!("{text}"));
            };
            let wanted = match newest.what {
                What::End {
                    cause: Cause::Closed, ..
                } => IncidentState::Closed,
                What::End { .. } => IncidentState::StoodDown,
                _ => page.state,
            };
            if page.state != wanted || page.revision != revision(newest) {
                let text = format!("is {:?} at revision {}", page.state, page.revision);
                let wanted = format!("{wanted:?} at {}", revision(newest));
                return self.violates("revision order", format_args!("incident {number} {text}, not {wanted}"));
            }
        }
    }

    /// Every phone that can be reached agrees with the journal about what it was told last.
    fn check_phones(&mut self, handsets: &[Handset], connected: &[bool]) {
        for (id, alert) in &self.book.alerts {
            let name = id.to_string();
            let of_theirs = |handset: &&Handset| {
                let device = handset.device.and_then(|device| self.book.devices.get(&device));
                device.is_some_and(|device| device.responder == alert.responder)
            };
            let Some(person) = handsets.iter().find(of_theirs).map(|handset| handset.person) else {
                continue;
            };
            let mut given = Vec::new();
            // A person with two phones is told once one of them has heard, even if that one is wiped or revoked later.
            let mut agrees = false;
            let mut goes = false;
            for handset in handsets.iter().filter(|handset| handset.person == person) {
                let Some(page) = self.phones.get(handset.number) else {
                    continue;
                };
                goes |= handset.goes_about(&name);
                let newest = page.alerts.get(&name).copied();
                given.extend(newest.filter(|_| connected[handset.number]));
                agrees |= page.wiped.contains(&name)
                    || newest.is_some_and(|given| given.version == alert.version && given.kind == word(alert.kind));
            }
            // What a phone was told before it was durable, and a crash undid, it still has, unless something newer is said
            // about the same alert: that is the price of alerting while the store is in trouble (DESIGN section 5). The
            // words may differ then, but not what they come to: who goes, and who does not.
            if self.orphans.contains(id) {
                agrees |= goes == alert.is_attended();
            }
            if !given.is_empty() && !agrees && is_owed(alert) {
                let text = format!("{name} v{} {:?}, the phone has {given:?}", alert.version, alert.kind);
                return self.violates("phones agree", format_args!("{text}"));
            }
        }
    }

    /// What is on the disk is sound, and damage to it would be noticed.
    fn check_disk(&mut self, disk: &Disk) {
        let rows = disk.rows().len() as u64;
        if rows < self.promised || disk.safe() < self.promised {
            let promised = self.promised;
            return self.violates("I1 lost", format_args!("{promised} were promised, {rows} are there"));
        }
        for trial in 0..4 {
            let mut dice = Dice::new(self.plan.seed, Thing::PowerCut, 1_000_000 + trial);
            let Some(mut damaged) = disk.damaged(&mut dice) else {
                continue;
            };
            let changed = damaged.rows() != disk.rows();
            if changed && damaged.open().is_ok() && damaged.rows().len() < disk.rows().len() {
                return self.violates("I7 damage", format_args!("lost records were not noticed"));
            }
            if changed && damaged.rows().len() == disk.rows().len() && damaged.open().is_ok() {
                return self.violates("I7 damage", format_args!("a changed record was not noticed"));
            }
        }
    }
}

/// Whether somebody has to know the newest message: it was heard, so somebody does.
fn is_owed(alert: &AlertPage) -> bool {
    alert.is_heard() && !matches!(alert.end, Some((End::Declined, _)))
}

fn revision(event: &Event) -> u32 {
    match event.what {
        What::Report { revision, .. } | What::End { revision, .. } => revision,
        _ => 0,
    }
}
