//! Which name was probably meant.
//!
//! Owns the rule for everything that a person types into a tenant's folder: keys of its configuration (the host's) and of its templates.

use std::borrow::Cow;

/// The name that `wanted` was probably meant to be; of equally near ones the first. None when all are far off.
pub fn nearest<'n>(wanted: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    // A third of the letters may be wrong, as rustc and cargo allow; one of a very short name.
    let allowed = (wanted.chars().count() / 3).max(1);
    let wanted = plain(wanted);
    names
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&wanted, &plain(name)), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// The same, for a problem that is kept.
pub(super) fn likeliest<'n>(wanted: &str, names: impl IntoIterator<Item = &'n str>) -> Option<String> {
    nearest(wanted, names).map(str::to_owned)
}

/// `pass-type`, `passType` and `pass_type` are the same mistake.
pub fn plain(name: &str) -> Cow<'_, str> {
    if name.bytes().all(|c| c.is_ascii_lowercase()) {
        return Cow::Borrowed(name);
    }
    Cow::Owned(name.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).flat_map(char::to_lowercase).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_forgives_spelling_and_not_more() {
        let names = ["institution", "operator", "partner", "pass_type"];
        assert_eq!(nearest("institutoin", names), Some("institution"));
        assert_eq!(nearest("passType", names), Some("pass_type"));
        assert_eq!(nearest("pass-type", names), Some("pass_type"));
        assert_eq!(nearest("colour", names), None);
    }
}
