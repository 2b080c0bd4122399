//! The table of a policy and the tables in it. Each line below is one field: its key, where it stands in the policy, and
//! its type.

use std::{collections::BTreeSet, time::Duration};

use dispatch_core::{
    choose::arrival::Arrival,
    policy::{Acceptance, AedUse, CallOutRules, Joint, Policy, Ranking, Rest, RoleKind, Speeds},
    position::Metres,
    responder::Skill,
    scene::SceneRules,
    survival::SurvivalCurve,
};
use serde::{Deserialize, Serialize};

use crate::{field::Field, scenes::ScenesSection};

macro_rules! section {
    (
        $(#[$doc:meta])* $section:ident of $whole:ty;
        fields { $($key:ident: $place:ident as $type:ty,)* }
        tables { $($table:ident: $part:ident as $inner:ty,)* }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Default, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $section {
            $(#[serde(skip_serializing_if = "Option::is_none")] $key: Option<<$type as Field>::Text>,)*
            $($table: $inner,)*
        }

        impl $section {
            /// The whole with the fields of this section in place of those of `base`.
            ///
            /// # Errors
            /// Names the field, its value and what is accepted.
            pub fn over(self, base: &$whole) -> Result<$whole, String> {
                let mut whole = base.clone();
                $(if let Some(text) = self.$key {
                    whole.$place = <$type as Field>::from_text(text)
                        .map_err(|problem| format!("{} is {problem}", stringify!($key)))?;
                })*
                $(whole.$part = self.$table.over(&base.$part)
                    .map_err(|problem| format!("{}.{problem}", stringify!($table)))?;)*
                Ok(whole)
            }
        }

        impl From<&$whole> for $section {
            fn from(whole: &$whole) -> Self {
                Self {
                    $($key: Some(whole.$place.to_text()),)*
                    $($table: (&whole.$part).into(),)*
                }
            }
        }
    };
}

section! {
    /// A policy; fields left out keep the value of the base.
    PolicySection of Policy;
    fields {
        name: name as String,
        version: version as u32,
        ranking: ranking as Ranking,
        roles: roles as Vec<RoleKind>,
        alert_count: alert_count as u32,
        wanted: wanted as u32,
        going_min: going_min as u32,
        replace_declined: replace_declined as bool,
        replace_silent: replace_silent as bool,
        alerts_max: alerts_max as u32,
        candidates_max: candidates_max as u32,
        radius_m: radius as Metres,
        skills_any: skills_any as BTreeSet<Skill>,
        skills_vetted: skills_vetted as BTreeSet<Skill>,
        wake_among: wake_among as u32,
        ambulance_margin_s: ambulance_margin as Option<Duration>,
        notice_s: notice as Duration,
        detour_permille: detour_permille as u32,
        turnout_day_s: turnout_day as Duration,
        turnout_night_s: turnout_night as Duration,
        turnout_spread_permille: turnout_spread_permille as u32,
        speed_spread_permille: speed_spread_permille as u32,
        drift_m_per_min: drift_m_per_min as u32,
        drift_max_m: drift_max_m as u32,
        improve_by_s: improve_by as Option<Duration>,
        stall_after_s: stall_after as Duration,
        time_zone: time_zone as Option<chrono_tz::Tz>,
        night_from_hour: night_from_hour as u8,
        night_to_hour: night_to_hour as u8,
        receipt_resend_s: receipt_resend as Duration,
        receipt_wait_s: receipt_wait as Duration,
        answer_wait_s: answer_wait as Duration,
        could_not_alert_after_s: could_not_alert_after as Duration,
        alert_expiry_s: alert_expiry as Duration,
        attendance_max_s: attendance_max as Duration,
        incident_max_s: incident_max as Duration,
        search_again_after_s: search_again_after as Duration,
        late_after_s: late_after as Duration,
        life_threatening: life_threatening as bool,
    }
    tables {
        speeds: speeds as SpeedsSection,
        aeds: aeds as AedsSection,
        acceptance: acceptance as AcceptanceSection,
        joint: joint as JointSection,
        rest: rest as RestSection,
        call_out: call_out as CallOutSection,
        scenes: scenes as ScenesSection,
    }
}

section! {
    /// Travel speeds.
    SpeedsSection of Speeds;
    fields {
        unknown_mm_s: unknown as u32,
        foot_mm_s: foot as u32,
        bicycle_mm_s: bicycle as u32,
        car_mm_s: car as u32,
    }
    tables {}
}

section! {
    /// Defibrillators.
    AedsSection of AedUse;
    fields {
        considered_max: considered_max as u32,
        handling_s: handling as Duration,
        open_unknown_permille: open_unknown_permille as u32,
        there_permille: there_permille as u32,
    }
    tables {}
}

section! {
    /// The likelihood that people come.
    AcceptanceSection of Acceptance;
    fields {
        prior_permille: prior_permille as u32,
        prior_weight: prior_weight as u32,
        late_permille: late_permille as u32,
        arrives_permille: arrives_permille as u32,
    }
    tables {}
}

section! {
    /// What weighs how much.
    JointSection of Joint;
    fields {
        alert_price_ppm: alert_price_ppm as u32,
        fairness_permille: fairness_permille as u32,
        going_price_ppm: going_price_ppm as u32,
        guides: guides as u32,
        curve: curve as SurvivalCurve,
        since_collapse_s: since_collapse as Duration,
        crew_shock_after_s: crew_shock_after as Duration,
        ambulance_spread_permille: ambulance_spread_permille as u32,
    }
    tables {
        ambulance_unknown: ambulance_unknown as ArrivalSection,
    }
}

section! {
    /// Three times of an arrival.
    ArrivalSection of Arrival;
    fields {
        fast_s: fast as Duration,
        median_s: median as Duration,
        slow_s: slow as Duration,
    }
    tables {}
}

section! {
    /// When people have done enough for a while.
    RestSection of Rest;
    fields {
        after_attendance_s: after_attendance as Duration,
        alerts_max: alerts_max as u32,
        alerts_within_s: alerts_within as Duration,
    }
    tables {}
}

section! {
    /// How people are called out for shifts.
    CallOutSection of CallOutRules;
    fields {
        asked_per_place: asked_per_place as u32,
        alerts_max: alerts_max as u32,
        answer_wait_s: answer_wait as Duration,
        alert_expiry_s: alert_expiry as Duration,
    }
    tables {}
}

/// So that the table of scenes reads like the others.
impl From<&SceneRules> for ScenesSection {
    fn from(rules: &SceneRules) -> Self {
        Self::of(rules)
    }
}
