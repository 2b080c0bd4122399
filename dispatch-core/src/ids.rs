//! Identifiers. Opaque 128-bit values with a readable prefix, so that a log line or an argument on the command line
//! says what kind of thing it names; and the control room's own key of an incident.

use std::{fmt, str::FromStr, sync::Arc};

use sha2::{Digest, Sha256};

/// A text that is not an identifier of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not {wanted}")]
pub struct InvalidId {
    text: String,
    wanted: &'static str,
}

impl InvalidId {
    fn new(text: &str, wanted: &'static str) -> Self {
        // A bound, since the text comes from outside.
        Self {
            text: text.chars().take(80).collect(),
            wanted,
        }
    }
}

macro_rules! opaque_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// The identifier with these 16 bytes.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// Its 16 bytes.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($prefix)?;
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                const WANTED: &str = concat!("\"", $prefix, "\" and 32 hexadecimal digits");
                text.strip_prefix($prefix)
                    .and_then(hex16)
                    .map(Self)
                    .ok_or_else(|| InvalidId::new(text, WANTED))
            }
        }
    };
}

/// Whether `text` has 1 to `length_max` bytes, all of them allowed: the rule behind every name that comes from outside.
pub fn is_name(text: &str, length_max: usize, allowed: impl Fn(u8) -> bool) -> bool {
    (1..=length_max).contains(&text.len()) && text.bytes().all(allowed)
}

/// Small letters, digits and `_`: the alphabet of names that stand in policies.
pub(crate) fn is_policy_word(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'
}

fn hex16(text: &str) -> Option<[u8; 16]> {
    let digits = text.as_bytes();
    if digits.len() != 32 {
        return None;
    }
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = u8::try_from(high * 16 + low).ok()?;
    }
    Some(bytes)
}

opaque_id!(
    /// Muster's name for an incident, derived from its [`IncidentKey`].
    IncidentId,
    "inc-"
);
opaque_id!(
    /// A registered person; random, says nothing about them.
    ResponderId,
    "rsp-"
);
opaque_id!(
    /// An enrolled phone; random.
    DeviceId,
    "dev-"
);
opaque_id!(
    /// One connection that tells where many people are; random.
    TrunkId,
    "trk-"
);
opaque_id!(
    /// A registered defibrillator, derived from its control room and that one's reference.
    AedId,
    "aed-"
);
opaque_id!(
    /// One request to one responder for one incident.
    AlertId,
    "alt-"
);

impl AlertId {
    /// Derives the id, so that an alert sent in a hurry and planned again after a crash is the same to the phone.
    pub fn derive(incident: IncidentId, revision: u32, responder: ResponderId, attempt: u32) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"muster alert 1");
        hash.update(incident.0);
        hash.update(revision.to_be_bytes());
        hash.update(responder.0);
        hash.update(attempt.to_be_bytes());
        Self(first_16(&hash.finalize()))
    }
}

impl AedId {
    /// Derives the id from the control room and its own reference for the defibrillator, so that importing the same
    /// list twice is importing it once, also into an empty register.
    pub fn derive(tenant: &TenantId, reference: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"muster defibrillator 1");
        // A tenant's name cannot hold a NUL, so no two pairs run together to the same bytes.
        hash.update(tenant.as_str());
        hash.update([0]);
        hash.update(reference);
        Self(first_16(&hash.finalize()))
    }
}

fn first_16(digest: &[u8]) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    bytes
}

/// A control room. Part of every key; clones share the text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TenantId(Arc<str>);

impl TenantId {
    /// Most characters a tenant's name may have.
    pub const LENGTH_MAX: usize = 32;

    /// Checks a name: 1 to 32 characters of `a-z 0-9 -`.
    pub fn new(name: &str) -> Result<Self, InvalidId> {
        if is_name(name, Self::LENGTH_MAX, |b| {
            b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'
        }) {
            Ok(Self(name.into()))
        } else {
            Err(InvalidId::new(name, "1 to 32 characters of a-z 0-9 -"))
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A short reference made by another system: a CAD system's name, an incident number, a request id.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Reference(String);

impl Reference {
    /// Most characters a reference may have.
    pub const LENGTH_MAX: usize = 64;

    /// Checks a reference: 1 to 64 characters of `A-Z a-z 0-9 . _ -`.
    pub fn new(text: &str) -> Result<Self, InvalidId> {
        if is_name(text, Self::LENGTH_MAX, |b| {
            b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-')
        }) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId::new(text, "1 to 64 characters of A-Z a-z 0-9 . _ -"))
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The local date of a call; incident numbers restart with it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CallDate {
    year: u16,
    month: u8,
    day: u8,
}

impl CallDate {
    /// Parses `YYYY-MM-DD`; years 2000 to 2199, a date that exists.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        Self::parsed(text).ok_or_else(|| InvalidId::new(text, "a date YYYY-MM-DD between 2000 and 2199"))
    }

    fn parsed(text: &str) -> Option<Self> {
        if text.len() != 10 || !text.is_ascii() {
            return None;
        }
        let number = |from: usize, to: usize| -> Option<u16> {
            let digits = &text[from..to];
            digits
                .bytes()
                .all(|b| b.is_ascii_digit())
                .then(|| digits.parse().ok())?
        };
        if text.as_bytes()[4] != b'-' || text.as_bytes()[7] != b'-' {
            return None;
        }
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => return None,
        };
        ((2000..=2199).contains(&year) && (1..=days).contains(&day)).then_some(Self {
            year,
            month: u8::try_from(month).ok()?,
            day: u8::try_from(day).ok()?,
        })
    }
}

impl fmt::Display for CallDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// What a control room calls an incident.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct IncidentKey {
    /// Whose incident.
    pub tenant: TenantId,
    /// Which dispatch system numbered it.
    pub cad_system: Reference,
    /// Its number there.
    pub cad_incident_number: Reference,
    /// The day the number belongs to.
    pub call_date: CallDate,
}

impl IncidentKey {
    /// Muster's own name for the incident.
    pub fn id(&self) -> IncidentId {
        let mut hash = Sha256::new();
        hash.update(b"muster incident 1");
        let call_date = self.call_date.to_string();
        let parts = [
            self.tenant.as_str(),
            self.cad_system.as_str(),
            self.cad_incident_number.as_str(),
            call_date.as_str(),
        ];
        for part in parts {
            // None of the parts can hold a NUL, so no two keys run together to the same bytes.
            hash.update(part);
            hash.update([0]);
        }
        IncidentId(first_16(&hash.finalize()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_survive_text() {
        let id = AlertId::from_bytes([0xa5; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
        for wrong in [
            "",
            "alt-",
            "dev-a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5",
            "alt-zz",
            "alt-€€€€€€€€€€€",
        ] {
            assert!(wrong.parse::<AlertId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn dates_must_exist() {
        for good in ["2024-02-29", "2000-01-01", "2199-12-31"] {
            assert_eq!(CallDate::parse(good).map(|d| d.to_string()), Ok(good.to_owned()));
        }
        for wrong in [
            "2023-02-29",
            "1999-12-31",
            "2024-13-01",
            "2024-00-10",
            "2024-1-1",
            "2024-01-32",
            "+024-01-01",
            "20240101",
        ] {
            assert!(CallDate::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn defibrillators_of_two_tenants_are_two() {
        let id = |tenant: &str, reference: &str| AedId::derive(&TenantId::new(tenant).expect("valid"), reference);
        assert_eq!(id("london", "1"), id("london", "1"));
        assert_ne!(id("london", "1"), id("london", "2"));
        assert_ne!(id("london", "1"), id("leeds", "1"));
        assert_ne!(id("a", "b1"), id("ab", "1"));
    }

    #[test]
    fn keys_of_two_tenants_are_two_incidents() {
        let key = |tenant: &str| IncidentKey {
            tenant: TenantId::new(tenant).expect("valid"),
            cad_system: Reference::new("cad").expect("valid"),
            cad_incident_number: Reference::new("1").expect("valid"),
            call_date: CallDate::parse("2026-01-01").expect("valid"),
        };
        assert_ne!(key("london").id(), key("leeds").id());
        assert_eq!(key("london").id(), key("london").id());
    }
}
