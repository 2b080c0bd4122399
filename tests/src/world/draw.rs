//! Draws a plan from a seed. Each seed picks which classes of faults it has at all, since faults that always come
//! together hide what each does alone.

use super::{
    agenda::Ms,
    dice::{Dice, Thing},
    plan::{Cause, Event, Plan, Point, Trouble, What},
};

const SECOND: Ms = 1000;
const MINUTE: Ms = 60 * SECOND;
/// The people are registered and connect in this time, before anything else happens.
pub const QUIET_START: Ms = 20 * SECOND;

/// The plan of a seed.
pub fn plan(seed: u64) -> Plan {
    let mut dice = Dice::new(seed, Thing::Sizes, 0);
    let tenants = dice.between(1, 3) as u32;
    let accept_permille = dice.between(150, 700) as u32;
    let mut plan = Plan {
        seed,
        tenants,
        people: dice.between(8, 30) as u32,
        incidents: dice.between(2, 8) as u32,
        broker_inside: dice.permille(500),
        accept_permille,
        decline_permille: dice.between(50, u64::from(900 - accept_permille)) as u32,
        answer_median_ms: dice.one_of(&[1500, 6000, 6000, 14_000, 60_000]),
        heal_at: dice.between(12 * MINUTE, 35 * MINUTE),
        events: Vec::new(),
    };
    let mut drawing = Drawing {
        end: plan.heal_at,
        events: Vec::new(),
        ordinal: 0,
    };
    for incident in 0..plan.incidents {
        drawing.incident(seed, incident);
    }
    for class in 0..CLASSES {
        // Each class has a stream of its own, and is there in two seeds out of five.
        let mut dice = Dice::new(seed, Thing::Drawing, u64::from(class));
        drawing.ordinal = u64::from(class + 1) << 32;
        if dice.permille(400) {
            drawing.class(class, &plan, &mut dice);
        }
    }
    plan.events = drawing.events;
    plan.events.sort_by_key(|event| (event.at, event.ordinal));
    plan
}

/// How many classes of faults there are.
const CLASSES: u32 = 12;

struct Drawing {
    end: Ms,
    events: Vec<Event>,
    ordinal: u64,
}

impl Drawing {
    fn add(&mut self, at: Ms, what: What) {
        self.ordinal += 1;
        self.events.push(Event {
            at,
            ordinal: self.ordinal,
            what,
        });
    }

    /// An incident's life as its control room tells it.
    fn incident(&mut self, seed: u64, incident: u32) {
        self.ordinal = (1 << 48) | (u64::from(incident) << 8);
        let mut dice = Dice::new(seed, Thing::Drawing, 1000 + u64::from(incident));
        let mut at = dice.between(QUIET_START, self.end * 3 / 4);
        let mut revision = dice.between(1, 3) as u32;
        let spot = |dice: &mut Dice| (dice.signed(-900, 900) as i32, dice.signed(-900, 900) as i32);
        let mut place = (!dice.permille(100)).then(|| spot(&mut dice));
        self.add(
            at,
            What::Report {
                incident,
                revision,
                place,
            },
        );
        for _ in 0..dice.one_of(&[0_u32, 0, 1, 1, 2, 4]) {
            at += dice.one_of(&[50, 500, 5 * SECOND, 40 * SECOND, 4 * MINUTE]);
            revision += dice.between(1, 2) as u32;
            place = match dice.between(0, 3) {
                0 => None,
                1 => Some(spot(&mut dice)),
                2 => place.map(|(north, east)| (north + 30, east - 20)),
                _ => place,
            };
            self.add(
                at,
                What::Report {
                    incident,
                    revision,
                    place,
                },
            );
        }
        if dice.permille(700) {
            at += dice.one_of(&[100, 4 * SECOND, 30 * SECOND, 3 * MINUTE, 12 * MINUTE]);
            revision += 1;
            let cause = dice.one_of(&[Cause::Cancelled, Cause::CrewOnScene, Cause::Closed]);
            self.add(
                at,
                What::End {
                    incident,
                    revision,
                    cause,
                },
            );
            if cause != Cause::Closed && dice.permille(400) {
                let closed = What::End {
                    incident,
                    revision: revision + 1,
                    cause: Cause::Closed,
                };
                self.add(at + dice.between(10, MINUTE), closed);
            }
        }
    }

    fn times(&self, dice: &mut Dice, most: u64) -> Vec<Ms> {
        let count = dice.between(1, most);
        (0..count).map(|_| dice.between(QUIET_START, self.end)).collect()
    }

    fn class(&mut self, class: u32, plan: &Plan, dice: &mut Dice) {
        let phones = u64::from(plan.people) - 1;
        let most = match class {
            2 | 9 => 12,
            8 | 10 => 20,
            _ => 5,
        };
        for at in self.times(dice, most) {
            let phone = dice.between(0, phones) as u32;
            let tenant = dice.between(0, u64::from(plan.tenants) - 1) as u32;
            let span = dice.one_of(&[2 * SECOND, 20 * SECOND, 2 * MINUTE, 8 * MINUTE]);
            let what = match class {
                0 => What::RoomCutOff {
                    tenant,
                    for_ms: span * 2,
                    newest_first: dice.permille(500),
                },
                1 => What::RoomTrouble { tenant, for_ms: span },
                2 => What::BrokerTrouble {
                    how: dice.one_of(&[
                        Trouble::Forgets,
                        Trouble::Refuses,
                        Trouble::Delays,
                        Trouble::Doubles,
                        Trouble::Reorders,
                        Trouble::Disconnects,
                    ]),
                    permille: dice.one_of(&[50, 200, 500, 1000]),
                    for_ms: span,
                },
                3 => What::BrokerRestart {
                    forgets: dice.permille(500),
                    for_ms: dice.one_of(&[200, 5 * SECOND, 30 * SECOND]),
                },
                4 => What::StoreSlow {
                    sync_ms: dice.one_of(&[120, 400, 1200, 3000]),
                    for_ms: span,
                },
                5 => What::StoreFull {
                    reserve_too: dice.permille(500),
                    for_ms: span / 2,
                },
                6 => What::SyncFails {
                    head: dice.permille(500),
                },
                7 => match dice.between(0, 3) {
                    0 => What::Pause {
                        for_ms: dice.one_of(&[300, 3 * SECOND, 30 * SECOND]),
                    },
                    1 => What::Suspend {
                        for_ms: dice.one_of(&[3 * SECOND, 30 * SECOND]),
                    },
                    _ => What::ClockStep {
                        by_ms: dice.one_of(&[-3_600_000, -60_000, 60_000, 3_600_000]),
                    },
                },
                8 => Self::mishap(phone, span, dice),
                9 => Self::odd_word(phone, dice),
                10 => Self::register(phone, dice),
                _ => Self::crash(dice),
            };
            self.add(at, what);
        }
        if (4..=7).contains(&class) && dice.permille(600) {
            // What the store or the clock does matters most when the service stops dead in the middle of it.
            let faults: Vec<Ms> = self.events.iter().rev().take(4).map(|event| event.at).collect();
            for at in faults {
                let crash = Self::crash(dice);
                self.add(at + dice.between(1, 4 * SECOND), crash);
            }
        }
    }

    fn mishap(phone: u32, span: Ms, dice: &mut Dice) -> What {
        match dice.between(0, 5) {
            0..=2 => What::PhoneOffline { phone, for_ms: span },
            3 | 4 => What::PhoneAsleep { phone, for_ms: span },
            _ => What::Reinstall {
                phone,
                moved_m: dice.between(0, 1500) as u32,
            },
        }
    }

    fn odd_word(phone: u32, dice: &mut Dice) -> What {
        match dice.between(0, 2) {
            0 => What::OldFix { phone },
            1 => What::SayAgain { phone },
            _ => What::SayOtherwise { phone },
        }
    }

    fn register(phone: u32, dice: &mut Dice) -> What {
        match dice.between(0, 9) {
            0..=5 => What::Duty {
                person: phone,
                on: dice.permille(600),
            },
            6..=8 => What::Suspension {
                person: phone,
                on: dice.permille(400),
            },
            _ => What::Revoke { phone },
        }
    }

    fn crash(dice: &mut Dice) -> What {
        let point = match dice.between(0, 4) {
            0 => Point::Now,
            1 => Point::BeforeEffect(dice.between(0, 12) as u32),
            2 => Point::AfterEffect(dice.between(0, 12) as u32),
            _ => Point::InCommit(dice.between(0, 4) as u32),
        };
        What::Crash {
            point,
            power_cut: dice.permille(500),
            down_ms: dice.one_of(&[50, 300, 2 * SECOND, 20 * SECOND, 3 * MINUTE]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_plan_and_another_seed_another() {
        assert_eq!(plan(7), plan(7));
        assert_ne!(plan(7), plan(8));
        assert!((0..50).all(|seed| plan(seed).events.is_sorted_by_key(|event| event.at)));
    }

    #[test]
    fn endings_carry_the_highest_revision() {
        // What a control room does; otherwise there would be no one right outcome.
        for plan in (0..50).map(plan) {
            for incident in 0..plan.incidents {
                let revisions: Vec<(u32, bool)> = plan
                    .events
                    .iter()
                    .filter_map(|event| match event.what {
                        What::Report {
                            incident: i, revision, ..
                        } if i == incident => Some((revision, false)),
                        What::End {
                            incident: i, revision, ..
                        } if i == incident => Some((revision, true)),
                        _ => None,
                    })
                    .collect();
                assert!(revisions.is_sorted(), "{revisions:?}");
                let last_report = revisions.iter().rposition(|(_, ends)| !ends);
                let first_end = revisions.iter().position(|(_, ends)| *ends);
                assert!(first_end.is_none() || last_report < first_end, "{revisions:?}");
            }
        }
    }
}
