//! Address parts. They never leave the register except to a confirmed responder.

use muster_engine::registry::Address;
use muster_proto::v1 as wire;

use super::{
    Fault, Faults,
    fields::{lines, text},
};

/// Most bytes of the address lines: five lines of a long rural address.
const TEXT_MAX: usize = 500;
/// Most digits of a Unique Property Reference Number.
const UPRN_MAX: usize = 12;
/// Most bytes of a postcode; the longest in Britain has 8 with its space.
const POSTCODE_MAX: usize = 10;
/// Most bytes of floor and flat.
const FLOOR_MAX: usize = 100;
/// Most bytes of door code, entrance, dog: they are read on a phone, on the way.
const ACCESS_NOTES_MAX: usize = 500;

/// The parts, or `None` with a fault noted for each one that is wrong.
pub(super) fn address(parts: &wire::Address, faults: &mut Faults) -> Option<Address> {
    let checks = [
        faults.take("location.address.text", lines(&parts.text, TEXT_MAX)),
        faults.take("location.address.uprn", uprn(&parts.uprn)),
        faults.take("location.address.postcode", text(&parts.postcode, POSTCODE_MAX)),
        faults.take("location.address.floor", text(&parts.floor, FLOOR_MAX)),
        faults.take(
            "location.address.access_notes",
            lines(&parts.access_notes, ACCESS_NOTES_MAX),
        ),
    ];
    checks.iter().all(Option::is_some).then(|| Address {
        text: parts.text.clone(),
        uprn: parts.uprn.clone(),
        postcode: parts.postcode.clone(),
        floor: parts.floor.clone(),
        access_notes: parts.access_notes.clone(),
    })
}

fn uprn(digits: &str) -> Result<(), Fault> {
    if digits.len() <= UPRN_MAX && digits.bytes().all(|b| b.is_ascii_digit()) {
        Ok(())
    } else {
        Err(Fault::new("MALFORMED", "a UPRN has 1 to 12 digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_in_bytes_and_new_lines_are_text() {
        let mut faults = Faults::default();
        let parts = wire::Address {
            text: format!("1 Rue du Café\n{}", "é".repeat(243)),
            uprn: "100021234567".into(),
            postcode: "SW1A 1AA".into(),
            floor: "3rd, flat 12".into(),
            access_notes: "code 1234\nbeware of the dog".into(),
        };
        assert_eq!(parts.text.len(), TEXT_MAX + 1);
        assert!(address(&parts, &mut faults).is_none());
        let parts = wire::Address {
            text: parts.text.replace("1 ", ""),
            ..parts
        };
        assert!(address(&parts, &mut Faults::default()).is_some());
    }

    #[test]
    fn every_wrong_part_is_named_and_none_is_repeated() {
        let mut faults = Faults::default();
        let parts = wire::Address {
            text: "SECRET\u{7}".into(),
            uprn: "12A".into(),
            postcode: "SECRET SECRET".into(),
            floor: "SECRET\nSECRET".into(),
            access_notes: "SECRET".repeat(100),
        };
        assert!(address(&parts, &mut faults).is_none());
        let refusal = faults.refuse();
        let reasons: Vec<_> = refusal
            .fields()
            .iter()
            .map(|fault| (fault.field.as_str(), fault.reason))
            .collect();
        assert_eq!(
            reasons,
            [
                ("location.address.text", "CONTROL_CHARACTER"),
                ("location.address.uprn", "MALFORMED"),
                ("location.address.postcode", "TOO_LONG"),
                ("location.address.floor", "CONTROL_CHARACTER"),
                ("location.address.access_notes", "TOO_LONG"),
            ]
        );
        assert!(!refusal.to_string().contains("SECRET"));
    }
}
