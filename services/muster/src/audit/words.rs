//! The words of the audit, for people who know the work and no software.

use std::time::Duration;

use dispatch_core::{alert::Role, choose::arrival::Arrival, policy::Ranking, record::Verdict, responder::TravelMode};

/// Why somebody was asked or not.
pub fn reason(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Asked => "asked",
        Verdict::EnoughSooner => "enough others can be there sooner",
        Verdict::OffDuty => "off duty",
        Verdict::Suspended => "suspended",
        Verdict::CredentialExpired => "credential expired",
        Verdict::LacksSkill => "lacks the skill",
        Verdict::NoDevice => "no device for this purpose",
        Verdict::PhoneOffline => "phone not connected",
        Verdict::Busy => "busy with another incident",
        Verdict::AlreadyAsked => "already asked",
        Verdict::AmbulanceSooner => "the ambulance is surely sooner",
        Verdict::Quiet => "not to be woken while others are sooner",
        Verdict::SceneExcluded => "nobody is sent to such a scene",
        Verdict::NotVetted => "only vetted people are sent to such a scene",
        Verdict::Resting => "helped a short while ago",
        Verdict::Fatigued => "asked often enough lately",
    }
}

/// What somebody is asked to do.
pub fn task(role: Role) -> String {
    match role {
        Role::Direct => "to go straight to the patient".to_owned(),
        Role::FetchAed(aed) => format!("to fetch the defibrillator {aed} and bring it to the patient"),
        Role::Guide => "to meet the ambulance crew and lead them in".to_owned(),
        Role::Shift => "to come to the muster point for a shift".to_owned(),
    }
}

/// By what people were compared.
pub fn ranking(ranking: Ranking) -> &'static str {
    match ranking {
        Ranking::Nearest => "the nearest in a straight line are asked",
        Ranking::Soonest => "those who can be there soonest are asked",
        Ranking::Survival => "those who add most to the chance of survival are asked",
    }
}

/// How somebody travels.
pub fn mode(mode: TravelMode) -> &'static str {
    match mode {
        TravelMode::Unknown => "how they travel is not known",
        TravelMode::Foot => "on foot",
        TravelMode::Bicycle => "by bicycle",
        TravelMode::Car => "by car",
    }
}

/// `0.2 s`, `41 s`, `3 min 5 s`, `2 h 5 min`.
pub fn span(span: Duration) -> String {
    if span < Duration::from_secs(10) {
        return format!("{:.1} s", span.as_secs_f64());
    }
    let seconds = (span.as_millis() + 500) / 1_000;
    match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// An arrival with how sure it is.
pub fn arrival(arrival: &Arrival) -> String {
    format!(
        "in {} (one in ten sooner than {}, one in ten later than {})",
        span(arrival.median),
        span(arrival.fast),
        span(arrival.slow)
    )
}

/// A chance in thousandths.
pub fn chance(permille: u16) -> String {
    format!("{} in 100", (u32::from(permille) + 5) / 10)
}

/// A change in the chance of survival, 0 to 1, in percentage points.
pub fn points(survival: f64) -> String {
    let points = (survival * 10_000.0).round() / 100.0;
    // Adding nothing takes the sign from a negative zero.
    format!("{:.2}", points + 0.0)
}

/// A number of people.
pub fn people(count: usize) -> String {
    match count {
        1 => "1 person".to_owned(),
        _ => format!("{count} people"),
    }
}
