//! What a policy's fields may say, and how they must fit together.

use std::time::Duration;

use super::Policy;
use crate::survival::SurvivalCurve;

/// A policy field that cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("policy '{policy}': {field} is {value}; accepted is {accepted}")]
pub struct InvalidPolicy {
    /// Which policy.
    pub policy: String,
    /// Which field.
    pub field: &'static str,
    /// What it says.
    pub value: String,
    /// What it may say.
    pub accepted: String,
}

impl Policy {
    /// Checks every field and how they fit together; the first that does not is named.
    pub fn check(&self) -> Result<(), InvalidPolicy> {
        let number = |field, value: u64, least: u64, most: u64| {
            self.require(
                (least..=most).contains(&value),
                field,
                value.to_string(),
                format!("{least} to {most}"),
            )
        };
        let span = |field, value: Duration, least: Duration, most: Duration| {
            let accepted = format!(
                "{} s to {} s in whole milliseconds",
                least.as_secs_f64(),
                most.as_secs_f64()
            );
            // The journal keeps milliseconds, and a decision must replay from it bit for bit.
            let fits = (least..=most).contains(&value) && value.subsec_nanos().is_multiple_of(1_000_000);
            self.require(fits, field, format!("{} s", value.as_secs_f64()), accepted)
        };
        let (second, minute, hour) = (
            Duration::from_secs(1),
            Duration::from_secs(60),
            Duration::from_secs(3600),
        );
        self.require(
            (1..=64).contains(&self.name.len()),
            "name",
            self.name.clone(),
            "1 to 64 bytes".to_owned(),
        )?;
        number("version", self.version.into(), 1, u32::MAX.into())?;
        number("alert_count", self.alert_count.into(), 1, 100)?;
        number("wanted", self.wanted.into(), 1, self.alert_count.into())?;
        number("alerts_max", self.alerts_max.into(), self.alert_count.into(), 1_000)?;
        number(
            "candidates_max",
            self.candidates_max.into(),
            self.alert_count.into(),
            10_000,
        )?;
        number("going_min", self.going_min.into(), 0, self.wanted.into())?;
        self.require(
            (1..=12).contains(&self.roles.len()),
            "roles",
            format!("{} long", self.roles.len()),
            "1 to 12 of direct, fetch_aed, guide".to_owned(),
        )?;
        number("radius_m", self.radius.mm() / 1000, 50, 50_000)?;
        number("detour_permille", self.detour_permille.into(), 1_000, 3_000)?;
        for (field, speed) in [
            ("speeds.unknown_mm_s", self.speeds.unknown),
            ("speeds.foot_mm_s", self.speeds.foot),
            ("speeds.bicycle_mm_s", self.speeds.bicycle),
            ("speeds.car_mm_s", self.speeds.car),
        ] {
            number(field, speed.into(), 100, 50_000)?;
        }
        self.check_models(&number, &span)?;
        let call_out = &self.call_out;
        number("call_out.asked_per_place", call_out.asked_per_place.into(), 1, 20)?;
        number("call_out.alerts_max", call_out.alerts_max.into(), 1, 5_000)?;
        span("call_out.answer_wait_s", call_out.answer_wait, 10 * second, 6 * hour)?;
        span(
            "call_out.alert_expiry_s",
            call_out.alert_expiry,
            call_out.answer_wait,
            24 * hour,
        )?;
        span("turnout_day_s", self.turnout_day, Duration::ZERO, 10 * minute)?;
        span("turnout_night_s", self.turnout_night, Duration::ZERO, 10 * minute)?;
        number("night_from_hour", self.night_from_hour.into(), 0, 23)?;
        number("night_to_hour", self.night_to_hour.into(), 0, 23)?;
        span("receipt_wait_s", self.receipt_wait, second, 5 * minute)?;
        span("receipt_resend_s", self.receipt_resend, second / 2, self.receipt_wait)?;
        span("answer_wait_s", self.answer_wait, second, 5 * minute)?;
        span(
            "could_not_alert_after_s",
            self.could_not_alert_after,
            second,
            5 * minute,
        )?;
        span(
            "alert_expiry_s",
            self.alert_expiry,
            self.answer_wait.max(self.receipt_wait),
            hour,
        )?;
        span("attendance_max_s", self.attendance_max, hour, 24 * hour)?;
        span("incident_max_s", self.incident_max, 12 * hour, 7 * 24 * hour)?;
        span("search_again_after_s", self.search_again_after, second, 5 * minute)?;
        span("late_after_s", self.late_after, minute, 24 * hour)
    }

    /// The fields that say how people, defibrillators and ambulances are expected to behave.
    fn check_models(
        &self,
        number: &impl Fn(&'static str, u64, u64, u64) -> Result<(), InvalidPolicy>,
        span: &impl Fn(&'static str, Duration, Duration, Duration) -> Result<(), InvalidPolicy>,
    ) -> Result<(), InvalidPolicy> {
        let (minute, day) = (Duration::from_secs(60), Duration::from_secs(86_400));
        let (aeds, acceptance, joint, rest) = (&self.aeds, &self.acceptance, &self.joint, &self.rest);
        for (field, value, least, most) in [
            ("turnout_spread_permille", self.turnout_spread_permille, 0, 1_500),
            ("speed_spread_permille", self.speed_spread_permille, 0, 1_500),
            ("drift_m_per_min", self.drift_m_per_min, 0, 100),
            ("drift_max_m", self.drift_max_m, 0, 5_000),
            ("wake_among", self.wake_among, 0, 100),
            ("aeds.considered_max", aeds.considered_max, 0, 1_000),
            ("aeds.open_unknown_permille", aeds.open_unknown_permille, 0, 1_000),
            ("aeds.there_permille", aeds.there_permille, 0, 1_000),
            ("acceptance.prior_permille", acceptance.prior_permille, 1, 1_000),
            ("acceptance.prior_weight", acceptance.prior_weight, 1, 1_000),
            ("acceptance.late_permille", acceptance.late_permille, 0, 1_000),
            ("acceptance.arrives_permille", acceptance.arrives_permille, 1, 1_000),
            ("joint.alert_price_ppm", joint.alert_price_ppm, 0, 100_000),
            ("joint.fairness_permille", joint.fairness_permille, 0, 10_000),
            ("joint.going_price_ppm", joint.going_price_ppm, 0, 100_000),
            ("joint.guides", joint.guides, 0, 2),
            (
                "joint.ambulance_spread_permille",
                joint.ambulance_spread_permille,
                0,
                1_000,
            ),
            ("rest.alerts_max", rest.alerts_max, 1, 32),
        ] {
            number(field, value.into(), least, most)?;
        }
        for (field, value, most) in [
            ("notice_s", self.notice, minute),
            ("aeds.handling_s", aeds.handling, 5 * minute),
            ("joint.since_collapse_s", joint.since_collapse, 30 * minute),
            ("joint.crew_shock_after_s", joint.crew_shock_after, 10 * minute),
            (
                "joint.ambulance_unknown.fast_s",
                joint.ambulance_unknown.fast,
                joint.ambulance_unknown.median,
            ),
            (
                "joint.ambulance_unknown.median_s",
                joint.ambulance_unknown.median,
                joint.ambulance_unknown.slow,
            ),
            (
                "joint.ambulance_unknown.slow_s",
                joint.ambulance_unknown.slow,
                120 * minute,
            ),
            ("rest.after_attendance_s", rest.after_attendance, 7 * day),
            ("rest.alerts_within_s", rest.alerts_within, 31 * day),
            (
                "ambulance_margin_s",
                self.ambulance_margin.unwrap_or_default(),
                30 * minute,
            ),
            ("improve_by_s", self.improve_by.unwrap_or_default(), 10 * minute),
        ] {
            span(field, value, Duration::ZERO, most)?;
        }
        span("stall_after_s", self.stall_after, minute / 2, 60 * minute)?;
        self.check_curve(&joint.curve)
    }

    fn check_curve(&self, curve: &SurvivalCurve) -> Result<(), InvalidPolicy> {
        const MOST: i32 = 10_000_000;
        for (field, value, most) in [
            ("joint.curve.intercept_ppm", curve.intercept_ppm, MOST),
            ("joint.curve.cpr_ppm_per_min", curve.cpr_ppm_per_min, 0),
            ("joint.curve.shock_ppm_per_min", curve.shock_ppm_per_min, 0),
            ("joint.curve.als_ppm_per_min", curve.als_ppm_per_min, 0),
        ] {
            let fits = (-MOST..=most).contains(&value);
            self.require(fits, field, value.to_string(), format!("{} to {most}", -MOST))?;
        }
        Ok(())
    }

    fn require(&self, fits: bool, field: &'static str, value: String, accepted: String) -> Result<(), InvalidPolicy> {
        if fits {
            return Ok(());
        }
        Err(InvalidPolicy {
            policy: self.name.clone(),
            field,
            value,
            accepted,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::position::Metres;

    #[test]
    fn the_default_is_valid_and_each_wrong_field_is_named() {
        Policy::default().check().expect("the default is valid");
        let wrong = |change: fn(&mut Policy)| {
            let mut policy = Policy::default();
            change(&mut policy);
            policy.check().expect_err("refused").field
        };
        assert_eq!(wrong(|p| p.alert_count = 0), "alert_count");
        assert_eq!(wrong(|p| p.wanted = 8), "wanted");
        assert_eq!(wrong(|p| p.radius = Metres::new(10)), "radius_m");
        assert_eq!(wrong(|p| p.speeds.car = 0), "speeds.car_mm_s");
        assert_eq!(wrong(|p| p.night_to_hour = 24), "night_to_hour");
        assert_eq!(wrong(|p| p.receipt_resend = Duration::from_secs(5)), "receipt_resend_s");
        assert_eq!(wrong(|p| p.alert_expiry = Duration::from_secs(3)), "alert_expiry_s");
        assert_eq!(
            wrong(|p| p.attendance_max = Duration::from_secs(60)),
            "attendance_max_s"
        );
        assert_eq!(wrong(|p| p.incident_max = Duration::from_secs(3600)), "incident_max_s");
        assert_eq!(wrong(|p| p.roles.clear()), "roles");
        assert_eq!(
            wrong(|p| p.joint.curve.cpr_ppm_per_min = 1),
            "joint.curve.cpr_ppm_per_min"
        );
        assert_eq!(
            wrong(|p| p.joint.ambulance_unknown.fast = Duration::from_secs(500)),
            "joint.ambulance_unknown.fast_s"
        );
        assert_eq!(wrong(|p| p.rest.alerts_max = 33), "rest.alerts_max");
        assert_eq!(wrong(|p| p.call_out.asked_per_place = 0), "call_out.asked_per_place");
        assert_eq!(
            wrong(|p| p.call_out.alert_expiry = Duration::from_secs(60)),
            "call_out.alert_expiry_s"
        );
        assert_eq!(wrong(|p| p.turnout_day = Duration::from_micros(1_500)), "turnout_day_s");
    }
}
