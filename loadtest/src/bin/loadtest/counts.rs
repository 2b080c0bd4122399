//! What is counted in a run, by name.

use std::collections::BTreeMap;

use muster_loadtest::result::Count;

/// Something counted. The order is that of the summary.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Key {
    IncidentsDue,
    IncidentsReported,
    IncidentsNotReported,
    IncidentsShort,
    ReportAttemptsFailed,
    AcknowledgedNotDurable,
    StandDownsFailed,
    AlertsPlanned,
    AlertsOnPhones,
    AlertsNeverSent,
    AlertsLost,
    AlertsUnaccounted,
    AlertsTwice,
    IncidentsUnseen,
    Accepts,
    Declines,
    Confirms,
    PositionsSent,
    PositionsTakenIn,
    PositionsLost,
    PositionsUnsent,
    NoiseSent,
    ConnectionsLost,
    ConnectionsCut,
    PhonesUnable,
}

impl Key {
    /// Every count.
    pub const ALL: [Self; 25] = [
        Self::IncidentsDue,
        Self::IncidentsReported,
        Self::IncidentsNotReported,
        Self::IncidentsShort,
        Self::ReportAttemptsFailed,
        Self::AcknowledgedNotDurable,
        Self::StandDownsFailed,
        Self::AlertsPlanned,
        Self::AlertsOnPhones,
        Self::AlertsNeverSent,
        Self::AlertsLost,
        Self::AlertsUnaccounted,
        Self::AlertsTwice,
        Self::IncidentsUnseen,
        Self::Accepts,
        Self::Declines,
        Self::Confirms,
        Self::PositionsSent,
        Self::PositionsTakenIn,
        Self::PositionsLost,
        Self::PositionsUnsent,
        Self::NoiseSent,
        Self::ConnectionsLost,
        Self::ConnectionsCut,
        Self::PhonesUnable,
    ];

    /// Its name in scenarios and results.
    pub fn name(self) -> &'static str {
        self.words().0
    }

    /// Name, how a reader says it, and whether anything above zero is trouble.
    fn words(self) -> (&'static str, &'static str, bool) {
        match self {
            Self::IncidentsDue => ("incidents_due", "incidents due", false),
            Self::IncidentsReported => ("incidents_reported", "incidents reported", false),
            Self::IncidentsNotReported => ("incidents_not_reported", "incidents never acknowledged", true),
            Self::IncidentsShort => (
                "incidents_short",
                "incidents for which fewer were asked at first than wanted",
                true,
            ),
            Self::ReportAttemptsFailed => ("report_attempts_failed", "attempts to report that failed", true),
            Self::AcknowledgedNotDurable => (
                "acknowledged_not_durable",
                "answers that a report is not on disk yet",
                true,
            ),
            Self::StandDownsFailed => ("stand_downs_failed", "stand-downs never acknowledged", true),
            Self::AlertsPlanned => ("alerts_planned", "alerts, by the control room's view", false),
            Self::AlertsOnPhones => ("alerts_on_phones", "alerts on phones, by their own logs", false),
            Self::AlertsNeverSent => ("alerts_never_sent", "alerts withdrawn before they were sent", false),
            Self::AlertsLost => ("alerts_lost", "alerts sent that no phone ever had", true),
            Self::AlertsUnaccounted => (
                "alerts_unaccounted",
                "alerts on which service and phones disagree",
                true,
            ),
            Self::AlertsTwice => ("alerts_twice", "alerts that reached a phone more than once", false),
            Self::IncidentsUnseen => (
                "incidents_unseen",
                "incidents whose alerts could not be asked for",
                true,
            ),
            Self::Accepts => ("accepts", "people who said yes", false),
            Self::Declines => ("declines", "people who said no", false),
            Self::Confirms => ("confirms", "people told to go", false),
            Self::PositionsSent => ("positions_sent", "positions sent", false),
            Self::PositionsTakenIn => ("positions_taken_in", "positions the service took in", false),
            Self::PositionsLost => ("positions_lost", "positions the service did not take in", true),
            Self::PositionsUnsent => ("positions_unsent", "positions the harness could not send", true),
            Self::NoiseSent => ("noise_sent", "messages of the noisy sender", false),
            Self::ConnectionsLost => ("connections_lost", "phones' connections lost or not made", true),
            Self::ConnectionsCut => ("connections_cut", "phones' connections cut on purpose", false),
            Self::PhonesUnable => (
                "phones_unable",
                "messages phones could not read or send, and refused subscriptions",
                true,
            ),
        }
    }
}

/// The counts of a run. One that was never set is not known and not told.
#[derive(Debug, Default)]
pub struct Counts(BTreeMap<Key, u64>);

impl Counts {
    /// Says a count.
    pub fn set(&mut self, key: Key, value: u64) {
        self.0.insert(key, value);
    }

    /// Adds to a count.
    pub fn add(&mut self, key: Key, more: u64) {
        *self.0.entry(key).or_default() += more;
    }

    /// A count, if known.
    pub fn known(&self, key: Key) -> Option<u64> {
        self.0.get(&key).copied()
    }

    /// A count; 0 when not known.
    pub fn of(&self, key: Key) -> u64 {
        self.known(key).unwrap_or(0)
    }

    /// All that are known.
    pub fn told(&self) -> Vec<Count> {
        let count = |(key, &value): (&Key, &u64)| {
            let (name, title, is_trouble) = key.words();
            Count {
                key: name.to_owned(),
                title: title.to_owned(),
                value,
                is_trouble,
            }
        };
        self.0.iter().map(count).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_what_was_never_set_is_not_told() {
        assert!(Key::ALL.windows(2).all(|two| two[0] < two[1]));
        let names: std::collections::BTreeSet<_> = Key::ALL.iter().map(|key| key.name()).collect();
        assert_eq!(names.len(), Key::ALL.len());
        let mut counts = Counts::default();
        counts.add(Key::AlertsLost, 2);
        assert_eq!(
            (counts.known(Key::PositionsLost), counts.of(Key::AlertsLost)),
            (None, 2)
        );
        assert_eq!(counts.told().len(), 1);
    }
}
