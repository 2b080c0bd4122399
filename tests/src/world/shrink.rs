//! Makes a failing plan smaller: takes events out, halves first, then quarters, down to single ones, as long as the same
//! promise is broken. Since each event stands by itself, what is left still makes sense.

use super::{Outcome, plan::Plan, run};

/// Runs spent on one plan at most: enough for some hundred events, over in seconds.
const RUNS_MAX: usize = 400;

/// The smallest plan found that breaks the same promise, with what came of it.
pub fn shrink(plan: &Plan, outcome: Outcome) -> (Plan, Outcome) {
    let Some(promise) = outcome.violation.as_ref().map(|violation| violation.promise) else {
        return (plan.clone(), outcome);
    };
    shrink_with(plan, outcome, |plan| {
        let outcome = run(plan);
        let same = outcome
            .violation
            .as_ref()
            .is_some_and(|violation| violation.promise == promise);
        same.then_some(outcome)
    })
}

/// The same with any idea of failing: `fails` gives what came of a plan that does.
fn shrink_with<T>(plan: &Plan, outcome: T, mut fails: impl FnMut(&Plan) -> Option<T>) -> (Plan, T) {
    let (mut smallest, mut came_of_it) = (plan.clone(), outcome);
    let mut runs = 0;
    let mut piece = smallest.events.len().div_ceil(2).max(1);
    loop {
        let mut from = 0;
        let mut smaller = false;
        while from < smallest.events.len() && runs < RUNS_MAX {
            let mut plan = smallest.clone();
            plan.events.drain(from..(from + piece).min(smallest.events.len()));
            runs += 1;
            match fails(&plan) {
                Some(outcome) => {
                    (smallest, came_of_it) = (plan, outcome);
                    smaller = true;
                }
                None => from += piece,
            }
        }
        if runs >= RUNS_MAX || (piece == 1 && !smaller) {
            return (smallest, came_of_it);
        }
        piece = piece.div_ceil(2).max(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::draw;

    #[test]
    fn only_what_is_needed_is_left() {
        let plan = (0..)
            .map(draw::plan)
            .find(|plan| plan.events.len() > 30)
            .expect("there are such");
        let needed = [plan.events[3].ordinal, plan.events[20].ordinal];
        let holds = |plan: &Plan| {
            let there = |ordinal| plan.events.iter().any(|event| event.ordinal == ordinal);
            needed.into_iter().all(there).then_some(())
        };
        let (smallest, ()) = shrink_with(&plan, (), holds);
        let left: Vec<u64> = smallest.events.iter().map(|event| event.ordinal).collect();
        assert_eq!(left, needed);
    }
}
