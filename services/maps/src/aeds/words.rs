//! Words of lists in several tongues, and what they mean.

use dispatch_core::{aeds::Access, time::Timestamp};
use jiff::{Timestamp as Calendar, civil::Date, tz::TimeZone};

/// Who may get at it; `None` when the word is not known.
pub fn access(word: &str) -> Option<Access> {
    let word = word.to_lowercase();
    match word.as_str() {
        "yes" | "public" | "open" | "permit" | "designated" => return Some(Access::Public),
        "customers" | "permissive" | "members" | "visitors" | "destination" | "restricted" => {
            return Some(Access::Permissive);
        }
        "private" | "no" | "employees" => return Some(Access::Private),
        "unknown" => return Some(Access::Unknown),
        _ => {}
    }
    // Sentences of French towns: "Voie publique - Accessibilité: 24h/24h", "... horaires d'ouverture du service".
    if word.contains("voie publique") || is_always(&word) {
        Some(Access::Public)
    } else if word.contains("horaires d'ouverture") {
        Some(Access::Permissive)
    } else {
        None
    }
}

/// Opening hours that a sentence about access holds; empty when it holds none.
pub fn hours_in_access(sentence: &str) -> &str {
    if is_always(&sentence.to_lowercase()) {
        return "24/7";
    }
    match sentence.split_once(':') {
        Some((_, hours)) if sentence.to_lowercase().contains("horaires d'ouverture") => hours.trim(),
        _ => "",
    }
}

fn is_always(word: &str) -> bool {
    word.contains("24h/24") || word.contains("24/24")
}

/// Yes or no; `None` when it is neither.
pub fn yes_or_no(word: &str) -> Option<bool> {
    match word.to_lowercase().as_str() {
        "yes" | "true" | "1" | "oui" | "ja" => Some(true),
        "no" | "false" | "0" | "non" | "nein" => Some(false),
        _ => None,
    }
}

/// Whether a word about the state of a device says that it cannot be used.
pub fn is_out_of_service(status: &str) -> bool {
    matches!(
        status.to_lowercase().as_str(),
        "out_of_service" | "out_of_order" | "broken" | "closed" | "non_operational" | "hors service"
    )
}

/// A moment, a day or a month; of the last two the first moment in UTC, since nobody knows that it was later.
pub fn moment(text: &str) -> Option<Timestamp> {
    let first_of = |text: &str| {
        let date: Date = text.parse().ok()?;
        Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp())
    };
    let moment: Option<Calendar> = text.parse().ok();
    let moment = moment.or_else(|| first_of(text)).or_else(|| {
        let is_month = text.len() == 7 && text.is_ascii();
        is_month.then(|| first_of(&format!("{text}-01"))).flatten()
    })?;
    Some(Timestamp::from_unix_ms(moment.as_millisecond()))
}
