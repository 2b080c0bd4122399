//! What people do with an alert: yes, no or nothing, after how long, and when they set off.

use std::time::Duration;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Beta, Distribution as _};

use crate::{Person, Trait, person::log_normal};

/// What a person says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// I will go.
    Accept,
    /// I will not go.
    Decline(DeclineReason),
    /// Nothing: asleep, driving, phone in another room.
    Silence,
}

/// Why not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeclineReason {
    /// Too far away.
    TooFar,
    /// Busy.
    Busy,
    /// It would not be safe.
    Unsafe,
}

/// Day or night as far as getting out of the house is concerned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DayPart {
    /// 07:00 to 22:00.
    Day,
    /// 22:00 to 07:00.
    Night,
}

impl DayPart {
    /// The part of the day of a local hour, 0 to 23. That night is 22 to 7 is an assumption: the source of the turnout
    /// times does not say where it drew the line.
    pub fn of_hour(hour: u32) -> Self {
        if (7..22).contains(&hour) {
            Self::Day
        } else {
            Self::Night
        }
    }
}

/// Everything a person will do about one alert.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Reaction {
    /// From the phone receiving the alert to the alert being on the screen.
    pub shown_after: Duration,
    /// What the person says.
    pub answer: Answer,
    /// From the screen to the answer; without meaning for silence.
    pub answered_after: Duration,
    /// From being told to go to leaving.
    pub turnout: Duration,
    /// From the door to the patient's side.
    pub reaches_patient_after: Duration,
    /// From the patient's side to handing over.
    pub finishes_after: Duration,
}

/// The rates and times by which people react. `Default` holds the published and assumed values.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct AnswerModel {
    /// Share of alerts that are accepted. 28.7 %: median of 12 systems (Scquizzato 2020).
    pub accept_share: f64,
    /// Share of alerts that are declined. Assumption: 30 %, leaving 41.3 % silent; the literature counts both as
    /// "not accepted".
    pub decline_share: f64,
    /// Median time to the answer. Assumption: 6 s, about the time to take out a phone and read two lines.
    pub answer_median: Duration,
    /// Spread of the logarithm of that time. Assumption: 0.6, so that one in twenty takes over 16 s.
    pub answer_sigma: f64,
    /// Median turnout by day: 1:42 (Ganter 2025, Freiburg). That it is log-normal is an assumption.
    pub turnout_day: Duration,
    /// Median turnout by night: 2:22 (same source).
    pub turnout_night: Duration,
    /// Spread of the logarithm of the turnout. Assumption: 0.4.
    pub turnout_sigma: f64,
    /// Median time from the door to the patient. Assumption: 45 s.
    pub to_patient_median: Duration,
    /// Median time with the patient. Assumption: 12 min, until the crew has taken over.
    pub with_patient_median: Duration,
}

impl Default for AnswerModel {
    fn default() -> Self {
        Self {
            accept_share: 0.287,
            decline_share: 0.30,
            answer_median: Duration::from_secs(6),
            answer_sigma: 0.6,
            turnout_day: Duration::from_secs(102),
            turnout_night: Duration::from_secs(142),
            turnout_sigma: 0.4,
            to_patient_median: Duration::from_secs(45),
            with_patient_median: Duration::from_secs(12 * 60),
        }
    }
}

/// Assumption: a phone takes this long from receiving an alert to lighting its screen.
const SHOWN_AFTER_MS: std::ops::Range<f64> = 50.0..400.0;
/// Assumption: spread of the logarithm of the times at the scene.
const SCENE_SIGMA: f64 = 0.4;
/// Assumption: reasons given for a decline; busy is by far the most common, the rest (here 10 %) is unsafe.
const TOO_FAR_SHARE: f64 = 0.25;
const BUSY_SHARE: f64 = 0.65;
/// Nothing a person does about an alert takes longer: the tails are cut here.
const LONGEST: f64 = 4.0 * 3600.0;

impl AnswerModel {
    /// How willing a person is: the share of alerts that they accept, 0 to 1, the same all their life. Beta-distributed
    /// about the model's share. The greater `concentration`, the more alike people are; a concentration that is not
    /// above zero makes them all alike.
    pub fn willingness_of(&self, person: Person, concentration: f64) -> f64 {
        let mean = self.accept_share.clamp(0.0, 1.0);
        match Beta::new(mean * concentration, (1.0 - mean) * concentration) {
            Ok(beta) => beta.sample(&mut person.stream(Trait::Willing, 0)),
            Err(_) => mean,
        }
    }

    /// The same model for somebody this willing: what they do not accept is declined or left unanswered in the model's
    /// own proportion.
    pub fn for_willingness(&self, willingness: f64) -> Self {
        let others = 1.0 - self.accept_share;
        let declined_of_others = if others > 0.0 { self.decline_share / others } else { 0.0 };
        Self {
            accept_share: willingness,
            decline_share: (1.0 - willingness) * declined_of_others,
            ..*self
        }
    }

    /// What a person does with the `alert_ordinal`-th alert of their life. The same person does the same with it each
    /// time it is asked.
    pub fn reaction(&self, person: Person, alert_ordinal: u64, day_part: DayPart) -> Reaction {
        let mut stream = person.stream(Trait::Answer, alert_ordinal);
        let turnout = match day_part {
            DayPart::Day => self.turnout_day,
            DayPart::Night => self.turnout_night,
        };
        Reaction {
            answer: self.answer(&mut stream),
            shown_after: Duration::from_secs_f64(stream.random_range(SHOWN_AFTER_MS) / 1000.0),
            answered_after: about(&mut stream, self.answer_median, self.answer_sigma),
            turnout: about(&mut stream, turnout, self.turnout_sigma),
            reaches_patient_after: about(&mut stream, self.to_patient_median, SCENE_SIGMA),
            finishes_after: about(&mut stream, self.with_patient_median, SCENE_SIGMA),
        }
    }

    fn answer(&self, stream: &mut ChaCha8Rng) -> Answer {
        // Both are drawn always, so that changing a share does not shift what follows.
        let (draw, reason): (f64, f64) = (stream.random(), stream.random());
        if draw < self.accept_share {
            return Answer::Accept;
        }
        if draw >= self.accept_share + self.decline_share {
            return Answer::Silence;
        }
        Answer::Decline(match reason {
            r if r < TOO_FAR_SHARE => DeclineReason::TooFar,
            r if r < TOO_FAR_SHARE + BUSY_SHARE => DeclineReason::Busy,
            _ => DeclineReason::Unsafe,
        })
    }
}

fn about(stream: &mut ChaCha8Rng, median: Duration, sigma: f64) -> Duration {
    let seconds = log_normal(stream, median.as_secs_f64(), sigma);
    // A sigma that is no number gives a time that is none: it counts as long.
    let seconds = if seconds.is_finite() { seconds } else { LONGEST };
    Duration::from_secs_f64(seconds.clamp(0.0, LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAWS: u64 = 40_000;

    fn reactions(day_part: DayPart) -> Vec<Reaction> {
        let model = AnswerModel::default();
        let reaction = |number| {
            model.reaction(
                Person {
                    seed: 11,
                    number: number / 4,
                },
                number % 4,
                day_part,
            )
        };
        (0..DRAWS).map(reaction).collect()
    }

    fn median_s(mut values: Vec<Duration>) -> f64 {
        values.sort();
        values[values.len() / 2].as_secs_f64()
    }

    fn share(reactions: &[Reaction], counts: impl Fn(Answer) -> bool) -> f64 {
        reactions.iter().filter(|reaction| counts(reaction.answer)).count() as f64 / DRAWS as f64
    }

    #[test]
    fn answers_come_at_the_published_rate() {
        let reactions = reactions(DayPart::Day);
        let accepted = share(&reactions, |answer| answer == Answer::Accept);
        let silent = share(&reactions, |answer| answer == Answer::Silence);
        let busy = share(&reactions, |answer| answer == Answer::Decline(DeclineReason::Busy));
        assert!((accepted - 0.287).abs() < 0.01, "{accepted}");
        assert!((silent - 0.413).abs() < 0.01, "{silent}");
        assert!((busy - 0.30 * BUSY_SHARE).abs() < 0.01, "{busy}");
    }

    #[test]
    fn times_have_their_medians_and_the_night_is_slower() {
        let (day, night) = (reactions(DayPart::Day), reactions(DayPart::Night));
        let turnouts = |reactions: &[Reaction]| median_s(reactions.iter().map(|r| r.turnout).collect());
        assert!((turnouts(&day) - 102.0).abs() < 2.0);
        assert!((turnouts(&night) - 142.0).abs() < 3.0);
        assert!((median_s(day.iter().map(|r| r.answered_after).collect()) - 6.0).abs() < 0.15);
        assert!(day.iter().all(|r| (0.05..0.4).contains(&r.shown_after.as_secs_f64())));
    }

    #[test]
    fn a_person_reacts_the_same_whenever_and_after_whomever_asked() {
        let model = AnswerModel::default();
        let ask = |number, ordinal| model.reaction(Person { seed: 2, number }, ordinal, DayPart::Day);
        let forwards: Vec<Reaction> = (0..500).map(|n| ask(n / 5, n % 5)).collect();
        let mut backwards: Vec<Reaction> = (0..500).rev().map(|n| ask(n / 5, n % 5)).collect();
        backwards.reverse();
        assert_eq!(forwards, backwards);
        assert_ne!(ask(1, 0), ask(1, 1));
        assert_ne!(ask(1, 0), ask(2, 0));
    }

    #[test]
    fn day_begins_at_seven_and_ends_at_ten() {
        assert_eq!(
            [6, 7, 21, 22].map(DayPart::of_hour),
            [DayPart::Night, DayPart::Day, DayPart::Day, DayPart::Night]
        );
    }

    #[test]
    fn people_differ_in_willingness_and_keep_the_published_rate_together() {
        let model = AnswerModel::default();
        let people = |concentration: f64| {
            let person = |number| Person { seed: 4, number };
            let willing: Vec<f64> = (0..20_000)
                .map(|number| model.willingness_of(person(number), concentration))
                .collect();
            let mean = willing.iter().sum::<f64>() / 20_000.0;
            let variance = willing.iter().map(|w| (w - mean) * (w - mean)).sum::<f64>() / 20_000.0;
            (mean, variance)
        };
        let (mean, variance) = people(4.0);
        // A beta distribution's variance is mean (1 - mean) / (concentration + 1).
        assert!((mean - 0.287).abs() < 0.005, "{mean}");
        assert!((variance - 0.287 * 0.713 / 5.0).abs() < 0.002, "{variance}");
        let (mean, variance) = people(0.0);
        assert!((mean - 0.287).abs() < 1e-9 && variance < 1e-12, "{mean} {variance}");
        let eager = model.for_willingness(0.9);
        assert!((eager.decline_share - 0.1 * 0.30 / 0.713).abs() < 1e-12);
    }

    #[test]
    fn a_senseless_model_does_not_panic() {
        let model = AnswerModel {
            answer_sigma: f64::INFINITY,
            turnout_sigma: f64::NAN,
            ..AnswerModel::default()
        };
        for number in 0..100 {
            model.reaction(Person { seed: 1, number }, 0, DayPart::Day);
        }
    }
}
