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
/// Twenty minutes. England's ambulances reach nine tenths of the most urgent calls within 15 (response standard of
/// category 1); who comes later than this is worth nothing here.
const STEPS: usize = 120;
/// One more than the steps, for "never".
const LEN: usize = STEPS + 1;

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
    /// Expected survival with the first hands at one step and the first defibrillator at another, the ambulance's own
    /// times taken in; row by row.
    survival: Vec<f64>,
    /// Chance that nobody has brought hands alone by the end of each step.
    no_cpr: [f64; LEN],
    /// The same for defibrillators.
    no_aed: [f64; LEN],
    worth_cpr: [f64; LEN],
    worth_aed: [f64; LEN],
}

impl Stakes {
    /// The stakes with nobody in play: the patient collapsed `since_collapse` ago, and the ambulance is on its way.
    pub fn new(policy: &Policy, since_collapse: Duration, ambulance: Ambulance) -> Self {
        let mut stakes = Self {
            survival: table(policy, since_collapse, ambulance),
            no_cpr: [1.0; LEN],
            no_aed: [1.0; LEN],
            worth_cpr: [0.0; LEN],
            worth_aed: [0.0; LEN],
        };
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
        for (step, nobody) in nobody.iter_mut().enumerate().take(STEPS) {
            *nobody *= 1.0 - chance * share_by(arrival, step);
        }
        self.weigh();
    }

    /// What a person would add to the chance of survival who comes with this chance.
    pub fn worth(&self, brings: Brings, chance: f64, arrival: &Arrival) -> f64 {
        let worth = match brings {
            Brings::Cpr => &self.worth_cpr,
            Brings::Aed => &self.worth_aed,
        };
        let expected: f64 = arrival
            .weighted()
            .iter()
            .map(|&(time, weight)| weight * at(worth, time))
            .sum();
        chance * expected
    }

    /// Works out what an arrival at each step would be worth.
    fn weigh(&mut self) {
        let (cpr, aed) = (masses(&self.no_cpr), masses(&self.no_aed));
        let mut given_cpr = [0.0; LEN];
        let mut given_aed = [0.0; LEN];
        for first_cpr in 0..LEN {
            let row = &self.survival[first_cpr * LEN..(first_cpr + 1) * LEN];
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

/// E[gain | a certain arrival at each step]: only worlds in which nobody of the role is there sooner gain by it.
fn worth(given: &[f64; LEN], first: &[f64; LEN]) -> [f64; LEN] {
    let mut worth = [0.0; LEN];
    let (mut later, mut value_later) = (0.0, 0.0);
    for step in (0..LEN).rev() {
        worth[step] = later * given[step] - value_later;
        later += first[step];
        value_later += first[step] * given[step];
    }
    worth
}

/// The chance that the first of a role arrives in each step, the last being never.
fn masses(nobody: &[f64; LEN]) -> [f64; LEN] {
    let mut masses = [0.0; LEN];
    let mut before = 1.0;
    for step in 0..STEPS {
        masses[step] = before - nobody[step];
        before = nobody[step];
    }
    masses[STEPS] = before;
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

fn step_of(time: Duration) -> usize {
    usize::try_from(time.as_millis() / u128::from(STEP_MS)).map_or(STEPS, |step| step.min(STEPS))
}

/// The value at a time between two steps, on the straight line between theirs; nothing beyond the last.
fn at(worth: &[f64; LEN], time: Duration) -> f64 {
    let step = step_of(time);
    if step >= STEPS {
        return 0.0;
    }
    let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX) % STEP_MS;
    #[allow(clippy::cast_precision_loss)]
    let part = ms as f64 / STEP_MS as f64;
    worth[step] + part * (worth[step + 1] - worth[step])
}

/// Expected survival by the steps in which hands and a defibrillator first arrive, over the three times of the ambulance.
fn table(policy: &Policy, since_collapse: Duration, ambulance: Ambulance) -> Vec<f64> {
    let mut table = vec![0.0; LEN * LEN];
    let curve = policy.joint.curve;
    let minutes = |step: usize| {
        #[allow(clippy::cast_precision_loss)]
        let ms = step as f64 * STEP_MS as f64;
        (since_collapse.as_secs_f64() + ms / 1_000.0) / 60.0
    };
    let shock_delay = usize::try_from(policy.joint.crew_shock_after.as_millis() / u128::from(STEP_MS)).unwrap_or(0);
    for (arrives, weight) in ambulance.weighted() {
        let crew = step_of(arrives);
        let crew_shock = (crew + shock_delay).min(STEPS);
        let terms = Terms::new(&curve, minutes(crew), (0..=STEPS).map(minutes));
        for first_cpr in 0..LEN {
            let row = &mut table[first_cpr * LEN..(first_cpr + 1) * LEN];
            for (first_aed, survival) in row.iter_mut().enumerate() {
                let cpr = first_cpr.min(first_aed).min(crew);
                *survival += weight * terms.survival(cpr, first_aed.min(crew_shock));
            }
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
