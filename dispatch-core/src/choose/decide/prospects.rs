//! Who could be worth most, without working everybody out. Of a crowd of thousands the choice takes four; for nearly all the
//! others it is enough to know how soon they would be there at the best, and that nobody later is worth more.
//!
//! ```text
//! bound    chance of coming x the most that any arrival from the fast one on is worth now     a few numbers each
//! exact    chance of coming x (0.3 worth[fast] + 0.4 worth[median] + 0.3 worth[slow])         for those the bound leaves
//! ```
//! The bound is loosened by more than sums of such numbers are ever rounded by, so that the best found, and what it is
//! worth, are the same in every bit as if everybody were worked out.

use super::{Decision, Offer, Policy, Stakes, Travel, Verdict, offers, permille, price, tie};
use crate::choose::stakes::{Limits, step_of};

/// Survival is between 0 and 1, and a dozen roundings of such numbers add up to less than this.
const LOOSENED_BY: f64 = 1e-12;

/// Those among whom the choice is, in order of the candidates, so that the soonest are looked at first.
pub(super) struct Prospects(Vec<Prospect>);

/// What of a candidate decides whether to look closer, 32 bytes.
struct Prospect {
    candidate: u32,
    /// The steps in which they would be there at the best: going straight, and by each of the defibrillators;
    /// [`NEVER`] = it cannot be worth an alert.
    steps: [u8; 3],
    acceptance_permille: u16,
    aed_permille: [u16; 2],
    price: f64,
}

/// Later than the last step.
const NEVER: u8 = u8::MAX;

impl Prospects {
    /// Everybody to whom the choice is open and who could be worth an alert, whoever else comes.
    pub(super) fn new(policy: &Policy, travel: &Travel<'_>, decision: &Decision, stakes: &Stakes) -> Self {
        let most = stakes.most();
        let mut prospects = Vec::new();
        for (index, candidate) in decision.candidates.iter().enumerate() {
            if candidate.verdict != Verdict::EnoughSooner {
                continue;
            }
            let (traveller, price) = (travel.of(candidate), price(policy, candidate));
            let acceptance = permille(candidate.acceptance_permille);
            let may_be = |most: f64| acceptance * most + LOOSENED_BY > price;
            let step = |time, most: &[f64]| {
                let step = u8::try_from(step_of(time)).unwrap_or(NEVER);
                if may_be(at(most, step)) { step } else { NEVER }
            };
            let mut prospect = Prospect {
                candidate: u32::try_from(index).expect("a decision has fewer than four billion candidates"),
                steps: [step(traveller.fast_direct(), &most.cpr), NEVER, NEVER],
                acceptance_permille: candidate.acceptance_permille,
                aed_permille: [0; 2],
                price,
            };
            for (number, option) in candidate.aeds.iter().enumerate() {
                if let Some(option) = option {
                    prospect.steps[number + 1] = step(traveller.fast_by_way_of_aed(option.way), &most.aed);
                    prospect.aed_permille[number] = option.chance_permille;
                }
            }
            if prospect.steps != [NEVER; 3] {
                prospects.push(prospect);
            }
        }
        Self(prospects)
    }

    /// The offer that adds most beyond its price, if any adds more; of those that add the same the first by [`tie`].
    pub(super) fn best(
        &self,
        policy: &Policy,
        travel: &Travel<'_>,
        decision: &Decision,
        stakes: &Stakes,
        is_wanted: impl Fn(&Offer) -> bool,
    ) -> Option<Offer> {
        let limits = stakes.limits();
        let mut best: Option<(f64, Offer)> = None;
        for prospect in &self.0 {
            if prospect.net_at_most(&limits) < best.as_ref().map_or(0.0, |(net, _)| *net) {
                continue;
            }
            let index = prospect.candidate as usize;
            for offer in offers(policy, travel, index, &decision.candidates[index]) {
                if !offer.may_be_worth_it(stakes) || !is_wanted(&offer) {
                    continue;
                }
                let net = offer.net(stakes);
                let is_better = match &best {
                    Some((most, first)) => {
                        net > *most || (net == *most && tie(decision, &offer) < tie(decision, first))
                    }
                    None => net > 0.0,
                };
                if is_better {
                    best = Some((net, offer));
                }
            }
        }
        best.map(|(_, offer)| offer)
    }

    /// Somebody was chosen.
    pub(super) fn remove(&mut self, candidate: usize) {
        self.0.retain(|prospect| prospect.candidate as usize != candidate);
    }
}

impl Prospect {
    /// No offer of theirs adds more than this beyond its price.
    fn net_at_most(&self, limits: &Limits) -> f64 {
        let [direct, by_aeds @ ..] = self.steps;
        let mut most = at(&limits.cpr, direct);
        for (step, aed_permille) in by_aeds.into_iter().zip(self.aed_permille) {
            let there = permille(aed_permille);
            most = most.max(there * at(&limits.aed, step) + (1.0 - there).max(0.0) * at(&limits.cpr, step));
        }
        permille(self.acceptance_permille) * most + LOOSENED_BY - self.price
    }
}

/// Later than the last step nothing is worth anything.
fn at(limits: &[f64], step: u8) -> f64 {
    limits.get(usize::from(step)).copied().unwrap_or(0.0)
}
