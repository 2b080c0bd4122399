//! What one more person would be worth: modelled survival, given who is in play already.
//!
//! Time from now on is cut into steps. Those who go straight there bring CPR, those who come by way of a defibrillator
//! bring CPR and a shock; the first of each counts, and the ambulance brings both in any case.
//!
//! ```text
//! alone[s]    chance that nobody of a role has arrived by step s: the product over people of (1 - chance x arrived by s)
//! worth[s]    E[survival | somebody of the role surely arrives at s] - E[survival as things stand]
//! a person    chance of coming x (0.3 worth[fast] + 0.4 worth[median] + 0.3 worth[slow])
//! ```
//! `worth` never grows with time when the curve does not, so a sooner person is never worth less than a later one.

use std::time::Duration;

use super::arrival::Arrival;
use crate::{
    policy::Policy,
    survival::{Link, SurvivalCurve},
};

/// Ten seconds a step: a tenth of the turnout, and a hundredth of a survival point under the steepest curve.
const STEP_MS: u64 = 10_000;
/// Twenty minutes at most. England's ambulances reach nine tenths of the most urgent calls within 15 (response standard of
/// category 1); who comes later than this is worth nothing here.
const STEPS_MAX: usize = 120;

/// Survival is between 0 and 1, and a dozen roundings of such numbers add up to less than this.
pub const LOOSENED_BY: f64 = 1e-12;

/// When the ambulance comes, from now: 10th, 50th and 90th percentile.
pub type Ambulance = Arrival;

/// What a role brings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Brings {
    /// Hands.
    Cpr,
    /// Hands and a defibrillator.
    Aed,
}

/// The patient's chances as they stand, and what would better them.
pub struct Stakes {
    /// Steps until the crew has surely come and shocked: what happens later changes nothing. One more stands for "never".
    steps: usize,
    /// Expected survival with the first hands at one step and the first defibrillator at another, the ambulance's own
    /// times taken in; row by row.
    survival: Vec<f64>,
    /// Chance that nobody has brought hands alone by the end of each step.
    no_cpr: Vec<f64>,
    /// The same for defibrillators.
    no_aed: Vec<f64>,
    worth_cpr: Vec<f64>,
    worth_aed: Vec<f64>,
    /// What an arrival at each step could be worth at most, whoever else comes.
    ceiling_cpr: Vec<f64>,
    ceiling_aed: Vec<f64>,
}

impl Stakes {
    /// The stakes with nobody in play: the patient collapsed `since_collapse` ago, and the ambulance is on its way.
    pub fn new(policy: &Policy, since_collapse: Duration, ambulance: Ambulance) -> Self {
        let crew_shock = ambulance.slow + policy.joint.crew_shock_after;
        let steps = (step_of(crew_shock) + 1).min(STEPS_MAX);
        let len = steps + 1;
        let mut stakes = Self {
            steps,
            survival: table(policy, since_collapse, ambulance, steps),
            no_cpr: vec![1.0; len],
            no_aed: vec![1.0; len],
            worth_cpr: vec![0.0; len],
            worth_aed: vec![0.0; len],
            ceiling_cpr: vec![0.0; len],
            ceiling_aed: vec![0.0; len],
        };
        stakes.take_ceilings();
        stakes.weigh();
        stakes
    }

    /// Takes a person into play who comes with this chance, 0 to 1.
    pub fn add(&mut self, brings: Brings, chance: f64, arrival: &Arrival) {
        let nobody = match brings {
            Brings::Cpr => &mut self.no_cpr,
            Brings::Aed => &mut self.no_aed,
        };
        // By the end of the step in which they arrive they are there.
        for (step, nobody) in nobody.iter_mut().enumerate().take(self.steps) {
            *nobody *= 1.0 - chance * share_by(arrival, step);
        }
        self.weigh();
    }

    /// What a person would add to the chance of survival who comes with this chance.
    pub fn worth(&self, brings: Brings, chance: f64, arrival: &Moments) -> f64 {
        let worth = match brings {
            Brings::Cpr => &self.worth_cpr,
            Brings::Aed => &self.worth_aed,
        };
        chance * arrival.weigh(worth)
    }

    /// What an arrival could be worth at most, whoever else comes: nobody is looked at again for whom this is too little.
    pub fn ceiling(&self, brings: Brings, arrival: &Moments) -> f64 {
        let ceiling = match brings {
            Brings::Cpr => &self.ceiling_cpr,
            Brings::Aed => &self.ceiling_aed,
        };
        arrival.weigh(ceiling)
    }

    /// What nothing that arrives in or after a step is worth more than, as things stand.
    pub fn limits(&self) -> Limits {
        Limits {
            cpr: from_the_back(&self.worth_cpr),
            aed: from_the_back(&self.worth_aed),
        }
    }

    /// The same whoever else comes: the limit of [`Self::ceiling`].
    pub fn most(&self) -> Limits {
        Limits {
            cpr: from_the_back(&self.ceiling_cpr),
            aed: from_the_back(&self.ceiling_aed),
        }
    }

    /// From this time on nobody who comes with up to this chance adds more than `price`, whoever else comes; `None` = always.
    pub fn worth_until(&self, chance: f64, price: f64) -> Option<Duration> {
        let most = self.most();
        let late = |(cpr, aed): (&f64, &f64)| chance * cpr.max(*aed) + LOOSENED_BY <= price;
        let step = most.cpr.iter().zip(&most.aed).position(late)?;
        Some(Duration::from_millis(STEP_MS) * u32::try_from(step).ok()?)
    }

    /// An arrival replaces "never" at the most; what that gains is the most over all arrivals of the other role.
    fn take_ceilings(&mut self) {
        let len = self.steps + 1;
        let survival = |first_cpr: usize, first_aed: usize| self.survival[first_cpr * len + first_aed];
        let mut ceilings = (vec![0.0_f64; len], vec![0.0_f64; len]);
        for step in 0..len {
            for other in 0..len {
                let by_cpr = survival(step, other) - survival(self.steps, other);
                let by_aed = survival(other, step) - survival(other, self.steps);
                ceilings.0[step] = ceilings.0[step].max(by_cpr);
                ceilings.1[step] = ceilings.1[step].max(by_aed);
            }
        }
        // Whoever brings one without a defibrillator brings hands all the same.
        let hands = ceilings.0.iter();
        ceilings
            .1
            .iter_mut()
            .zip(hands)
            .for_each(|(aed, cpr)| *aed = aed.max(*cpr));
        (self.ceiling_cpr, self.ceiling_aed) = ceilings;
    }

    /// Works out what an arrival at each step would be worth.
    fn weigh(&mut self) {
        let (cpr, aed) = (masses(&self.no_cpr), masses(&self.no_aed));
        let len = self.steps + 1;
        let mut given_cpr = vec![0.0; len];
        let mut given_aed = vec![0.0; len];
        for first_cpr in 0..len {
            let row = &self.survival[first_cpr * len..(first_cpr + 1) * len];
            let mut expected = 0.0;
            for (first_aed, &survival) in row.iter().enumerate() {
                expected += aed[first_aed] * survival;
                given_aed[first_aed] += cpr[first_cpr] * survival;
            }
            given_cpr[first_cpr] = expected;
        }
        self.worth_cpr = worth(&given_cpr, &cpr);
        self.worth_aed = worth(&given_aed, &aed);
    }
}

/// By step, the most that an arrival in it or later is worth; 0 or more, since one after the last step is worth nothing.
pub struct Limits {
    /// With hands.
    pub cpr: Vec<f64>,
    /// With a defibrillator.
    pub aed: Vec<f64>,
}

/// The largest of each value and those after it.
fn from_the_back(values: &[f64]) -> Vec<f64> {
    let mut most = 0.0_f64;
    let mut limits = values.to_vec();
    for limit in limits.iter_mut().rev() {
        most = most.max(*limit);
        *limit = most;
    }
    limits
}

/// E[gain | a certain arrival at each step]: only worlds in which nobody of the role is there sooner gain by it.
fn worth(given: &[f64], first: &[f64]) -> Vec<f64> {
    let mut worth = vec![0.0; given.len()];
    let (mut later, mut value_later) = (0.0, 0.0);
    for step in (0..given.len()).rev() {
        worth[step] = later * given[step] - value_later;
        later += first[step];
        value_later += first[step] * given[step];
    }
    worth
}

/// The chance that the first of a role arrives in each step, the last being never.
fn masses(nobody: &[f64]) -> Vec<f64> {
    let steps = nobody.len() - 1;
    let mut masses = vec![0.0; nobody.len()];
    let mut before = 1.0;
    for step in 0..steps {
        masses[step] = before - nobody[step];
        before = nobody[step];
    }
    masses[steps] = before;
    masses
}

/// The share of the three points of an arrival that lie in or before a step.
fn share_by(arrival: &Arrival, step: usize) -> f64 {
    arrival
        .weighted()
        .iter()
        .filter(|(time, _)| step_of(*time) <= step)
        .map(|(_, weight)| weight)
        .sum()
}

/// The step that a time lies in; [`STEPS_MAX`] for all that lie behind the last.
pub fn step_of(time: Duration) -> usize {
    let step = in_ms(time) / STEP_MS;
    usize::try_from(step).map_or(STEPS_MAX, |step| step.min(STEPS_MAX))
}

fn in_ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The three times of an arrival as places between the steps, worked out once for the many times they are weighed.
#[derive(Clone, Copy, Debug)]
pub struct Moments([(u32, f64); 3]);

impl From<&Arrival> for Moments {
    fn from(arrival: &Arrival) -> Self {
        let place = |time: Duration| {
            let ms = in_ms(time);
            let step = u32::try_from(ms / STEP_MS).unwrap_or(u32::MAX);
            #[allow(clippy::cast_precision_loss)]
            let part = (ms % STEP_MS) as f64 / STEP_MS as f64;
            (step, part)
        };
        Self([place(arrival.fast), place(arrival.median), place(arrival.slow)])
    }
}

impl Moments {
    /// The mean of values by step, on straight lines between the steps; beyond the last step they are 0.
    fn weigh(&self, worth: &[f64]) -> f64 {
        let at = |(step, part): (u32, f64)| match worth.get(step as usize..) {
            Some([here, next, ..]) => here + part * (next - here),
            _ => 0.0,
        };
        let [fast, median, slow] = self.0;
        0.3 * at(fast) + 0.4 * at(median) + 0.3 * at(slow)
    }
}

/// Expected survival by the steps in which hands and a defibrillator first arrive, over the three times of the ambulance.
fn table(policy: &Policy, since_collapse: Duration, ambulance: Ambulance, steps: usize) -> Vec<f64> {
    let len = steps + 1;
    let mut table = vec![0.0; len * len];
    let minutes = |step: usize| {
        #[allow(clippy::cast_precision_loss)]
        let ms = step as f64 * STEP_MS as f64;
        (since_collapse.as_secs_f64() + ms / 1_000.0) / 60.0
    };
    let shock_delay = step_of(policy.joint.crew_shock_after);
    for (arrives, weight) in ambulance.weighted() {
        let crew = step_of(arrives).min(steps);
        let crew_shock = (crew + shock_delay).min(steps);
        let terms = Terms::new(&policy.joint.curve, minutes(crew), (0..=steps).map(minutes));
        for first_cpr in 0..len {
            let row = &mut table[first_cpr * len..(first_cpr + 1) * len];
            // Hands that come later than a defibrillator are not the first hands.
            for (first_aed, survival) in row.iter_mut().enumerate().skip(first_cpr) {
                *survival += weight * terms.survival(first_cpr.min(crew), first_aed.min(crew_shock));
            }
        }
    }
    for first_cpr in 1..len {
        for first_aed in 0..first_cpr {
            table[first_cpr * len + first_aed] = table[first_aed * len + first_aed];
        }
    }
    table
}

/// The terms of the curve at each step, so that no exponential is taken twice.
struct Terms {
    link: Link,
    /// Linear: intercept and the crew's term. Logistic: `exp(-)` of them.
    base: f64,
    cpr: Vec<f64>,
    shock: Vec<f64>,
}

impl Terms {
    fn new(curve: &SurvivalCurve, crew_min: f64, steps_min: impl Iterator<Item = f64> + Clone) -> Self {
        let through = |term: f64| match curve.link {
            Link::Linear => term,
            Link::Logistic => libm::exp(-term),
        };
        Self {
            link: curve.link,
            base: through(curve.intercept() + curve.als(crew_min)),
            cpr: steps_min.clone().map(|minute| through(curve.cpr(minute))).collect(),
            shock: steps_min.map(|minute| through(curve.shock(minute))).collect(),
        }
    }

    fn survival(&self, cpr: usize, shock: usize) -> f64 {
        match self.link {
            Link::Linear => (self.base + self.cpr[cpr] + self.shock[shock]).clamp(0.0, 1.0),
            Link::Logistic => 1.0 / (1.0 + self.base * self.cpr[cpr] * self.shock[shock]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(minutes: u64) -> Arrival {
        Arrival::certain(Duration::from_secs(60 * minutes))
    }

    fn at(minute: u64) -> Moments {
        (&minutes(minute)).into()
    }

    fn stakes(policy: &Policy) -> Stakes {
        Stakes::new(policy, Duration::from_secs(120), minutes(8))
    }

    #[test]
    fn somebody_sure_to_come_is_worth_what_the_curve_says() {
        let policy = Policy::default();
        let curve = policy.joint.curve;
        // Two minutes lie before the report; the crew shocks one minute after it comes.
        let alone = curve.survival(10.0, 11.0, 10.0);
        let helped = curve.survival(5.0, 11.0, 10.0) - alone;
        let shocked = curve.survival(5.0, 5.0, 10.0) - alone;
        let stakes = stakes(&policy);
        assert!((stakes.worth(Brings::Cpr, 1.0, &at(3)) - helped).abs() < 1e-9);
        assert!((stakes.worth(Brings::Aed, 1.0, &at(3)) - shocked).abs() < 1e-9);
        // Half as likely, half the worth; after the crew, none.
        assert!((stakes.worth(Brings::Cpr, 0.5, &at(3)) - helped / 2.0).abs() < 1e-9);
        assert!(stakes.worth(Brings::Cpr, 1.0, &at(8)).abs() < 1e-12);
    }

    #[test]
    fn who_is_in_play_makes_others_worth_less() {
        let policy = Policy::default();
        let curve = policy.joint.curve;
        let mut stakes = stakes(&policy);
        let before = stakes.worth(Brings::Cpr, 1.0, &at(3));
        stakes.add(Brings::Cpr, 0.5, &minutes(2));
        let after = stakes.worth(Brings::Cpr, 1.0, &at(3));
        assert!((after - before / 2.0).abs() < 1e-9, "{after} {before}");
        stakes.add(Brings::Cpr, 1.0, &minutes(2));
        assert!(stakes.worth(Brings::Cpr, 1.0, &at(3)).abs() < 1e-12);
        // A defibrillator is still worth its shock.
        let shock = curve.survival(4.0, 6.0, 10.0) - curve.survival(4.0, 11.0, 10.0);
        assert!((stakes.worth(Brings::Aed, 1.0, &at(4)) - shock).abs() < 1e-9);
    }

    #[test]
    fn an_ambulance_at_the_door_leaves_nothing_to_gain() {
        let policy = Policy::default();
        let stakes = Stakes::new(&policy, Duration::from_secs(120), minutes(0));
        assert!(stakes.worth(Brings::Cpr, 1.0, &at(1)).abs() < 1e-12);
    }
}
