//! Policies: who may be asked, how many, how far, what weighs how much, and how long to wait. Data, not code; checked once
//! when read. One family of rules: the published rules of other systems are settings of it.

mod book;
mod check;
mod hours;

use std::{collections::BTreeSet, time::Duration};

use crate::{
    choose::arrival::Arrival,
    position::Metres,
    responder::{Skill, TravelMode},
    scene::SceneRules,
    survival::SurvivalCurve,
};

pub use book::{InvalidRegionalRule, PolicyBook, REGION_POINTS_MAX, REGIONS_MAX, RegionRule, RegionalRule};
pub use check::InvalidPolicy;
pub use hours::Night;

/// A policy. Fields are public so that it reads as data; [`Policy::check`] is what makes it usable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    /// Its name, 1 to 64 bytes.
    pub name: String,
    /// Grows with each change.
    pub version: u32,
    /// How candidates are compared.
    pub ranking: Ranking,
    /// What the first, second, … person asked is asked to do, over and over; 1 to 12. [`Ranking::Survival`] gives out
    /// roles by what they are worth and does not look here.
    pub roles: Vec<RoleKind>,
    /// How many people are asked or on their way at a time, 1 to 100. Of 29,307 alert rows of GoodSAM New Zealand the
    /// best rule at 30 volunteers within a kilometre asks 7 and replaces each rejection (van den Berg, PLOS ONE 2026).
    pub alert_count: u32,
    /// How many are told to go, 1 to `alert_count`. From three responders on, the odds of a shock hardly grow (Gregers,
    /// JACC 2023).
    pub wanted: u32,
    /// Of those who accept, so many go whatever they are worth, 0 to `wanted`; beyond, whoever adds less than
    /// `joint.going_price` is told that they are not needed. Only [`Ranking::Survival`] looks here.
    pub going_min: u32,
    /// Whoever declines is made up for by somebody else.
    pub replace_declined: bool,
    /// Whoever is silent for too long is made up for by somebody else.
    pub replace_silent: bool,
    /// How many people one incident may ask in all, `alert_count` to 1,000.
    pub alerts_max: u32,
    /// How many of those within reach are considered, nearest first, `alert_count` to 10,000.
    pub candidates_max: u32,
    /// How far away somebody may be, straight line, 50 m to 50 km.
    pub radius: Metres,
    /// One of these is required; empty = none.
    pub skills_any: BTreeSet<Skill>,
    /// One of these makes a person vetted, for scenes that are not for everybody.
    pub skills_vetted: BTreeSet<Skill>,
    /// Which scenes are for whom.
    pub scenes: SceneRules,
    /// When people have been asked or have helped enough for a while.
    pub rest: Rest,
    /// How people are called out for shifts.
    pub call_out: CallOutRules,
    /// Whoever does not want to be woken is asked only while among so many soonest of those who may be asked, 0 to 100;
    /// 1 = only when nobody else is sooner.
    pub wake_among: u32,
    /// Somebody whose fast arrival (one in ten) is later than the ambulance by more than this surely cannot beat it and is
    /// not asked; `None` = asked all the same. At most 30 min. Freiburg does not alert those who cannot beat the ambulance
    /// (Ganter 2024).
    pub ambulance_margin: Option<Duration>,
    /// From the phone ringing to the answer, at most 1 min. 6 s is our assumption: to take out a phone and read two lines.
    pub notice: Duration,
    /// Length of the way over the straight line, in thousandths, 1,000 to 3,000. 1.3 is our assumption for towns.
    pub detour_permille: u32,
    /// How fast people travel.
    pub speeds: Speeds,
    /// From alert to setting off by day, at most 10 min. 1:42 (Ganter 2025, 4,138 operations).
    pub turnout_day: Duration,
    /// The same by night. 2:22 (Ganter 2025).
    pub turnout_night: Duration,
    /// Spread of the logarithm of the turnout, in thousandths, at most 1,500. 400 is our assumption.
    pub turnout_spread_permille: u32,
    /// Spread of the logarithm of a person's speed about that of their way of travelling, in thousandths, at most 1,500.
    /// Over all ways together the quartiles 1.4 and 4.0 m/s about 2.3 give 780 (Resuscitation 2020); 450 within one way is
    /// our assumption.
    pub speed_spread_permille: u32,
    /// How far somebody may have gone since their fix, metres a minute, at most 100. 10 is our assumption: one in ten walks
    /// about, the others sit, work or sleep.
    pub drift_m_per_min: u32,
    /// And how far at most, at most 5,000 m. 300 is our assumption: a phone that moves farther reports.
    pub drift_max_m: u32,
    /// Defibrillators.
    pub aeds: AedUse,
    /// The likelihood that people come.
    pub acceptance: Acceptance,
    /// What weighs how much in [`Ranking::Survival`].
    pub joint: Joint,
    /// An accepter who would be there sooner by at least this takes the place of one who has not moved yet; `None` = first
    /// come, first served. At most 10 min. 60 s is our assumption: five points of survival by Larsen.
    pub improve_by: Option<Duration>,
    /// Who accepted and has not moved this long after is counted as not coming, so that somebody else is asked; 30 s to
    /// 1 h. Twice the turnout by night.
    pub stall_after: Duration,
    /// The clock that people's quiet hours go by; `None` = the mean sun at the place.
    pub time_zone: Option<chrono_tz::Tz>,
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

/// How candidates are compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ranking {
    /// By straight line, as most systems do.
    Nearest,
    /// By median arrival.
    Soonest,
    /// By what each adds to modelled survival, all roles together, as long as it is worth an alert.
    Survival,
}

/// A role without its particulars.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum RoleKind {
    /// Straight to the patient.
    Direct,
    /// By way of a defibrillator; straight to the patient when there is none.
    FetchAed,
    /// Meets the crew and leads them in.
    Guide,
}

/// Defibrillators.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AedUse {
    /// How many are considered for one incident, those nearest to the patient first, 0 to 1,000; 0 = none are fetched.
    pub considered_max: u32,
    /// From reaching a defibrillator to setting off with it, at most 5 min. 30 s is our assumption.
    pub handling: Duration,
    /// One whose opening hours are not known counts as open with this likelihood, thousandths. Of 552 in Copenhagen 9.1 %
    /// were open at all hours, and coverage fell by 53.4 % outside office hours (Hansen 2013): 500 is our assumption.
    pub open_unknown_permille: u32,
    /// One that should be there is, with this likelihood, thousandths. 900 is our assumption.
    pub there_permille: u32,
}

/// The likelihood that people come, in thousandths.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Acceptance {
    /// Of a person of whom nothing is known. 287: median of 12 systems (Scquizzato 2020).
    pub prior_permille: u32,
    /// How many answers of a person's own weigh as much as that, 1 to 1,000. 10 is our assumption.
    pub prior_weight: u32,
    /// Of somebody who has been silent for longer than the wait, as a share of what it was. 150 is our assumption.
    pub late_permille: u32,
    /// Of somebody who accepted. 950 is our assumption; of those told to go one in twenty turns back.
    pub arrives_permille: u32,
}

/// What weighs how much in [`Ranking::Survival`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Joint {
    /// The survival that an alert must add to be sent, millionths, at most 100,000: the price of disturbing somebody.
    pub alert_price_ppm: u32,
    /// For each alert the person had within `rest.alerts_within` the price grows by this share, thousandths, at most 10,000:
    /// the same few are not asked again and again.
    pub fairness_permille: u32,
    /// The survival that a person must add to be told to go when `going_min` are going, millionths, at most 100,000.
    pub going_price_ppm: u32,
    /// How many lead the crew in, 0 to 2, asked once somebody goes to the patient.
    pub guides: u32,
    /// How survival falls with time.
    pub curve: SurvivalCurve,
    /// From the collapse to the report, at most 30 min. 2 min is our assumption: the call, and recognising what it is.
    pub since_collapse: Duration,
    /// From the crew's arrival to their first shock, at most 10 min. 60 s is our assumption.
    pub crew_shock_after: Duration,
    /// When the ambulance comes after the report if nobody says: a tenth, a half, nine tenths. England's category 1: mean
    /// 7 min and 90th percentile 15 min are the standards; 4 and 7 min for the others are our assumption.
    pub ambulance_unknown: Arrival,
    /// How far the ambulance's announced time is off, thousandths of what is left, at most 1,000. 250 is our assumption.
    pub ambulance_spread_permille: u32,
}

/// When people have been asked or have helped enough for a while.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rest {
    /// After an attendance nobody is asked for this long, at most 7 days.
    pub after_attendance: Duration,
    /// Nobody gets more alerts than this, 1 to 32, …
    pub alerts_max: u32,
    /// … within this time, at most 31 days.
    pub alerts_within: Duration,
}

/// How people are called out for shifts. There is no life to save by seconds, and an answer may take a word at home first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CallOutRules {
    /// For each place that nobody has taken yet so many people are asked at a time, 1 to 20. 4 is our assumption: one of
    /// three and a half accepts (`acceptance.prior_permille`).
    pub asked_per_place: u32,
    /// How many people one call-out may ask in all, 1 to 5,000.
    pub alerts_max: u32,
    /// Somebody who has not answered for this long is made up for, 10 s to 6 h; a late accept is still welcome. 10 min is
    /// our assumption.
    pub answer_wait: Duration,
    /// A request that nobody answered ends after this, at least `answer_wait`, at most 24 h, and with the last shift. 2 h
    /// is our assumption.
    pub alert_expiry: Duration,
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

impl Default for Policy {
    /// The shipped policy: whoever adds most to modelled survival, alone or by way of a defibrillator, while it is worth an
    /// alert. `docs/policies.md` shows what it gives beside the rules of other systems.
    fn default() -> Self {
        Self {
            name: "default".to_owned(),
            version: 2,
            ranking: Ranking::Survival,
            roles: vec![RoleKind::Direct],
            alert_count: 4,
            wanted: 2,
            going_min: 1,
            replace_declined: true,
            replace_silent: true,
            alerts_max: 60,
            candidates_max: 500,
            radius: Metres::new(2_000),
            skills_any: Skill::new("cpr").into_iter().collect(),
            skills_vetted: Skill::new("vetted").into_iter().collect(),
            scenes: SceneRules::default(),
            rest: Rest {
                after_attendance: Duration::from_secs(3_600),
                alerts_max: 20,
                alerts_within: Duration::from_secs(30 * 86_400),
            },
            call_out: CallOutRules {
                asked_per_place: 4,
                alerts_max: 5_000,
                answer_wait: Duration::from_secs(600),
                alert_expiry: Duration::from_secs(2 * 3_600),
            },
            wake_among: 1,
            ambulance_margin: Some(Duration::ZERO),
            notice: Duration::from_secs(6),
            detour_permille: 1_300,
            speeds: Speeds {
                unknown: 2_300,
                foot: 1_800,
                bicycle: 4_000,
                car: 5_600,
            },
            turnout_day: Duration::from_secs(102),
            turnout_night: Duration::from_secs(142),
            turnout_spread_permille: 400,
            speed_spread_permille: 450,
            drift_m_per_min: 10,
            drift_max_m: 300,
            aeds: AedUse {
                considered_max: 200,
                handling: Duration::from_secs(30),
                open_unknown_permille: 500,
                there_permille: 900,
            },
            acceptance: Acceptance {
                prior_permille: 287,
                prior_weight: 10,
                late_permille: 150,
                arrives_permille: 950,
            },
            joint: Joint {
                alert_price_ppm: 3_300,
                fairness_permille: 100,
                going_price_ppm: 3_300,
                guides: 0,
                curve: SurvivalCurve::VALENZUELA_1997,
                since_collapse: Duration::from_secs(120),
                crew_shock_after: Duration::from_secs(60),
                ambulance_unknown: Arrival {
                    fast: Duration::from_secs(240),
                    median: Duration::from_secs(420),
                    slow: Duration::from_secs(900),
                },
                ambulance_spread_permille: 250,
            },
            improve_by: Some(Duration::from_secs(60)),
            stall_after: Duration::from_secs(284),
            time_zone: Some(chrono_tz::Europe::London),
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
    /// The first policy: 7 within 1,200 m by median arrival, everybody straight to the patient.
    pub fn soonest() -> Self {
        Self {
            name: "soonest".to_owned(),
            version: 1,
            ranking: Ranking::Soonest,
            radius: Metres::new(1_200),
            alert_count: 7,
            wanted: 3,
            going_min: 0,
            ambulance_margin: None,
            improve_by: None,
            ..Self::default()
        }
    }
}
