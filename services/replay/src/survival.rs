//! Modelled survival of a cardiac arrest: published curves as data.
//!
//! The curves were fitted to witnessed, shockable arrests. They serve to compare policies; they do not foretell what
//! becomes of anybody.

/// How the sum of the terms becomes a probability.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Link {
    /// The sum itself, cut to 0..1.
    Linear,
    /// `1 / (1 + exp(-sum))`.
    Logistic,
}

/// `intercept + cpr x minutes to CPR + shock x minutes to the first shock + als x minutes to the ambulance crew`, all
/// counted from the collapse, put through a link. Coefficients in millionths.
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

    /// Logistic, 0.04 + 0.3 a minute to CPR + 0.14 a minute from CPR to the crew (Waalewijn 2001, model I; the intercept
    /// is not confirmed).
    pub const WAALEWIJN_2001: Self = Self {
        link: Link::Logistic,
        intercept_ppm: -40_000,
        cpr_ppm_per_min: -160_000,
        shock_ppm_per_min: 0,
        als_ppm_per_min: -140_000,
    };

    /// Logistic, 0.26 - 0.106 a minute to CPR - 0.139 a minute to the shock (Valenzuela 1997; the intercept is not
    /// confirmed).
    pub const VALENZUELA_1997: Self = Self {
        link: Link::Logistic,
        intercept_ppm: 260_000,
        cpr_ppm_per_min: -106_000,
        shock_ppm_per_min: -139_000,
        als_ppm_per_min: 0,
    };

    /// Logistic, -0.679 - 0.262 a minute to the shock (De Maio 2003; not confirmed).
    pub const DE_MAIO_2003: Self = Self {
        link: Link::Logistic,
        intercept_ppm: -679_000,
        cpr_ppm_per_min: 0,
        shock_ppm_per_min: -262_000,
        als_ppm_per_min: 0,
    };

    /// The curves by name.
    pub const PUBLISHED: [(&'static str, Self); 4] = [
        ("larsen_1993", Self::LARSEN_1993),
        ("waalewijn_2001", Self::WAALEWIJN_2001),
        ("valenzuela_1997", Self::VALENZUELA_1997),
        ("de_maio_2003", Self::DE_MAIO_2003),
    ];

    /// Probability of survival, 0 to 1, from minutes after the collapse.
    pub fn survival(&self, cpr_min: f64, shock_min: f64, als_min: f64) -> f64 {
        let term = |ppm: i32, minutes: f64| f64::from(ppm) / 1e6 * minutes;
        let sum = term(self.intercept_ppm, 1.0)
            + term(self.cpr_ppm_per_min, cpr_min)
            + term(self.shock_ppm_per_min, shock_min)
            + term(self.als_ppm_per_min, als_min);
        match self.link {
            Link::Linear => sum.clamp(0.0, 1.0),
            Link::Logistic => 1.0 / (1.0 + libm::exp(-sum)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curves_give_the_published_figures() {
        let near = |curve: SurvivalCurve, minutes: (f64, f64, f64), wanted: f64| {
            let found = curve.survival(minutes.0, minutes.1, minutes.2);
            assert!((found - wanted).abs() < 5e-4, "{curve:?} {found}");
        };
        // 5.5 points a minute untreated; nothing below nobody.
        near(SurvivalCurve::LARSEN_1993, (4.0, 4.0, 4.0), 0.45);
        near(SurvivalCurve::LARSEN_1993, (30.0, 30.0, 30.0), 0.0);
        // With the crew at 8 min, CPR at 4 instead of 8 min lifts 8.0 % to 14.2 %.
        near(SurvivalCurve::WAALEWIJN_2001, (8.0, 8.0, 8.0), 0.080);
        near(SurvivalCurve::WAALEWIJN_2001, (4.0, 8.0, 8.0), 0.142);
        near(SurvivalCurve::VALENZUELA_1997, (0.0, 0.0, 9.0), 0.5646);
        near(SurvivalCurve::DE_MAIO_2003, (9.0, 0.0, 9.0), 0.3365);
    }
}
