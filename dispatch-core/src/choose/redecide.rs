//! Decides a recorded decision again and compares bit for bit: whether the record says what the rules say, and what other
//! rules would have said at that moment. Looks at the record and a policy alone; nobody is asked.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{arrival::Arrival, decide};
use crate::{
    alert::Role,
    ids::ResponderId,
    policy::Policy,
    record::{Candidate, Decision, Verdict},
};

/// What came of deciding again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Redecided {
    /// The same in every bit.
    Same,
    /// Not the same: at least one difference, those asked first, then by rank in the record.
    Differs(Vec<Difference>),
}

/// One thing that came out otherwise for one person.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Difference {
    /// They are asked, not asked, or asked for something else.
    Task {
        /// Who.
        responder: ResponderId,
        /// In the record; `None` = not asked.
        made: Option<Task>,
        /// Decided again.
        again: Option<Task>,
    },
    /// The reason for the yes or no.
    Verdict {
        /// Who.
        responder: ResponderId,
        /// In the record.
        made: Verdict,
        /// Decided again.
        again: Verdict,
    },
    /// When they would be at the patient, going straight there, median.
    Arrival {
        /// Who.
        responder: ResponderId,
        /// In the record.
        made: Duration,
        /// Decided again.
        again: Duration,
    },
    /// Their rank among those considered, from 0.
    Rank {
        /// Who.
        responder: ResponderId,
        /// In the record.
        made: usize,
        /// Decided again.
        again: usize,
    },
}

/// What somebody is asked to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Task {
    /// Among those asked, from 0.
    pub rank: usize,
    /// What.
    pub role: Role,
    /// When they would be there.
    pub arrival: Arrival,
}

/// Takes out of a decision what choosing wrote into it: verdicts of choice, order, arrivals, alerts. What is left is what
/// choosing looked at.
fn undecided(made: &Decision) -> Decision {
    let mut open = made.clone();
    open.alerts.clear();
    for candidate in &mut open.candidates {
        candidate.estimated_arrival = Duration::ZERO;
        if candidate.verdict.is_of_choice() {
            candidate.verdict = Verdict::EnoughSooner;
        }
    }
    open.candidates
        .sort_by_key(|candidate| (candidate.distance.mm(), candidate.responder));
    open
}

/// Decides a recorded decision again by a policy. By the policy it was made by, anything but [`Redecided::Same`] means that
/// the record is not what was decided, or that the rules are not what they were.
///
/// A decision from before policies were numbered ([`PolicyRef::number`](crate::record::PolicyRef::number) 0) lacks some of
/// what choosing looks at, so that what comes out says nothing.
pub fn redecide(policy: &Policy, made: &Decision) -> Redecided {
    let mut again = undecided(made);
    let chosen = decide(policy, &mut again);
    let task = |(rank, chosen): (usize, &super::Chosen)| {
        let task = Task {
            rank,
            role: chosen.role,
            arrival: chosen.arrival,
        };
        (again.candidates[chosen.candidate].responder, task)
    };
    let asked_again: Vec<_> = chosen.iter().enumerate().map(task).collect();
    let asked = tasks(made);
    if asked == asked_again && made.candidates == again.candidates {
        return Redecided::Same;
    }
    let mut differences = tasks_apart(&asked, &asked_again);
    differences.extend(candidates_apart(&made.candidates, &again.candidates));
    Redecided::Differs(differences)
}

/// Who was asked for what, in order.
fn tasks(made: &Decision) -> Vec<(ResponderId, Task)> {
    let task = |(rank, plan): (usize, &crate::alert::PlannedAlert)| {
        let task = Task {
            rank,
            role: plan.role,
            arrival: plan.arrival,
        };
        (plan.responder, task)
    };
    made.alerts.iter().enumerate().map(task).collect()
}

fn tasks_apart(made: &[(ResponderId, Task)], again: &[(ResponderId, Task)]) -> Vec<Difference> {
    let of = |list: &[(ResponderId, Task)], who| list.iter().find(|(one, _)| *one == who).map(|(_, task)| *task);
    let mut seen = BTreeSet::new();
    let people = made.iter().chain(again).map(|(responder, _)| *responder);
    people
        .filter(|responder| seen.insert(*responder))
        .filter_map(|responder| {
            let (made, again) = (of(made, responder), of(again, responder));
            (made != again).then_some(Difference::Task { responder, made, again })
        })
        .collect()
}

fn candidates_apart(made: &[Candidate], again: &[Candidate]) -> Vec<Difference> {
    let again: BTreeMap<ResponderId, (usize, &Candidate)> = again
        .iter()
        .enumerate()
        .map(|(rank, candidate)| (candidate.responder, (rank, candidate)))
        .collect();
    let mut differences = Vec::new();
    for (rank, candidate) in made.iter().enumerate() {
        let responder = candidate.responder;
        let Some(&(rank_again, other)) = again.get(&responder) else {
            continue;
        };
        if candidate.verdict != other.verdict {
            differences.push(Difference::Verdict {
                responder,
                made: candidate.verdict,
                again: other.verdict,
            });
        }
        if candidate.estimated_arrival != other.estimated_arrival {
            differences.push(Difference::Arrival {
                responder,
                made: candidate.estimated_arrival,
                again: other.estimated_arrival,
            });
        }
        if rank != rank_again {
            differences.push(Difference::Rank {
                responder,
                made: rank,
                again: rank_again,
            });
        }
    }
    differences
}
