//! The account: what happens, told live, a line for each step of an incident and a bar with the counts below.

use std::{
    collections::BTreeMap,
    io::IsTerminal as _,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use indicatif::{ProgressBar, ProgressStyle};
use muster_loadtest::{Answered, What};
use muster_proto::v1::{
    AttendanceState, IncidentState, SystemAlarm, WatchIncidentsResponse, watch_incidents_response::Event,
};

use super::{calls::Call, desk::ReportedCall};
use crate::telemetry::complain;

/// Where there is no terminal the counts are told this often instead of shown all the time.
const TELL_COUNTS_EVERY: Duration = Duration::from_secs(10);

/// The account. Goes to standard error, so that standard output holds the result alone.
pub struct Account {
    bar: Option<ProgressBar>,
    duration: Duration,
    state: Mutex<State>,
}

struct State {
    began: Instant,
    counts_told: Instant,
    expected: usize,
    incidents: BTreeMap<String, Told>,
    /// Report to phone, microseconds.
    to_phone: Histogram<u64>,
    alerts: u64,
    accepted: u64,
    declined: u64,
}

/// What has been told of an incident.
struct Told {
    number: usize,
    label: String,
    reported_at: Instant,
    /// Asked by the report itself.
    first_wave: u32,
    /// Asked in all.
    asked: u32,
    on_phones: u32,
    going: u32,
    state: IncidentState,
}

impl Account {
    /// An account of a demo that takes calls for `duration`.
    pub fn new(duration: Duration) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style =
                ProgressStyle::with_template("{bar:20} {wide_msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(duration.as_secs()).with_style(style)
        });
        let now = Instant::now();
        let state = State {
            began: now,
            counts_told: now,
            expected: 0,
            incidents: BTreeMap::new(),
            to_phone: Histogram::new(3).expect("3 significant digits are allowed"),
            alerts: 0,
            accepted: 0,
            declined: 0,
        };
        Self {
            bar,
            duration,
            state: Mutex::new(state),
        }
    }

    /// A line of its own.
    pub fn tell(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => complain(line),
        }
    }

    /// The calls begin.
    pub fn begin(&self, expected: usize) {
        let mut state = self.state();
        state.began = Instant::now();
        state.counts_told = state.began;
        state.expected = expected;
    }

    /// The calls have ended.
    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// Whether the incident's report has been answered.
    pub fn knows(&self, incident: &str) -> bool {
        self.state().incidents.contains_key(incident)
    }

    /// A report was answered.
    pub fn reported(&self, incident: &str, call: &Call, reported: &ReportedCall, asked: u32) {
        let mut state = self.state();
        let number = state.incidents.len() + 1;
        let told = Told {
            number,
            label: call.label.clone(),
            reported_at: reported.reported_at,
            first_wave: asked,
            asked,
            on_phones: 0,
            going: 0,
            state: IncidentState::Searching,
        };
        let line = format!(
            "received, on disk after {:.1} ms, {asked} asked (E {:.0} N {:.0} +-{:.0} m)",
            reported.acknowledged_after.as_secs_f64() * 1e3,
            call.easting_m,
            call.northing_m,
            call.accuracy_m
        );
        self.step(&state, &told, &line);
        state.incidents.insert(incident.to_owned(), told);
    }

    /// The watch told something about an incident that is known.
    pub fn watched(&self, event: &WatchIncidentsResponse) {
        let mut state = self.state();
        let began = state.began;
        let Some(told) = state.incidents.get_mut(&event.incident_id) else {
            return;
        };
        let after = told.reported_at.elapsed().as_secs_f64();
        let line = match &event.event {
            Some(Event::AlertsPlanned(planned)) if planned.wave > 1 && !planned.alert_ids.is_empty() => {
                told.asked += u32::try_from(planned.alert_ids.len()).unwrap_or(0);
                format!("{} more asked ({} in all)", planned.alert_ids.len(), told.asked)
            }
            Some(Event::AttendanceChanged(changed)) => match changed.state() {
                AttendanceState::Confirmed => {
                    told.going += 1;
                    format!("{} going, {after:.1} s after the call", told.going)
                }
                AttendanceState::AtScene => format!("first-aider at the scene, {after:.0} s after the call"),
                AttendanceState::WithPatient => format!("first-aider with the patient, {after:.0} s after the call"),
                AttendanceState::Aborted => {
                    told.going = told.going.saturating_sub(1);
                    "one cannot continue".to_owned()
                }
                _ => return,
            },
            Some(Event::AlertReassigned(_)) => "one has another task".to_owned(),
            Some(Event::AttendanceStalled(_)) => "one who said yes does not move".to_owned(),
            Some(Event::StateChanged(changed)) => {
                told.state = changed.state();
                match changed.state() {
                    IncidentState::Covered => format!("COVERED, {after:.1} s after the call"),
                    IncidentState::Exhausted => "nobody left to ask now".to_owned(),
                    _ => return,
                }
            }
            Some(Event::CouldNotAlert(_)) => "COULD NOT ALERT: no phone has confirmed receipt".to_owned(),
            _ => return,
        };
        let line = step_line(began, told, &line);
        drop(state);
        self.tell(&line);
        self.show_counts();
    }

    /// The service itself is in trouble, or no longer.
    pub fn alarmed(&self, alarm: &SystemAlarm) {
        let began = self.state().began;
        let what = if alarm.raised { "ALARM" } else { "alarm over" };
        self.tell(&format!("{} {what}: {}", clock(began), alarm.message));
    }

    /// An alert reached a phone.
    pub fn alert_on_phone(&self, incident: &str, at: Instant) {
        let mut state = self.state();
        state.alerts += 1;
        let Some(told) = state.incidents.get_mut(incident) else {
            return;
        };
        told.on_phones += 1;
        let after = at.saturating_duration_since(told.reported_at);
        let first = told.on_phones == 1;
        let line = first.then(|| {
            step_line_at(
                told,
                &format!("first phone rings after {:.0} ms", after.as_secs_f64() * 1e3),
            )
        });
        if told.on_phones <= told.first_wave {
            // Beyond the histogram's range is beyond any bar.
            let _ = state
                .to_phone
                .record(u64::try_from(after.as_micros()).unwrap_or(u64::MAX));
        }
        let began = state.began;
        drop(state);
        if let Some(line) = line {
            self.tell(&format!("{} {line}", clock(began)));
        }
    }

    /// Something else a phone logged.
    pub fn phone_event(&self, what: &What) {
        let mut state = self.state();
        match what {
            What::Answered {
                answer: Answered::Accept,
                ..
            } => state.accepted += 1,
            What::Answered {
                answer: Answered::Decline,
                ..
            } => state.declined += 1,
            _ => {}
        }
        drop(state);
        self.show_counts();
    }

    fn step(&self, state: &State, told: &Told, text: &str) {
        self.tell(&step_line(state.began, told, text));
    }

    /// Shows the counts in the bar, or now and then as a line.
    fn show_counts(&self) {
        let mut state = self.state();
        let due = state.counts_told.elapsed() >= TELL_COUNTS_EVERY;
        if self.bar.is_none() && !due {
            return;
        }
        let text = state.counts();
        if due {
            state.counts_told = Instant::now();
        }
        let elapsed = state.began.elapsed().min(self.duration).as_secs();
        drop(state);
        match &self.bar {
            Some(bar) => {
                bar.set_position(elapsed);
                bar.set_message(text);
            }
            None => complain(&format!("    {text}")),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn counts(&self) -> String {
        let with = |wanted: IncidentState| self.incidents.values().filter(|told| told.state == wanted).count();
        #[allow(clippy::cast_precision_loss)]
        let ms = |quantile: f64| self.to_phone.value_at_quantile(quantile) as f64 / 1e3;
        format!(
            "calls {}/{}: {} searching, {} covered, {} exhausted | alerts on phones {}, accepted {}, declined {} | \
             report to phone p50 {:.0} ms, p99 {:.0} ms",
            self.incidents.len(),
            self.expected,
            with(IncidentState::Searching),
            with(IncidentState::Covered),
            with(IncidentState::Exhausted),
            self.alerts,
            self.accepted,
            self.declined,
            ms(0.5),
            ms(0.99),
        )
    }
}

fn clock(began: Instant) -> String {
    format!("{:>6.1} s", began.elapsed().as_secs_f64())
}

fn step_line(began: Instant, told: &Told, text: &str) -> String {
    format!("{} {}", clock(began), step_line_at(told, text))
}

fn step_line_at(told: &Told, text: &str) -> String {
    format!(" #{:<3} {:<24.24} {text}", told.number, told.label)
}
