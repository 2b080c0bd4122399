//! One decision explained for somebody who knows the work and no software: what was known, who was in play, who was asked
//! for what and what that was worth. Numbers are those of the record; nothing is looked up elsewhere.

use dispatch_core::{
    alert::PlannedAlert,
    choose::{Added, Weighing, weigh},
    policy::{Policy, Ranking},
    record::{Candidate, Decision, InPlay, IncidentReported},
};

use super::{
    call_out, not_asked,
    shelf::NoPolicy,
    words::{arrival, chance, mode, people, points, ranking, span, task},
};
use crate::report_time::time_of_day;

/// The decision in lines; `report` is the newest before it.
pub fn explain(
    decision: &Decision,
    policy: Result<&Policy, NoPolicy>,
    report: Option<&IncidentReported>,
) -> Vec<String> {
    if let Some(calling) = decision.call_out {
        let wanted = report.and_then(|report| report.call_out.as_deref());
        let mut lines = vec![heading(decision, report), "  What was known".to_owned()];
        lines.extend(call_out::known(decision, calling, wanted));
        lines.extend(call_out::asked(decision));
        lines.extend(not_asked::explain(decision, None, None));
        return lines;
    }
    let weighing = policy.as_ref().ok().map(|policy| weigh(policy, decision));
    let mut lines = vec![heading(decision, report), "  What was known".to_owned()];
    lines.extend(known(decision, &policy, weighing.as_ref()));
    lines.extend(in_play(decision));
    lines.extend(asked(decision, &policy, weighing.as_ref()));
    lines.extend(not_asked::explain(decision, policy.ok(), weighing.as_ref()));
    lines
}

fn heading(decision: &Decision, report: Option<&IncidentReported>) -> String {
    let mut line = format!(
        "Decision {} at {}, {} after the incident was first heard of",
        decision.wave,
        time_of_day(decision.decided_at),
        span(decision.since_report)
    );
    if let Some(connected) = report.and_then(|report| report.call_connected_at) {
        let since = span(decision.decided_at.since(connected));
        line += &format!(" and {since} after the call was connected, by the control room's clock");
    }
    line
}

fn known(decision: &Decision, policy: &Result<&Policy, NoPolicy>, weighing: Option<&Weighing>) -> Vec<String> {
    let rules = &decision.policy;
    let by = match policy {
        Ok(policy) => ranking(policy.ranking).to_owned(),
        Err(missing) => missing.to_string(),
    };
    let roads = match decision.roads {
        Some(_) => "ways along the streets".to_owned(),
        None => match policy {
            Ok(policy) => format!(
                "no street map; ways are straight lines made longer by {} %",
                policy.detour_permille.saturating_sub(1_000) / 10
            ),
            Err(_) => "no street map; ways are straight lines made longer".to_owned(),
        },
    };
    let before = match decision.asked_before {
        0 => "nobody had been asked before".to_owned(),
        before => format!("{} had been asked before", people(before as usize)),
    };
    vec![
        format!("    the place, to within {}", decision.place.accuracy),
        format!("    {}", ambulance(decision, weighing)),
        format!("    {roads}"),
        format!("    the rules '{}' version {}: {by}", rules.name, rules.version),
        format!(
            "    up to {} were to be asked; {before}",
            people(decision.sought as usize)
        ),
    ]
}

fn ambulance(decision: &Decision, weighing: Option<&Weighing>) -> String {
    let taken = weighing.map(|weighing| arrival(&weighing.ambulance));
    let assumed = taken
        .as_ref()
        .map_or_else(String::new, |taken| format!("; taken to come {taken}"));
    match decision.ambulance_at {
        None => format!("when the ambulance would come was not known{assumed}"),
        Some(at) if at >= decision.decided_at => {
            let left = span(at.since(decision.decided_at));
            format!(
                "the ambulance was expected {}",
                taken.unwrap_or_else(|| format!("in {left}"))
            )
        }
        Some(at) => format!(
            "the ambulance had been expected {} before{assumed}",
            span(decision.decided_at.since(at))
        ),
    }
}

fn in_play(decision: &Decision) -> Vec<String> {
    if decision.in_play.is_empty() {
        return vec!["  Nobody else was in play".to_owned()];
    }
    let line = |person: &InPlay| {
        let when = if person.arrival.slow.is_zero() {
            "there already".to_owned()
        } else {
            format!("there {}", arrival(&person.arrival))
        };
        format!(
            "    {}: asked {}; {when}; comes with a chance of {}",
            person.responder,
            task(person.role),
            chance(person.chance_permille)
        )
    };
    let mut lines = vec![format!("  In play already: {}", people(decision.in_play.len()))];
    lines.extend(decision.in_play.iter().map(line));
    lines
}

fn asked(decision: &Decision, policy: &Result<&Policy, NoPolicy>, weighing: Option<&Weighing>) -> Vec<String> {
    let mut lines = vec![format!(
        "  Asked: {} of {} within reach",
        decision.alerts.len(),
        decision.candidates.len()
    )];
    for (number, plan) in (1..).zip(&decision.alerts) {
        let candidate = decision
            .candidates
            .iter()
            .find(|candidate| candidate.responder == plan.responder);
        lines.push(format!(
            "    {number}. {} {}, there {}",
            plan.responder,
            task(plan.role),
            arrival(&plan.arrival)
        ));
        lines.extend(candidate.map(|candidate| format!("       {}", whereabouts(candidate))));
        let Ok(policy) = policy else {
            continue;
        };
        lines.push(format!(
            "       likely to accept: {}{}",
            chance(plan.acceptance_permille),
            aed(plan, candidate)
        ));
        let added = weighing.and_then(|weighing| added_by(decision, weighing, plan));
        lines.extend(added.map(|added| format!("       {}", worth(decision, policy, added))));
    }
    lines
}

/// What is known of where somebody is.
fn whereabouts(candidate: &Candidate) -> String {
    let way = candidate
        .way
        .map_or_else(String::new, |way| format!(", {way} by the streets"));
    format!(
        "{} away{way} (to within {}, position {} old), {}",
        candidate.distance,
        candidate.accuracy,
        span(candidate.fix_age),
        mode(candidate.mode)
    )
}

fn aed(plan: &PlannedAlert, candidate: Option<&Candidate>) -> String {
    let option = plan.role.aed().and_then(|aed| {
        let options = candidate?.aeds.iter().flatten();
        options.clone().find(|option| option.aed == aed)
    });
    option.map_or_else(String::new, |option| {
        let there = chance(option.chance_permille);
        format!(
            "; the defibrillator is there and within reach with a chance of {there}; the whole way is {}",
            option.way
        )
    })
}

fn added_by<'a>(decision: &Decision, weighing: &'a Weighing, plan: &PlannedAlert) -> Option<&'a Added> {
    let mut asked = weighing.asked.iter();
    asked.find(|added| decision.candidates[added.worth.candidate].responder == plan.responder)
}

fn worth(decision: &Decision, policy: &Policy, added: &Added) -> String {
    let next = added.next.map_or_else(
        || "nobody else could have been asked".to_owned(),
        |next| {
            let person = decision.candidates[next.candidate].responder;
            format!(
                "{person}, the best of those not asked, would have added {}",
                points(next.survival)
            )
        },
    );
    let weighed = match policy.ranking {
        Ranking::Survival => "",
        Ranking::Nearest | Ranking::Soonest => " (these rules did not look at this)",
    };
    format!(
        "being asked adds {} percentage points to the modelled chance of survival; {next}{weighed}",
        points(added.worth.survival)
    )
}

#[cfg(test)]
mod tests {
    use dispatch_core::record::PolicyRef;

    use super::*;
    use crate::audit::scene::{decided_by, decision, policy};

    #[test]
    fn a_decision_is_explained_as_in_the_sample() {
        let found = explain(&decision(), Ok(&policy()), None).join("\n");
        let sample = include_str!("why_sample.txt").trim_end();
        assert_eq!(found, sample, "\n{found}\n");
    }

    #[test]
    fn rules_that_do_not_look_at_survival_say_so() {
        let policy = Policy::soonest();
        let found = explain(&decided_by(&policy), Ok(&policy), None).join("\n");
        assert!(found.contains("(these rules did not look at this)"), "{found}");
        assert!(!found.contains("an alert must add more than"), "{found}");
    }

    #[test]
    fn a_decision_from_before_policies_were_written_down_makes_nothing_up() {
        let mut made = decision();
        made.policy = PolicyRef {
            number: 0,
            ..made.policy
        };
        let found = explain(&made, Err(NoPolicy::FromBefore), None).join("\n");
        assert!(
            found.contains("recorded before decisions could be made again"),
            "{found}"
        );
        assert!(
            !found.contains("percentage points") && !found.contains("likely to accept"),
            "{found}"
        );
    }
}
