//! How people, ambulances and patients are taken to be: every number of the laboratory that is no input, in one place,
//! with its source or the word assumption.

use std::time::Duration;

use muster_people::{answers::AnswerModel, habits::HabitModel};

/// The model's numbers. `Default` holds the published and assumed values.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Assumptions {
    /// Answers, turnout, times at the scene.
    pub answers: AnswerModel,
    /// Where people are, what their phones told.
    pub habits: HabitModel,
    /// How alike people are in their willingness: the concentration of a beta distribution about the published mean.
    /// Assumption: 4, so that the middle half of people accept between 11 % and 42 % of alerts.
    pub willingness_concentration: f64,
    /// Share of people, by incident, whom no message reaches (phone off, no signal). They count among those who do not
    /// answer, so that the published share of accepted alerts stays. Assumption: 5 %.
    pub unreached_share: f64,
    /// From sending a message to the phone having it: median, and spread of the logarithm. Assumption: 0.7 s and 0.6.
    pub delivery: (Duration, f64),
    /// From the report to the ambulance at the scene: mean, and spread of the logarithm. 7:45 and 0.66 give a 90th
    /// percentile of 14:30; England's category 1 has a mean of 7 to 8 and a 90th percentile of 14 to 15 min (Nuffield
    /// Trust). That it is log-normal, and that the report is where its clock begins, are assumptions.
    pub ambulance: (Duration, f64),
    /// Spread of the logarithm of the dispatch system's estimate about the truth. Assumption: 0.2.
    pub estimate_sigma: f64,
    /// From the collapse to the report. Assumption: 2 min, for the call and for recognising what it is.
    pub collapse_to_report: Duration,
    /// From the ambulance at the scene to the crew with the patient, treating. Assumption: 60 s.
    pub crew_to_patient: Duration,
    /// From the crew with the patient to its first shock. Assumption: 60 s.
    pub crew_to_shock: Duration,
    /// From a responder with the patient and a defibrillator to it being attached and giving its first shock. Assumption:
    /// 60 s.
    pub attach: Duration,
    /// Shortest and longest time to get a defibrillator out. Assumption: 30 to 60 s.
    pub take_out: (Duration, Duration),
    /// Likelihood that a defibrillator whose hours are known cannot be had all the same. Assumption: 5 %.
    pub missing_hours_known: f64,
    /// The same when its hours are not known, in office hours (weekdays 8 to 16). Assumption: 10 %.
    pub missing_office_hours: f64,
    /// The same at all other times: 53.4 % of coverage is lost then (Hansen 2013, 552 defibrillators in Copenhagen).
    pub missing_other_hours: f64,
}

impl Default for Assumptions {
    fn default() -> Self {
        Self {
            answers: AnswerModel::default(),
            habits: HabitModel::default(),
            willingness_concentration: 4.0,
            unreached_share: 0.05,
            delivery: (Duration::from_millis(700), 0.6),
            ambulance: (Duration::from_secs(465), 0.66),
            estimate_sigma: 0.2,
            collapse_to_report: Duration::from_secs(120),
            crew_to_patient: Duration::from_secs(60),
            crew_to_shock: Duration::from_secs(60),
            attach: Duration::from_secs(60),
            take_out: (Duration::from_secs(30), Duration::from_secs(60)),
            missing_hours_known: 0.05,
            missing_office_hours: 0.10,
            missing_other_hours: 0.534,
        }
    }
}

impl Assumptions {
    /// The assumptions in plain words, for whoever reads a result.
    pub fn in_words(&self) -> Vec<String> {
        let percent = |share: f64| format!("{:.1} %", share * 100.0);
        let seconds = |span: Duration| format!("{} s", span.as_secs());
        let answers = &self.answers;
        vec![
            "Every incident is taken for a witnessed cardiac arrest in which nobody helps before the first responder or \
             the crew. Of real alerts 33 to 67 % are arrests, so the survival shown is for comparing policies, not a \
             forecast."
                .to_owned(),
            format!(
                "The report comes {} after the collapse, from the reported place; the crew treats {} after its arrival and \
                 shocks {} later.",
                seconds(self.collapse_to_report),
                seconds(self.crew_to_patient),
                seconds(self.crew_to_shock)
            ),
            format!(
                "Where the file does not say when the ambulance came, it is drawn: {:.1} min on average, spread like \
                 England's category 1. The dispatch system's estimate is off by about {}.",
                self.ambulance.0.as_secs_f64() / 60.0,
                percent(self.estimate_sigma)
            ),
            format!(
                "{} of alerts are accepted (Scquizzato 2020), {} declined, the rest not answered, among them {} whose phone \
                 cannot be reached. People differ: willingness is beta-distributed with concentration {} (assumed), and \
                 does not depend on distance or hour, for want of a source.",
                percent(answers.accept_share),
                percent(answers.decline_share),
                percent(self.unreached_share),
                self.willingness_concentration
            ),
            format!(
                "Turnout, from the alert to leaving: median {} by day and {} by night (Ganter 2025). Answers take about {}, \
                 from the door to the patient it takes about {}.",
                seconds(answers.turnout_day),
                seconds(answers.turnout_night),
                seconds(answers.answer_median),
                seconds(answers.to_patient_median)
            ),
            "Half come on foot, three in ten by bicycle, the others by car; together their speeds have the quartiles 1.4, \
             2.3 and 4.0 m/s (Resuscitation 2020). Without a road map the way is the straight line times a factor drawn \
             for each person and incident, 1.3 on average."
                .to_owned(),
            format!(
                "By night everybody is at home. On weekdays {} are at a day place from about 8:00 to 17:30, by sun time, \
                 {} at weekends; day places are drawn by where people live, the nearer the likelier. Phones that lie still \
                 tell where they are every quarter of an hour to four hours; {} of people have moved since.",
                percent(self.habits.away_on_weekdays),
                percent(self.habits.away_on_weekends),
                percent(self.habits.moved_since_share)
            ),
            format!(
                "A defibrillator takes {} to {} to get out and {} to attach. It cannot be had in {} of cases when its hours \
                 are known, and when they are not in {} in office hours and {} at other times (Hansen 2013).",
                seconds(self.take_out.0),
                seconds(self.take_out.1),
                seconds(self.attach),
                percent(self.missing_hours_known),
                percent(self.missing_office_hours),
                percent(self.missing_other_hours)
            ),
            "Everybody registered is on duty, may be asked, and has one phone. Nobody is unable to go on once on the way."
                .to_owned(),
        ]
    }
}
