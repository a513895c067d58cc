//! What a phone complains of, as far as it may be written down.
//!
//! Owns which words stay. A line comes from whoever likes to post one, and Wallet itself quotes serials, devices and what is in a pass. So the words
//! that stay are listed here, and not what is to be left out.

/// Words of a line that are kept: Wallet's longest sentence has some thirty.
const MOST_WORDS: usize = 40;
/// What Wallet complains in (messages seen by developers: the web service's tasks, the tag that stays the same, the needless push, a pass that
/// cannot be read), with the members of a pass and the headers that it may name.
const WALLET_WORDS: &str = "a about after an and any are attempt authentication authenticationToken authorization backgroundColor bad barcode barcodes be been \
    but by cannot certificate changed code connection could data date device did didn't does element encountered error event \
    eventTicket expirationDate expired extra failed failure field fields file for format found from Generic get had has hash header \
    If-Modified-Since image in included information integrity internal invalid is it its JSON key label last Last-Modified lastUpdated \
    list locations log longer lost malformed manifest match maxDistance message missing modified must network new newer no not null \
    number numbers object of older on or organizationName parse pass passbook passes passesUpdatedSince PassKit passTypeIdentifier \
    previous push pushed read receive received refused register registration relevantDate remained request requested required response \
    returned same schema semantics serial serialNumber server service signature spurious SSL status string style tag task \
    teamIdentifier the this time timed TLS to token type unable unauthorized unexpected unknown unregister unsupported update updated \
    URL validation value version voided Wallet was web webServiceURL What with within zip";

/// A line in the words that Wallet's own complaints are made of; whatever else is in it may be a name, a serial, a token or an address. An HTTP
/// status is kept as well.
pub fn plain_words(line: &str) -> String {
    let word = |word: &str| {
        let letters = word.trim_matches(|c: char| c.is_ascii_punctuation());
        let known = WALLET_WORDS.split(' ').any(|known| known.eq_ignore_ascii_case(letters));
        let status = letters.len() == 3 && letters.bytes().all(|c| c.is_ascii_digit());
        if known || status { letters.to_owned() } else { "…".to_owned() }
    };
    let mut words: Vec<String> = line.split_whitespace().take(MOST_WORDS).map(word).collect();
    words.dedup_by(|next, before| next == "…" && before == "…");
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_kept_without_identifiers_tokens_and_addresses() {
        let line = "[2026-03-14 18:02:11 +0100] Get pass task (for device 0123456789abcdef0123456789abcdef, pass type pass.org.example.demo, serial \
                    number KlnqcxVLA9pS4ol5; with web service url https://passes.example.org/apple/demo) encountered error: Server response was \
                    malformed (status 401) ada@example.org";
        assert_eq!(
            plain_words(line),
            "… Get pass task for device … pass type … serial number … with web service url … encountered error Server response was malformed \
             status 401 …"
        );
        // A name is a plain word as well, and anybody may post one.
        assert_eq!(plain_words("Müller: pass for kovalevskaya is missing"), "… pass for … is missing");
        assert_eq!(plain_words(&"for ".repeat(1000)).split(' ').count(), MOST_WORDS);
    }
}
