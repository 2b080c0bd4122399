//! From the wire to types that cannot be wrong. All fields of a request are looked at, so that its sender learns of
//! every fault at once.

mod address;
mod call_out;
mod defibrillator;
mod fields;
mod fingerprint;
mod incident;
mod paging;
mod responder;

use dispatch_core::{ids::TenantId, time::Timestamp};

pub(crate) use defibrillator::{
    Listed, defibrillator_id, defibrillator_import_size, defibrillator_list, defibrillator_registration,
    defibrillator_update,
};
pub(crate) use fields::{incident_id, no_name, own_key, responder_id};
pub(crate) use incident::{close, report, stand_down};
pub(crate) use paging::{Page, page};
pub(crate) use responder::{Revoked, enrolment, import_size, registration, revoked, trunk_enrolment, update};

use crate::{location::InvalidLocation, service_area::ServiceArea};

/// What parsing needs besides the request.
#[derive(Clone, Copy)]
pub(crate) struct Caller<'a> {
    /// Who asks.
    pub tenant: &'a TenantId,
    /// Muster's clock.
    pub now: Timestamp,
    /// Where incidents may be.
    pub area: Option<&'a ServiceArea>,
}

/// What is wrong with one field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct InvalidField {
    /// Path of the field within the request.
    pub field: String,
    /// For programs and counters; never changes once given out.
    pub reason: &'static str,
    /// What is wrong and what is accepted.
    pub message: String,
}

/// A request with at least one wrong field.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}", summary(.0))]
pub(crate) struct InvalidRequest(Vec<InvalidField>);

impl InvalidRequest {
    /// A request in which one field is wrong.
    pub fn one(field: &str, fault: Fault) -> Self {
        let mut faults = Faults::default();
        faults.add(field, fault);
        faults.refuse()
    }

    /// The same, when the fields stand in a part of the request: `prefix` leads their names, for example `profile.`.
    pub fn within(mut self, prefix: &str) -> Self {
        for fault in &mut self.0 {
            fault.field.insert_str(0, prefix);
        }
        self
    }

    /// The wrong fields, never none.
    pub fn fields(&self) -> &[InvalidField] {
        &self.0
    }
}

fn summary(fields: &[InvalidField]) -> String {
    let sentences: Vec<_> = fields
        .iter()
        .map(|fault| format!("{}: {}", fault.field, fault.message))
        .collect();
    sentences.join("; ")
}

/// What is wrong with a value, before its field is known.
pub(crate) struct Fault {
    reason: &'static str,
    message: String,
}

impl Fault {
    pub fn new(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
        }
    }

    /// A field that must be there is not.
    pub fn required(what: &str) -> Self {
        Self::new("REQUIRED", format!("required: {what}"))
    }
}

/// Collects what is wrong while the fields of a request are parsed.
#[derive(Default)]
pub(crate) struct Faults(Vec<InvalidField>);

impl Faults {
    pub fn add(&mut self, field: impl Into<String>, fault: Fault) {
        self.0.push(InvalidField {
            field: field.into(),
            reason: fault.reason,
            message: fault.message,
        });
    }

    /// The value, or its fault noted under the field's name.
    pub fn take<T>(&mut self, field: &str, value: Result<T, Fault>) -> Option<T> {
        value.map_err(|fault| self.add(field, fault)).ok()
    }

    /// As [`Faults::take`], for a location, which names its own fields.
    pub fn take_location<T>(&mut self, value: Result<T, Vec<InvalidLocation>>) -> Option<T> {
        value
            .map_err(|faults| {
                for fault in faults {
                    self.add(fault.field(), Fault::new(fault.reason(), fault.to_string()));
                }
            })
            .ok()
    }

    /// Takes over the faults of a part, its name in place of `was` at the beginning of theirs.
    pub fn take_over(&mut self, part: Self, was: &str, name: &str) {
        self.0.extend(part.0.into_iter().map(|mut fault| {
            fault.field = match fault.field.strip_prefix(was) {
                Some(rest) => format!("{name}{rest}"),
                None => fault.field,
            };
            fault
        }));
    }

    /// The refusal, to be called when something did not parse.
    pub fn refuse(self) -> InvalidRequest {
        debug_assert!(!self.0.is_empty(), "every field that did not parse left a fault");
        InvalidRequest(self.0)
    }
}
