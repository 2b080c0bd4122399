//! How much a request matters: when there is too much to do, what matters least is refused first.

/// Classes of requests, most important first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Class {
    /// A report of a life-threatening kind, a stand-down, a close: somebody is, or need no longer be, in danger or on the
    /// way.
    Vital,
    /// Any other report.
    Report,
    /// A change to the register.
    Register,
    /// A question; it can be asked again.
    Query,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 4] = [Self::Vital, Self::Report, Self::Register, Self::Query];

    /// The label of the class in counters.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Vital => "vital",
            Self::Report => "report",
            Self::Register => "register",
            Self::Query => "query",
        }
    }

    /// The class of a method; `None` for a report, which has to be read first.
    pub fn of_method(method: &str) -> Option<Self> {
        match method {
            "ReportIncident" => None,
            "StandDownIncident" | "CloseIncident" => Some(Self::Vital),
            "RegisterResponder"
            | "ImportResponders"
            | "UpdateResponder"
            | "SuspendResponder"
            | "IssueCredential"
            | "IssueTrunkCredential"
            | "RevokeCredential"
            | "RegisterDefibrillator"
            | "ImportDefibrillators"
            | "UpdateDefibrillator"
            | "RemoveDefibrillator" => Some(Self::Register),
            // GetIncident, ListIncidents, WatchIncidents, GetResponder, ListResponders, GetDefibrillator,
            // ListDefibrillators, and what does not exist.
            _ => Some(Self::Query),
        }
    }
}
