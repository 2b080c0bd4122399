//! Why the others were not asked: everybody nearer than the farthest person asked by name, then all by reason.

use dispatch_core::{
    choose::{Weighing, Worth},
    policy::{Policy, Ranking},
    position::Metres,
    record::{Candidate, Decision, Verdict},
};

use super::words::{people, points, reason, span};

/// Of each reason, so many are named: enough to see how near the nearest were.
const NAMED: usize = 3;

/// Those not asked, in lines.
pub fn explain(decision: &Decision, policy: Option<&Policy>, weighing: Option<&Weighing>) -> Vec<String> {
    let mut others: Vec<(usize, &Candidate)> = decision.candidates.iter().enumerate().collect();
    others.retain(|(_, candidate)| candidate.verdict != Verdict::Asked);
    others.sort_by_key(|(_, candidate)| (candidate.distance, candidate.responder));
    if others.is_empty() {
        return vec!["  Nobody else was within reach".to_owned()];
    }
    let why = |&(place, candidate): &(usize, &Candidate)| {
        let weighed = weighing.and_then(|weighing| weighing.left.iter().find(|left| left.candidate == place));
        because(decision, candidate, policy, weighed)
    };
    let mut lines = Vec::new();
    if let Some(farthest) = farthest_asked(decision) {
        let nearer: Vec<_> = others.iter().filter(|(_, other)| other.distance < farthest).collect();
        lines.push(format!(
            "  Nearer than the farthest person asked, {farthest} away, and not asked: {}",
            people(nearer.len())
        ));
        lines.extend(
            nearer
                .into_iter()
                .map(|other| format!("    {}: {}", whereabouts(other.1), why(other))),
        );
    }
    lines.push(format!("  All who were not asked, by reason: {}", people(others.len())));
    let mut verdicts: Vec<Verdict> = Vec::new();
    for (_, other) in &others {
        if !verdicts.contains(&other.verdict) {
            verdicts.push(other.verdict);
        }
    }
    for verdict in verdicts {
        let group: Vec<_> = others.iter().filter(|(_, other)| other.verdict == verdict).collect();
        lines.push(format!(
            "    {}: {}",
            reason_by(decision, policy, verdict),
            people(group.len())
        ));
        lines.extend(
            group
                .iter()
                .take(NAMED)
                .map(|other| format!("      {}", whereabouts(other.1))),
        );
        if let Some(rest) = group.len().checked_sub(NAMED).filter(|rest| *rest > 0) {
            lines.push(format!(
                "      and {rest} more, {} away and farther",
                group[NAMED].1.distance
            ));
        }
    }
    lines
}

fn farthest_asked(decision: &Decision) -> Option<Metres> {
    let asked = decision
        .candidates
        .iter()
        .filter(|candidate| candidate.verdict == Verdict::Asked);
    asked.map(|candidate| candidate.distance).max()
}

fn whereabouts(candidate: &Candidate) -> String {
    format!(
        "{}, {} away, there in {}",
        candidate.responder,
        candidate.distance,
        span(candidate.estimated_arrival)
    )
}

/// The reason for a group. Where survival decides, who is left over is not merely later; nobody is sooner for a shift.
fn reason_by(decision: &Decision, policy: Option<&Policy>, verdict: Verdict) -> &'static str {
    match (policy.map(|policy| policy.ranking), verdict) {
        (_, Verdict::EnoughSooner) if decision.call_out.is_some() => "enough nearer ones are asked",
        (_, Verdict::Quiet) if decision.call_out.is_some() => "in their quiet hours",
        (Some(Ranking::Survival), Verdict::EnoughSooner) => {
            "adds too little to the chance of survival, or less than those asked"
        }
        _ => reason(verdict),
    }
}

/// The reason for one person, with what they would have added where the choice looked at it.
fn because(decision: &Decision, candidate: &Candidate, policy: Option<&Policy>, weighed: Option<&Worth>) -> String {
    let by_worth = policy.is_some_and(|policy| policy.ranking == Ranking::Survival);
    let Some(worth) = weighed.filter(|_| by_worth && candidate.verdict == Verdict::EnoughSooner) else {
        return reason_by(decision, None, candidate.verdict).to_owned();
    };
    let adds = points(worth.survival);
    if worth.survival > worth.price {
        return format!(
            "adds less than those asked: {adds} percentage points on top of them, and no more people were to be asked"
        );
    }
    format!(
        "adds too little: {adds} percentage points on top of those asked, and an alert must add more than {}",
        points(worth.price)
    )
}
