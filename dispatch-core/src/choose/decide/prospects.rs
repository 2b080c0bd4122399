//! Who could be worth most, without working everybody out. Of a crowd of thousands the choice takes four; for nearly all the
//! others it is enough to know in which steps they would be there, and that nobody later is worth more.
//!
//! ```text
//! bound    chance of coming x (0.3 most[fast] + 0.7 most[median])     most[s]: of all arrivals from s on
//! exact    chance of coming x (0.3 worth[fast] + 0.4 worth[median] + 0.3 worth[slow]), for those the bound leaves
//! ```
//! The bound is loosened by more than sums of such numbers are ever rounded by, so that the best found, and what it is
//! worth, are the same in every bit as if everybody were worked out.

use std::time::Duration;

use super::{Candidate, Decision, Offer, Policy, Stakes, Travel, Verdict, offers, permille, price, tie};
use crate::choose::stakes::{LOOSENED_BY, Limits, step_of};

/// Those among whom the choice is, in order of the candidates, so that the soonest are looked at first.
pub(super) struct Prospects(Vec<Prospect>);

/// What of a candidate decides whether to look closer, 24 bytes.
struct Prospect {
    candidate: u32,
    /// Going straight, and by each of the defibrillators.
    soonest: [Soonest; 3],
    acceptance_permille: u16,
    aed_permille: [u16; 2],
    price: f64,
}

/// The steps in which somebody would be there, fast and median; slow is not before that.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Soonest {
    fast: u8,
    median: u8,
}

impl Soonest {
    /// Later than the last step: for what cannot be worth an alert.
    const NEVER: Self = Self {
        fast: u8::MAX,
        median: u8::MAX,
    };

    fn of(fast: Duration, median: Duration) -> Self {
        let step = |time| u8::try_from(step_of(time)).unwrap_or(u8::MAX);
        Self {
            fast: step(fast),
            median: step(median),
        }
    }

    /// Nothing at or after these steps is worth more.
    fn most(self, limits: &[f64]) -> f64 {
        let at = |step: u8| limits.get(usize::from(step)).copied().unwrap_or(0.0);
        0.3 * at(self.fast) + 0.7 * at(self.median)
    }
}

impl Prospects {
    /// Everybody to whom the choice is open and who could be worth an alert, whoever else comes.
    pub(super) fn new(policy: &Policy, travel: &Travel<'_>, decision: &Decision, stakes: &Stakes) -> Self {
        let most = stakes.most();
        let mut prospects = Vec::new();
        for (index, candidate) in (0..).zip(&decision.candidates) {
            if candidate.verdict == Verdict::EnoughSooner {
                prospects.extend(Prospect::of(policy, travel, index, candidate, &most));
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
    /// `None` for somebody who cannot be worth an alert; `most` is what an arrival is worth at most, whoever else comes.
    fn of(policy: &Policy, travel: &Travel<'_>, index: u32, candidate: &Candidate, most: &Limits) -> Option<Self> {
        let (traveller, price) = (travel.of(candidate), price(policy, candidate));
        let acceptance = permille(candidate.acceptance_permille);
        let unless_hopeless = |soonest: Soonest, most: &[f64]| {
            let may_be_worth_it = acceptance * soonest.most(most) + LOOSENED_BY > price;
            if may_be_worth_it { soonest } else { Soonest::NEVER }
        };
        let direct = Soonest::of(traveller.fast_direct(), candidate.estimated_arrival);
        let mut soonest = [unless_hopeless(direct, &most.cpr), Soonest::NEVER, Soonest::NEVER];
        let mut aed_permille = [0; 2];
        for (number, option) in candidate.aeds.iter().enumerate() {
            if let Some(option) = option {
                let (fast, median) = traveller.fast_and_median_by_way_of_aed(option.way);
                soonest[number + 1] = unless_hopeless(Soonest::of(fast, median), &most.aed);
                aed_permille[number] = option.chance_permille;
            }
        }
        (soonest != [Soonest::NEVER; 3]).then_some(Self {
            candidate: index,
            soonest,
            acceptance_permille: candidate.acceptance_permille,
            aed_permille,
            price,
        })
    }

    /// No offer of theirs adds more than this beyond its price.
    fn net_at_most(&self, limits: &Limits) -> f64 {
        let [direct, by_aeds @ ..] = self.soonest;
        let mut most = direct.most(&limits.cpr);
        for (soonest, aed_permille) in by_aeds.into_iter().zip(self.aed_permille) {
            let there = permille(aed_permille);
            let by_aed = there * soonest.most(&limits.aed) + (1.0 - there).max(0.0) * soonest.most(&limits.cpr);
            most = most.max(by_aed);
        }
        permille(self.acceptance_permille) * most + LOOSENED_BY - self.price
    }
}

#[cfg(test)]
#[path = "prospects_tests.rs"]
mod tests;
