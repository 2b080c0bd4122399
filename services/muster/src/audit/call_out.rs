//! A call-out in words: what people were wanted for, and who was asked.

use dispatch_core::{
    call_out::{CallOut, Shift},
    record::{Calling, Decision},
};

use super::words::{chance, people, span};
use crate::report_time::utc;

/// What was known when a wave of a call-out was decided; `call_out` is from the newest report before it.
pub fn known(decision: &Decision, calling: Calling, call_out: Option<&CallOut>) -> Vec<String> {
    let asleep = if calling.wake {
        "and those in their quiet hours as well"
    } else {
        "and nobody in their quiet hours"
    };
    let rules = &decision.policy;
    let mut lines = vec![format!("    {}", meant(call_out))];
    lines.extend(
        call_out
            .into_iter()
            .flat_map(CallOut::shifts)
            .map(|shift| format!("    {}", wanted(shift))),
    );
    lines.push(format!("    the nearest to the muster point are asked, {asleep}"));
    lines.push(format!("    the rules '{}' version {}", rules.name, rules.version));
    lines.push(format!(
        "    up to {} were to be asked; {} had been asked before",
        people(decision.sought as usize),
        people(decision.asked_before as usize)
    ));
    lines
}

fn meant(call_out: Option<&CallOut>) -> String {
    let Some(call_out) = call_out else {
        return "a call-out for shifts".to_owned();
    };
    let area = match call_out.outline().len() {
        0 => "within the rules' reach of the muster point".to_owned(),
        corners => format!("in its area of {corners} corners"),
    };
    match call_out.skill() {
        Some(skill) => format!(
            "a call-out for shifts, for those {area} with the skill '{}'",
            skill.as_str()
        ),
        None => format!("a call-out for shifts, for those {area}"),
    }
}

/// A shift in words.
pub fn wanted(shift: &Shift) -> String {
    let (number, from, to) = (shift.number.get(), utc(shift.starts_at), utc(shift.ends_at));
    format!(
        "shift {number}, {from} to {to}: {} wanted",
        people(shift.wanted as usize)
    )
}

/// Who was asked, a line each.
pub fn asked(decision: &Decision) -> Vec<String> {
    let mut lines = vec![format!(
        "  Asked to come for a shift: {} of {} considered",
        decision.alerts.len(),
        decision.candidates.len()
    )];
    for (number, plan) in (1..).zip(&decision.alerts) {
        let mut candidates = decision.candidates.iter();
        let candidate = candidates.find(|candidate| candidate.responder == plan.responder);
        let away = candidate.map_or_else(String::new, |candidate| {
            let age = span(candidate.fix_age);
            format!(", {} from the muster point (position {age} old)", candidate.distance)
        });
        let accepts = chance(plan.acceptance_permille);
        lines.push(format!(
            "    {number}. {}{away}; accepts calls to patients with a chance of {accepts}",
            plan.responder
        ));
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use dispatch_core::{
        call_out::ShiftNumber, choose::decide, policy::Policy, position::Position, record::Verdict, responder::Skill,
    };

    use super::*;
    use crate::audit::{scene, why};

    #[test]
    fn a_call_out_is_explained_by_its_area_skill_and_shifts_and_not_by_survival() {
        let corners = [(51.4, -0.2), (51.4, 0.0), (51.6, 0.0)];
        let outline = corners.map(|(latitude, longitude)| Position::from_degrees(latitude, longitude).expect("valid"));
        let shift = Shift {
            number: ShiftNumber::new(2).expect("1 to 32"),
            starts_at: scene::NOW,
            ends_at: scene::NOW + Duration::from_secs(8 * 3_600),
            wanted: 40,
        };
        let call_out = CallOut::new(outline.to_vec(), Skill::new("boat"), false, vec![shift]).expect("valid");
        let policy = Policy::default();
        let mut decision = scene::decided_by(&policy);
        decision.in_play.clear();
        decision.ambulance_at = None;
        decision.call_out = Some(Calling { wake: false });
        decision.candidates[1].quiet = true;
        let chosen = decide(&policy, &mut decision);
        decision.alerts = scene::planned(&policy, &decision, &chosen);
        let report = scene::report_of(call_out);
        let found = why::explain(&decision, Ok(&policy), Some(&report)).join("\n");
        for part in [
            "in its area of 3 corners with the skill 'boat'",
            "shift 2, 2026-09-21T",
            ": 40 people wanted",
            "and nobody in their quiet hours",
            "  Asked to come for a shift: 4 of 12 considered",
            "in their quiet hours: 1 person",
            "enough nearer ones are asked: 1 person",
        ] {
            assert!(found.contains(part), "{part}\n{found}");
        }
        assert!(!found.contains("survival") && !found.contains("ambulance"), "{found}");
        assert!(
            decision
                .candidates
                .iter()
                .any(|candidate| candidate.verdict == Verdict::Quiet)
        );
    }
}
