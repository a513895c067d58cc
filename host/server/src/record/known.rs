//! Which values of SecuTix's answers are known not to be personal, by the key under which they stand.
//!
//! Owns the list. What is not on it is replaced: a field that SecuTix adds tomorrow, or that we have never heard of, is personal until
//! somebody has looked at it. Does not own the replacing (`scrub`).

/// What may happen to a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nature {
    /// Kept: dates of events, places on a map, counters.
    Kept,
    /// Kept while it looks like a code: one word of letters, digits, `_`, `-`, `.` or `+`.
    Code,
    /// Kept while no personal value of the same recording occurs in it: the title of an event may be somebody's name.
    Text,
    /// Replaced.
    Personal,
}

/// Words that say what kind of thing something is, and names of the catalogue.
const CODES: [&str; 22] = [
    "audienceSubCategory",
    "code",
    "countryCode",
    "externalReferenceKind",
    "fileState",
    "kind",
    "locale",
    "movementState",
    "orderOriginator",
    "orderState",
    "orderType",
    "productCode",
    "productFamilySubType",
    "productState",
    "role",
    "salesChannelCode",
    "seatCategory",
    "state",
    "statusCode",
    "tariff",
    "ticketState",
    "type",
];

/// Facts of events, which every visitor of the venue's website can read, and counters.
const KEPT: [&str; 8] = [
    "performanceStartDate",
    "performanceEndDate",
    "doorsOpenDate",
    "startValidityDate",
    "endValidityDate",
    "instanceNumber",
    "quantity",
    "requestId",
];

/// Titles and names of places, each in its translations.
const NAMES: [&str; 4] = ["performanceName", "productExternalName", "siteName", "spaceName"];

/// What a venue's address has. The same keys under a contact are that contact's home.
const ADDRESS: [&str; 3] = ["firstAddressLine", "locality", "zipCode"];

/// What the value under these keys, from the document's root, may be.
pub(super) fn nature(path: &[&str]) -> Nature {
    let Some((key, above)) = path.split_last() else { return Nature::Personal };
    let below = |ancestor: &str| above.contains(&ancestor);
    match *key {
        key if CODES.contains(&key) => Nature::Code,
        key if KEPT.contains(&key) => Nature::Kept,
        "latitude" | "longitude" if below("locations") => Nature::Kept,
        key if ADDRESS.contains(&key) && below("siteAddress") && below("locations") => Nature::Text,
        "value" if below("translations") && (NAMES.iter().any(|name| below(name)) || below("contactQualities")) => {
            Nature::Text
        }
        _ => Nature::Personal,
    }
}

/// SecuTix's own numbers: which is the larger tells which is the later, and a verdict goes by that.
pub(super) fn is_identifier(path: &[&str]) -> bool {
    path.last().is_some_and(|key| key.ends_with("Id") && !key.contains("Secret"))
}

/// A moment, also where it is written as a number.
pub(super) fn is_date(path: &[&str]) -> bool {
    path.last().is_some_and(|key| key.contains("Date") || *key == "lastUpdate" || key.ends_with("Time"))
}

/// A name of the catalogue is one word; a sentence under a key that promises a code is something else.
pub(super) fn is_code(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-' | b'.' | b'+'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_listed_is_personal() {
        let cases = [
            (&["fileDetailsData", "fileState"][..], Nature::Code),
            (&["orderDetailsDatas", "operationDatas", "performanceStartDate"], Nature::Kept),
            (&["orderDetailsDatas", "operationDatas", "productExternalName", "translations", "value"], Nature::Text),
            (&["operationDatas", "locations", "siteAddress", "locality"], Nature::Text),
            (&["operationDatas", "locations", "siteAddress", "latitude"], Nature::Kept),
            (&["contactData", "addresses", "locality"], Nature::Personal),
            (&["contactData", "communicationMeans", "value"], Nature::Personal),
            (&["comfortVariableValues", "value"], Nature::Personal),
            (&["beneficiaryFirstname"], Nature::Personal),
            (&["somethingNew"], Nature::Personal),
            (&[], Nature::Personal),
        ];
        for (path, expected) in cases {
            assert_eq!(nature(path), expected, "{path:?}");
        }
    }

    #[test]
    fn a_code_is_one_word() {
        assert!(is_code("SINGLE_ENTRY") && is_code("fr-CH") && is_code("CAT1"));
        assert!(!is_code("Ada Lovelace") && !is_code("ada@example.org") && !is_code("") && !is_code("Müller"));
    }
}
