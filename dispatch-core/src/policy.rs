//! Policies: who may be asked, how many, how far, and how long to wait. Data, not code; checked once when read.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{
    ids::TenantId,
    incident::IncidentKind,
    position::{Metres, Position},
    record::PolicyRef,
    responder::{Skill, TravelMode},
    time::Timestamp,
};

/// A policy. Fields are public so that it reads as data; [`Policy::check`] is what makes it usable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    /// Its name, 1 to 64 bytes.
    pub name: String,
    /// Grows with each change.
    pub version: u32,
    /// How many people are asked or on their way at a time, 1 to 100. Of 29,307 alert rows of GoodSAM New Zealand the
    /// best rule at 30 volunteers within a kilometre asks 7 and replaces each rejection (van den Berg, PLOS ONE 2026).
    pub alert_count: u32,
    /// How many are told to go, 1 to `alert_count`. From three responders on, the odds of a shock hardly grow (Gregers,
    /// JACC 2023).
    pub wanted: u32,
    /// How many people one incident may ask in all, `alert_count` to 1,000.
    pub alerts_max: u32,
    /// How many of those within reach are considered, nearest first, `alert_count` to 10,000.
    pub candidates_max: u32,
    /// How far away somebody may be, straight line, 50 m to 50 km.
    pub radius: Metres,
    /// One of these is required; empty = none.
    pub skills_any: BTreeSet<Skill>,
    /// Length of the way over the straight line, in thousandths, 1,000 to 3,000. 1.3 is our assumption for towns.
    pub detour_permille: u32,
    /// How fast people travel.
    pub speeds: Speeds,
    /// From alert to setting off by day, at most 10 min. 1:42 (Ganter 2025, 4,138 operations).
    pub turnout_day: Duration,
    /// The same by night. 2:22 (Ganter 2025).
    pub turnout_night: Duration,
    /// First hour of the night by the sun, 0 to 23.
    pub night_from_hour: u8,
    /// First hour of the day by the sun, 0 to 23.
    pub night_to_hour: u8,
    /// Without a receipt the alert is sent again after this; less than `receipt_wait`.
    pub receipt_resend: Duration,
    /// Without a receipt somebody else is asked after this, 1 s to 5 min.
    pub receipt_wait: Duration,
    /// With a receipt and no answer somebody else is asked after this, 1 s to 5 min.
    pub answer_wait: Duration,
    /// Without any receipt the control room is told after this, 1 s to 5 min.
    pub could_not_alert_after: Duration,
    /// An alert that nobody answered ends after this, at least `answer_wait`, at most 1 h.
    pub alert_expiry: Duration,
    /// Somebody on the way or there who has said nothing for this long is presumed to have finished, 1 h to 24 h. 4 h is
    /// our assumption: far above any resuscitation and the way home, and a person who forgot to say that they had
    /// finished can be asked again the same day.
    pub attendance_max: Duration,
    /// An incident that the control room neither stood down nor closed is presumed over this long after it was first heard
    /// of, 12 h to 7 days. A day is our assumption: dispatch systems number calls anew with the day.
    pub incident_max: Duration,
    /// How often an incident with too few asked looks again who is there, 1 s to 5 min.
    pub search_again_after: Duration,
    /// A report older than this is recorded, not alerted, 1 min to 1 day.
    pub late_after: Duration,
    /// Reports of this kind go on while the store is in trouble: people are alerted although the report may not be on
    /// disk yet, and the control room is told so. True unless stated: in doubt somebody's life is at stake.
    pub life_threatening: bool,
}

/// Travel speeds in millimetres per second, 100 to 50,000.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Speeds {
    /// Mode not known. 2,300: median of 2,176 responders in Sweden (Resuscitation 2020).
    pub unknown: u32,
    /// On foot. 1,800: median in dense areas (same source), where most walk.
    pub foot: u32,
    /// By bicycle. 4,000: upper quartile (same source).
    pub bicycle: u32,
    /// By car. 5,600 (20 km/h from door to door in a town) is our assumption.
    pub car: u32,
}

impl Speeds {
    /// The speed of a mode.
    pub fn of(&self, mode: TravelMode) -> u32 {
        match mode {
            TravelMode::Unknown => self.unknown,
            TravelMode::Foot => self.foot,
            TravelMode::Bicycle => self.bicycle,
            TravelMode::Car => self.car,
        }
    }
}

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

impl Default for Policy {
    /// The first policy: 7 within 1,200 m ranked by estimated arrival, 3 confirmed.
    fn default() -> Self {
        Self {
            name: "default".to_owned(),
            version: 1,
            alert_count: 7,
            wanted: 3,
            alerts_max: 60,
            candidates_max: 500,
            radius: Metres::new(1_200),
            skills_any: Skill::new("cpr").into_iter().collect(),
            detour_permille: 1_300,
            speeds: Speeds {
                unknown: 2_300,
                foot: 1_800,
                bicycle: 4_000,
                car: 5_600,
            },
            turnout_day: Duration::from_secs(102),
            turnout_night: Duration::from_secs(142),
            night_from_hour: 22,
            night_to_hour: 7,
            receipt_resend: Duration::from_secs(2),
            receipt_wait: Duration::from_secs(4),
            answer_wait: Duration::from_secs(15),
            could_not_alert_after: Duration::from_secs(10),
            alert_expiry: Duration::from_secs(300),
            attendance_max: Duration::from_secs(4 * 3600),
            incident_max: Duration::from_secs(24 * 3600),
            search_again_after: Duration::from_secs(5),
            late_after: Duration::from_secs(600),
            life_threatening: true,
        }
    }
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

    /// Which policy this is, for a decision record.
    pub fn reference(&self) -> PolicyRef {
        PolicyRef {
            name: self.name.clone(),
            version: self.version,
        }
    }

    /// From alert to arrival: turnout by the hour, then the way.
    pub fn estimated_arrival(&self, distance: Metres, mode: TravelMode, place: Position, now: Timestamp) -> Duration {
        let speed = u64::from(self.speeds.of(mode).max(1));
        // mm * permille / (mm/s) = ms
        let way_ms = distance.mm().saturating_mul(u64::from(self.detour_permille)) / speed;
        self.turnout(place, now) + Duration::from_millis(way_ms)
    }

    fn turnout(&self, place: Position, now: Timestamp) -> Duration {
        let hour = solar_hour(place, now);
        let (from, to) = (self.night_from_hour, self.night_to_hour);
        let night = if from <= to {
            (from..to).contains(&hour)
        } else {
            hour >= from || hour < to
        };
        if night { self.turnout_night } else { self.turnout_day }
    }
}

/// The hour by the mean sun at a place. People sleep by the clock on the wall, which is within an hour or so of it, and
/// all candidates for one incident share it; so no time zone is needed to rank them.
fn solar_hour(place: Position, now: Timestamp) -> u8 {
    const DAY_MS: i64 = 86_400_000;
    let (_, longitude_e7) = place.to_e7();
    // A full turn of 3.6e9 units is a day.
    let shift_ms = i64::from(longitude_e7) * DAY_MS / 3_600_000_000;
    let of_day = (now.unix_ms() + shift_ms).rem_euclid(DAY_MS);
    u8::try_from(of_day / 3_600_000).expect("a day has 24 hours")
}

/// All policies: a default, and others by control room, by kind, or by both.
#[derive(Clone, Debug, Default)]
pub struct PolicyBook {
    default: Policy,
    special: BTreeMap<(Option<TenantId>, Option<IncidentKind>), Policy>,
}

impl PolicyBook {
    /// A book with this default.
    pub fn new(default: Policy) -> Result<Self, InvalidPolicy> {
        default.check()?;
        Ok(Self {
            default,
            special: BTreeMap::new(),
        })
    }

    /// Adds a policy for a control room, a kind, or both.
    pub fn add(
        &mut self,
        tenant: Option<TenantId>,
        kind: Option<IncidentKind>,
        policy: Policy,
    ) -> Result<(), InvalidPolicy> {
        policy.check()?;
        self.special.insert((tenant, kind), policy);
        Ok(())
    }

    /// The most special policy that fits: control room and kind, then control room, then kind, then the default.
    pub fn policy(&self, tenant: &TenantId, kind: &IncidentKind) -> &Policy {
        let find = |tenant: Option<&TenantId>, kind: Option<&IncidentKind>| {
            self.special.get(&(tenant.cloned(), kind.cloned()))
        };
        find(Some(tenant), Some(kind))
            .or_else(|| find(Some(tenant), None))
            .or_else(|| find(None, Some(kind)))
            .unwrap_or(&self.default)
    }

    /// Whether a control room's reports of a kind go on while the store is in trouble.
    pub fn is_life_threatening(&self, tenant: &TenantId, kind: &IncidentKind) -> bool {
        self.policy(tenant, kind).life_threatening
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(wrong(|p| p.turnout_day = Duration::from_micros(1_500)), "turnout_day_s");
    }

    #[test]
    fn arrival_is_turnout_and_the_way() {
        let policy = Policy::default();
        let london = Position::from_degrees(51.5, 0.0).expect("in range");
        let noon = Timestamp::from_unix_ms(12 * 3_600_000);
        let midnight = Timestamp::from_unix_ms(0);
        // 560 m straight, 728 m to walk, at 1.8 m/s 404.4 s, after 1:42.
        let walk = policy.estimated_arrival(Metres::new(560), TravelMode::Foot, london, noon);
        assert_eq!(walk.as_millis(), 102_000 + 404_444);
        let by_night = policy.estimated_arrival(Metres::new(0), TravelMode::Car, london, midnight);
        assert_eq!(by_night, policy.turnout_night);
        // Noon in London is night in Auckland.
        let auckland = Position::from_degrees(-36.8, 174.7).expect("in range");
        assert_eq!(
            policy.estimated_arrival(Metres::new(0), TravelMode::Car, auckland, noon),
            policy.turnout_night
        );
    }

    #[test]
    fn the_most_special_policy_wins() {
        let tenant = TenantId::new("london").expect("valid");
        let kind = IncidentKind::new("cardiac_arrest").expect("valid");
        let named = |name: &str| Policy {
            name: name.to_owned(),
            ..Policy::default()
        };
        let mut book = PolicyBook::new(Policy::default()).expect("valid");
        assert_eq!(book.policy(&tenant, &kind).name, "default");
        book.add(None, Some(kind.clone()), named("kind")).expect("valid");
        assert_eq!(book.policy(&tenant, &kind).name, "kind");
        book.add(Some(tenant.clone()), None, named("tenant")).expect("valid");
        assert_eq!(book.policy(&tenant, &kind).name, "tenant");
        book.add(Some(tenant.clone()), Some(kind.clone()), named("both"))
            .expect("valid");
        assert_eq!(book.policy(&tenant, &kind).name, "both");
    }

    #[test]
    fn what_nobody_called_harmless_is_life_threatening() {
        let tenant = TenantId::new("london").expect("valid");
        let kind = |name: &str| IncidentKind::new(name).expect("valid");
        let fall = Policy {
            life_threatening: false,
            ..Policy::default()
        };
        let mut book = PolicyBook::default();
        book.add(None, Some(kind("fall")), fall).expect("valid");
        assert!(book.is_life_threatening(&tenant, &kind("cardiac_arrest")));
        assert!(!book.is_life_threatening(&tenant, &kind("fall")));
    }
}
