//! Two policies side by side, field by field.

use std::collections::BTreeMap;

/// What differs between the texts of two policies, a line for each field; empty when nothing does.
pub fn apart(one: &str, other: &str) -> Vec<String> {
    let (one, other) = (fields(one), fields(other));
    let mut names: Vec<&String> = one.keys().chain(other.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let said = |value: Option<&String>| value.map_or("not stated", String::as_str).to_owned();
    names
        .into_iter()
        .filter(|name| one.get(*name) != other.get(*name))
        .map(|name| format!("{name}: {} there, {} here", said(one.get(name)), said(other.get(name))))
        .collect()
}

/// Values by the whole names of their fields, such as `joint.guides`.
fn fields(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    match text.parse::<toml::Table>() {
        Ok(table) => table
            .iter()
            .for_each(|(key, value)| take(key.clone(), value, &mut found)),
        // It is told as it stands.
        Err(_) => drop(found.insert("the text".to_owned(), format!("{text:?}"))),
    }
    found
}

fn take(name: String, value: &toml::Value, found: &mut BTreeMap<String, String>) {
    match value {
        toml::Value::Table(table) => table
            .iter()
            .for_each(|(key, value)| take(format!("{name}.{key}"), value, found)),
        value => drop(found.insert(name, value.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use dispatch_core::policy::Policy;

    use super::*;

    #[test]
    fn each_field_that_differs_is_named_with_both_values() {
        let one = Policy::default();
        let mut other = one.clone();
        (other.alert_count, other.joint.guides, other.ambulance_margin) = (5, 1, None);
        let texts = [&one, &other].map(muster_policies::text);
        let found = apart(&texts[0], &texts[1]);
        assert_eq!(found.len(), 3, "{found:?}");
        assert_eq!(found[0], format!("alert_count: {} there, 5 here", one.alert_count));
        assert!(found[1].starts_with("ambulance_margin_s: "), "{found:?}");
        assert_eq!(found[2], "joint.guides: 0 there, 1 here");
        assert_eq!(apart(&texts[0], &texts[0]), [""; 0]);
    }

    #[test]
    fn a_field_that_is_new_is_named() {
        assert_eq!(
            apart("a = 1", "a = 1\nb.c = 'x'"),
            ["b.c: not stated there, \"x\" here"]
        );
    }
}
