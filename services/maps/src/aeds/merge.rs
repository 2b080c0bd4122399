//! One defibrillator told twice is one defibrillator.

use std::collections::BTreeMap;

use dispatch_core::{aeds::Access, position::Metres};

use super::{AedEntry, Problem, Remedy, note};

/// Two of the same name as close as this are one, told twice: a step or two, and less than the error of any map.
const SAME_WITHIN: Metres = Metres::new(5);

/// The entries, each defibrillator once, where it came first.
pub fn merged(entries: Vec<AedEntry>, problems: &mut Vec<Problem>) -> Vec<AedEntry> {
    let mut kept: Vec<AedEntry> = Vec::with_capacity(entries.len());
    let mut by_reference: BTreeMap<String, usize> = BTreeMap::new();
    let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for entry in entries {
        let same_reference = by_reference.get(&entry.external_ref).copied();
        let is_here = |at: &usize| kept[*at].position.distance_to(entry.position) <= SAME_WITHIN;
        let named_alike = || by_name.get(&entry.name)?.iter().copied().find(is_here);
        let (first, why) = match same_reference {
            Some(first) => (Some(first), "has the same reference"),
            None => (
                named_alike().filter(|_| !entry.name.is_empty()),
                "has the same name and is within 5 m",
            ),
        };
        let Some(first) = first else {
            by_reference.insert(entry.external_ref.clone(), kept.len());
            by_name.entry(entry.name.clone()).or_default().push(kept.len());
            kept.push(entry);
            continue;
        };
        let message = format!(
            "line {} {why}; what only this one says is added to it",
            kept[first].line
        );
        note(problems, entry.line, Remedy::Merged, message);
        add(&mut kept[first], entry);
    }
    kept
}

/// Adds what only the later one says. Either of them may say that it is out of service.
fn add(first: &mut AedEntry, later: AedEntry) {
    let fill = |known: &mut String, told: String| {
        if known.is_empty() {
            *known = told;
        }
    };
    fill(&mut first.name, later.name);
    fill(&mut first.address, later.address);
    fill(&mut first.postcode, later.postcode);
    fill(&mut first.notes, later.notes);
    fill(&mut first.cabinet_code, later.cabinet_code);
    fill(&mut first.opening_hours, later.opening_hours);
    if first.access == Access::Unknown {
        first.access = later.access;
    }
    first.accuracy = first.accuracy.or(later.accuracy);
    first.indoor = first.indoor.or(later.indoor);
    first.level = first.level.take().or(later.level);
    first.out_of_service |= later.out_of_service;
    first.confirmed_at = first.confirmed_at.max(later.confirmed_at);
}
