//! Enumerations: each value of the core has one stored value, and the compiler checks that none is forgotten.

use dispatch_core::{
    aeds::{Access, AedState},
    alert::StandDownReason,
    attendance::{AbortReason, Attendance},
    incident::{EndCause, IncidentState},
    input::{DeclineReason, DeliveryStage},
    ledger::MessageOutcome,
    record::Verdict,
    responder::{Purpose, TravelMode},
};
use muster_proto::journal::v1 as stored;

use super::{InvalidRecord, fields::wrong};

/// A value stored as a number of the enumeration with the same name in `journal.proto` or `snapshot.proto`.
pub(crate) trait Word: Sized {
    fn to_stored(self) -> i32;
    fn from_stored(number: i32) -> Option<Self>;
}

macro_rules! words {
    ($($name:ident: $($word:ident)*;)*) => {$(
        impl Word for $name {
            fn to_stored(self) -> i32 {
                match self {
                    $(Self::$word => stored::$name::$word.into(),)*
                }
            }

            fn from_stored(number: i32) -> Option<Self> {
                match stored::$name::try_from(number) {
                    $(Ok(stored::$name::$word) => Some(Self::$word),)*
                    Ok(stored::$name::Unspecified) | Err(_) => None,
                }
            }
        }
    )*};
}

words! {
    AedState: Available OutOfService;
    Purpose: Live Exercise;
    TravelMode: Unknown Foot Bicycle Car;
    EndCause: Cancelled CrewOnScene Closed;
    IncidentState: Recorded Searching Covered Exhausted StoodDown Closed;
    Verdict: Asked EnoughSooner OffDuty Suspended CredentialExpired LacksSkill NoDevice PhoneOffline Busy AlreadyAsked
        AmbulanceSooner Quiet SceneExcluded NotVetted Resting Fatigued;
    DeliveryStage: Failed Published BrokerAcked Received Shown;
    DeclineReason: Unstated TooFar Busy Unsafe;
    MessageOutcome: Heard Superseded Lapsed;
    StandDownReason: Enough Cancelled Closed CrewOnScene Relocated Suspended SceneExcluded Replaced;
}

impl Word for Attendance {
    fn to_stored(self) -> i32 {
        match self {
            Self::Confirmed => stored::Attendance::Confirmed,
            Self::EnRoute => stored::Attendance::EnRoute,
            Self::AtScene => stored::Attendance::AtScene,
            Self::WithPatient => stored::Attendance::WithPatient,
            Self::AedAttached => stored::Attendance::AedAttached,
            Self::Finished => stored::Attendance::Finished,
            Self::Aborted(AbortReason::CannotContinue) => stored::Attendance::AbortedCannotContinue,
            Self::Aborted(AbortReason::AedNotThere) => stored::Attendance::AbortedAedNotThere,
            Self::StoodDown => stored::Attendance::StoodDown,
            Self::NotNeeded => stored::Attendance::NotNeeded,
            Self::TooLate => stored::Attendance::TooLate,
            Self::PresumedOver => stored::Attendance::PresumedOver,
        }
        .into()
    }

    fn from_stored(number: i32) -> Option<Self> {
        Some(match stored::Attendance::try_from(number) {
            Ok(stored::Attendance::Confirmed) => Self::Confirmed,
            Ok(stored::Attendance::EnRoute) => Self::EnRoute,
            Ok(stored::Attendance::AtScene) => Self::AtScene,
            Ok(stored::Attendance::WithPatient) => Self::WithPatient,
            Ok(stored::Attendance::AedAttached) => Self::AedAttached,
            Ok(stored::Attendance::Finished) => Self::Finished,
            Ok(stored::Attendance::AbortedCannotContinue) => Self::Aborted(AbortReason::CannotContinue),
            Ok(stored::Attendance::AbortedAedNotThere) => Self::Aborted(AbortReason::AedNotThere),
            Ok(stored::Attendance::StoodDown) => Self::StoodDown,
            Ok(stored::Attendance::NotNeeded) => Self::NotNeeded,
            Ok(stored::Attendance::TooLate) => Self::TooLate,
            Ok(stored::Attendance::PresumedOver) => Self::PresumedOver,
            Ok(stored::Attendance::Unspecified) | Err(_) => return None,
        })
    }
}

impl Word for Access {
    fn to_stored(self) -> i32 {
        match self {
            Self::Unknown => stored::AedAccess::Unknown,
            Self::Public => stored::AedAccess::Public,
            Self::Permissive => stored::AedAccess::Permissive,
            Self::Private => stored::AedAccess::Private,
        }
        .into()
    }

    fn from_stored(number: i32) -> Option<Self> {
        match stored::AedAccess::try_from(number) {
            Ok(stored::AedAccess::Unknown) => Some(Self::Unknown),
            Ok(stored::AedAccess::Public) => Some(Self::Public),
            Ok(stored::AedAccess::Permissive) => Some(Self::Permissive),
            Ok(stored::AedAccess::Private) => Some(Self::Private),
            Ok(stored::AedAccess::Unspecified) | Err(_) => None,
        }
    }
}

/// The value of a field of a record.
pub(crate) fn word<T: Word>(field: &'static str, number: i32) -> Result<T, InvalidRecord> {
    T::from_stored(number).ok_or_else(|| wrong(field, number, "a value this Muster knows"))
}
