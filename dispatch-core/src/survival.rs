//! Modelled survival of a cardiac arrest: published curves as data.
//!
//! The curves were fitted to witnessed, shockable arrests. Muster compares ways of helping one patient with them; it
//! does not foretell what becomes of anybody.

/// How the sum of the terms becomes a probability.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Link {
    /// The sum itself, cut to 0..1.
    Linear,
    /// `1 / (1 + exp(-sum))`.
    Logistic,
}

/// `intercept + cpr x minutes to CPR + shock x minutes to the first shock + als x minutes to the ambulance crew`, all
/// counted from the collapse, put through a link. Coefficients in millionths, -10,000,000 to 10,000,000; those per
/// minute are not above 0: nobody lives because help came later.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SurvivalCurve {
    /// What the sum goes through.
    pub link: Link,
    /// The sum with no delay at all.
    pub intercept_ppm: i32,
    /// For each minute until somebody presses the chest.
    pub cpr_ppm_per_min: i32,
    /// For each minute until the first shock.
    pub shock_ppm_per_min: i32,
    /// For each minute until the ambulance crew treats the patient.
    pub als_ppm_per_min: i32,
}

impl SurvivalCurve {
    /// 67 % less 2.3, 1.1 and 2.1 points a minute (Larsen 1993, 1,667 arrests in King County).
    pub const LARSEN_1993: Self = Self {
        link: Link::Linear,
        intercept_ppm: 670_000,
        cpr_ppm_per_min: -23_000,
        shock_ppm_per_min: -11_000,
        als_ppm_per_min: -21_000,
    };

    /// Logistic, 0.04 + 0.3 a minute to CPR + 0.14 a minute from CPR to the crew (Waalewijn 2001, model I; the intercept is
    /// from memory of the paper and not confirmed).
    pub const WAALEWIJN_2001: Self = Self {
        link: Link::Logistic,
        intercept_ppm: -40_000,
        cpr_ppm_per_min: -160_000,
        shock_ppm_per_min: 0,
        als_ppm_per_min: -140_000,
    };

    /// Logistic, 0.26 - 0.106 a minute to CPR - 0.139 a minute to the shock (Valenzuela 1997; the intercept is from memory
    /// of the paper and not confirmed).
    pub const VALENZUELA_1997: Self = Self {
        link: Link::Logistic,
        intercept_ppm: 260_000,
        cpr_ppm_per_min: -106_000,
        shock_ppm_per_min: -139_000,
        als_ppm_per_min: 0,
    };

    /// Logistic, -0.679 - 0.262 a minute to the shock (De Maio 2003; from memory of the paper and not confirmed).
    pub const DE_MAIO_2003: Self = Self {
        link: Link::Logistic,
        intercept_ppm: -679_000,
        cpr_ppm_per_min: 0,
        shock_ppm_per_min: -262_000,
        als_ppm_per_min: 0,
    };

    /// The curves by name, as a policy may name them.
    pub const PUBLISHED: [(&'static str, Self); 4] = [
        ("larsen_1993", Self::LARSEN_1993),
        ("waalewijn_2001", Self::WAALEWIJN_2001),
        ("valenzuela_1997", Self::VALENZUELA_1997),
        ("de_maio_2003", Self::DE_MAIO_2003),
    ];

    /// Probability of survival, 0 to 1, from minutes after the collapse.
    pub fn survival(&self, cpr_min: f64, shock_min: f64, als_min: f64) -> f64 {
        let sum = self.intercept() + self.cpr(cpr_min) + self.shock(shock_min) + self.als(als_min);
        match self.link {
            Link::Linear => sum.clamp(0.0, 1.0),
            Link::Logistic => 1.0 / (1.0 + libm::exp(-sum)),
        }
    }

    pub(crate) fn intercept(&self) -> f64 {
        f64::from(self.intercept_ppm) / 1e6
    }

    pub(crate) fn cpr(&self, minutes: f64) -> f64 {
        f64::from(self.cpr_ppm_per_min) / 1e6 * minutes
    }

    pub(crate) fn shock(&self, minutes: f64) -> f64 {
        f64::from(self.shock_ppm_per_min) / 1e6 * minutes
    }

    pub(crate) fn als(&self, minutes: f64) -> f64 {
        f64::from(self.als_ppm_per_min) / 1e6 * minutes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curves_give_the_published_figures() {
        let larsen = SurvivalCurve::LARSEN_1993.survival(0.0, 0.0, 0.0);
        assert!((larsen - 0.67).abs() < 1e-9);
        // 5.5 points a minute untreated.
        let minute_later = SurvivalCurve::LARSEN_1993.survival(1.0, 1.0, 1.0);
        assert!((larsen - minute_later - 0.055).abs() < 1e-9);
        // With the crew at 8 min, CPR at 4 instead of 8 min lifts 8.0 % to 14.2 %, or a little more for the rounding of the
        // slopes.
        let late = SurvivalCurve::WAALEWIJN_2001.survival(8.0, 8.0, 8.0);
        let early = SurvivalCurve::WAALEWIJN_2001.survival(4.0, 8.0, 8.0);
        assert!((late - 0.080).abs() < 0.002, "{late}");
        assert!((early - 0.142).abs() < 0.003, "{early}");
    }

    #[test]
    fn later_help_is_never_better_and_nothing_leaves_zero_to_one() {
        for (name, curve) in SurvivalCurve::PUBLISHED {
            let mut before = 1.0;
            for minute in 0..60 {
                let minute = f64::from(minute);
                let now = curve.survival(minute, minute, minute);
                assert!((0.0..=1.0).contains(&now) && now <= before, "{name} at {minute}");
                before = now;
            }
        }
    }
}
