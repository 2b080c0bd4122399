//! The one map from what can go wrong to a gRPC status. Each refusal has a code, a reason that never changes, a
//! sentence, and details for programs.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hasher, RandomState},
    time::Duration,
};

use dispatch_core::{ids::Reference, responder::Purpose};
use muster_engine::{
    ports::JournalError,
    requests::{Refused, RegistryRefusal},
};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

use crate::{parse::InvalidRequest, tenant::NoTenant};

/// Whose reasons these are, in `google.rpc.ErrorInfo`.
const DOMAIN: &str = "muster";
/// When a caller should try again: a restart takes about this long.
const RETRY_AFTER: Duration = Duration::from_secs(2);

/// Overloaded: try again after this at the soonest. A burst of requests is over by then.
const OVERLOADED_RETRY_FROM: Duration = Duration::from_secs(1);
/// Up to this much later, by chance: those refused together are not to come back together.
const OVERLOADED_RETRY_SPREAD: Duration = Duration::from_secs(2);

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// The caller's certificate names no tenant.
    #[error(transparent)]
    NoTenant(#[from] NoTenant),
    /// Fields are wrong.
    #[error(transparent)]
    Invalid(#[from] InvalidRequest),
    /// The same request id came with other fields.
    #[error("request_id '{0}' was used before with other fields; a new request needs a new id")]
    RequestIdReused(Reference),
    /// A drill cannot become an emergency, nor the reverse.
    #[error("the incident is {}; its purpose cannot change, report another incident", purpose(.0))]
    PurposeChanged(Purpose),
    /// An incident is a call-out in every revision or in none; the field tells which it is.
    #[error(
        "the incident {}; every revision of it must be the same, so report this one under a number of its own",
        if *.0 { "is a call-out" } else { "is no call-out" }
    )]
    CallOutChanged(bool),
    /// The tenant has no such thing. Another tenant's things are unknown to it as well.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The service is not configured to have trunks.
    #[error("this service takes no trunks; its configuration may allow them: [mqtt] trunks = true")]
    NoTrunks,
    /// The reference belongs to somebody or something with other fields.
    #[error("external_ref is already registered with other fields; an update or an import changes them")]
    AlreadyRegistered,
    /// As many watchers as a tenant may have.
    #[error("{0} watches are open already; close one first")]
    TooManyWatches(usize),
    /// The engine has stopped.
    #[error("the service is stopping; try again")]
    Stopping,
    /// The store did not make it durable in time.
    #[error("the store is slow and has not confirmed the request; try again with the same fields")]
    StoreSlow,
    /// The store has no space left.
    #[error("the store is full; only reports of life-threatening incidents, stand-downs and closes are taken in")]
    StoreFull,
    /// Too much is waiting before it.
    #[error("the service is overloaded; try again")]
    Overloaded,
    /// The tenant asks more than it may.
    #[error("this control room has used up its budget for requests of this kind; try again later")]
    TenantBudget {
        /// When there is some again.
        retry_after: Duration,
    },
    /// The journal could not be read.
    #[error("the journal cannot be read now; try again")]
    Journal(#[source] JournalError),
    /// A promise of our own was broken.
    #[error("the service failed: {0}")]
    Internal(&'static str),
}

fn purpose(purpose: &Purpose) -> &'static str {
    match purpose {
        Purpose::Live => "live",
        Purpose::Exercise => "an exercise",
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Stopped => Self::Stopping,
            Refused::StoreSlow => Self::StoreSlow,
            Refused::StoreFull => Self::StoreFull,
            Refused::Overloaded => Self::Overloaded,
        }
    }
}

impl From<RegistryRefusal> for Refusal {
    fn from(refusal: RegistryRefusal) -> Self {
        match refusal {
            RegistryRefusal::NoSuchResponder => Self::NotFound("responder"),
            RegistryRefusal::NoSuchDevice => Self::NotFound("device"),
            RegistryRefusal::NoSuchAed => Self::NotFound("defibrillator"),
            RegistryRefusal::NoSuchTrunk => Self::NotFound("trunk"),
            RegistryRefusal::AlreadyRegistered => Self::AlreadyRegistered,
        }
    }
}

impl Refusal {
    fn code(&self) -> Code {
        match self {
            Self::NoTenant(_) => Code::Unauthenticated,
            Self::Invalid(_) => Code::InvalidArgument,
            Self::RequestIdReused(_) | Self::AlreadyRegistered => Code::AlreadyExists,
            Self::PurposeChanged(_) | Self::CallOutChanged(_) | Self::NoTrunks => Code::FailedPrecondition,
            Self::NotFound(_) => Code::NotFound,
            Self::TooManyWatches(_) | Self::StoreFull | Self::Overloaded | Self::TenantBudget { .. } => {
                Code::ResourceExhausted
            }
            Self::Stopping | Self::StoreSlow | Self::Journal(_) => Code::Unavailable,
            Self::Internal(_) => Code::Internal,
        }
    }

    /// For programs and counters. Of several wrong fields, the first one's.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoTenant(no_tenant) => no_tenant.reason(),
            Self::Invalid(invalid) => invalid.fields().first().map_or("INVALID", |fault| fault.reason),
            Self::RequestIdReused(_) => "REQUEST_ID_REUSED",
            Self::PurposeChanged(_) => "PURPOSE_CHANGED",
            Self::CallOutChanged(_) => "CALL_OUT_CHANGED",
            Self::NoTrunks => "NO_TRUNKS",
            Self::NotFound(_) => "NOT_FOUND",
            Self::AlreadyRegistered => "ALREADY_REGISTERED",
            Self::TooManyWatches(_) => "TOO_MANY_WATCHES",
            Self::Stopping => "STOPPING",
            Self::StoreSlow => "STORE_SLOW",
            Self::StoreFull => "STORE_FULL",
            Self::Overloaded => "OVERLOADED",
            Self::TenantBudget { .. } => "TENANT_BUDGET",
            Self::Journal(_) => "JOURNAL_UNREADABLE",
            Self::Internal(_) => "INTERNAL",
        }
    }
}

impl Refusal {
    fn retry_after(&self) -> Duration {
        match self {
            Self::Overloaded => OVERLOADED_RETRY_FROM + OVERLOADED_RETRY_SPREAD.mul_f64(chance()),
            Self::TenantBudget { retry_after } => *retry_after,
            _ => RETRY_AFTER,
        }
    }
}

/// A number from 0 to 1 that differs from call to call; nothing depends on it being hard to guess.
fn chance() -> f64 {
    let bits = RandomState::new().build_hasher().finish() >> 32;
    bits as f64 / f64::from(u32::MAX)
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        if let Refusal::Journal(error) = &refusal {
            tracing::error!(%error, "journal unreadable");
        }
        let mut details = ErrorDetails::with_error_info(refusal.reason(), DOMAIN, HashMap::new());
        if let Refusal::Invalid(invalid) = &refusal {
            details.set_bad_request(invalid.fields().iter().map(violation).collect::<Vec<_>>());
        }
        if matches!(refusal.code(), Code::Unavailable | Code::ResourceExhausted) {
            details.set_retry_info(Some(refusal.retry_after()));
        }
        Status::with_error_details(refusal.code(), refusal.to_string(), details)
    }
}

fn violation(fault: &crate::parse::InvalidField) -> FieldViolation {
    let mut violation = FieldViolation::new(&fault.field, &fault.message);
    violation.reason = fault.reason.to_owned();
    violation
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_refused_together_do_not_come_back_together() {
        let waits: Vec<_> = (0..100)
            .map(|_| {
                let status = Status::from(Refusal::Overloaded);
                let retry = status.get_details_retry_info().and_then(|info| info.retry_delay);
                retry.expect("a hint").as_millis()
            })
            .collect();
        assert!(waits.iter().all(|ms| (1_000..=3_000).contains(ms)));
        let soon = waits.iter().filter(|&&ms| ms < 2_000).count();
        assert!((20..80).contains(&soon), "{waits:?}");
    }
}
