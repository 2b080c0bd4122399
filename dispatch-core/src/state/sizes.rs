//! How much is held, for those who watch that it does not grow for ever.

use super::State;

/// Numbers of things held in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sizes {
    /// Incidents.
    pub incidents: usize,
    /// Of forgotten incidents, what is needed to refuse what comes late.
    pub tombstones: usize,
    /// Alerts.
    pub alerts: usize,
    /// Responders who still have to do with an alert.
    pub live_responders: usize,
    /// Defibrillators.
    pub aeds: usize,
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
            tombstones: self.tombstones.len(),
            alerts: self.alerts.len(),
            live_responders: self.live_alerts.len(),
            aeds: self.aeds.len(),
            answers: self.answers.len(),
            cad_clocks: self.cad_clocks.len(),
        }
    }
}
