//! How much is held, for those who watch that it does not grow for ever.

use super::State;

/// Numbers of things held in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sizes {
    /// Incidents.
    pub incidents: usize,
    /// Alerts.
    pub alerts: usize,
    /// Alerts somebody still has to do with, counted by responder.
    pub live_alerts: usize,
    /// Answers kept for retries.
    pub answers: usize,
    /// Dispatch systems whose clocks are observed.
    pub cad_clocks: usize,
}

impl State {
    /// How much is held.
    pub fn sizes(&self) -> Sizes {
        Sizes {
            incidents: self.incidents.len(),
            alerts: self.alerts.len(),
            live_alerts: self.live_alerts.values().map(|alerts| alerts.len()).sum(),
            answers: self.answers.len(),
            cad_clocks: self.cad_clocks.len(),
        }
    }
}
