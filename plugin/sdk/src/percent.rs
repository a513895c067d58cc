//! Values in addresses.
//!
//! Owns their encoding: what is not `unreserved` in RFC 3986 is encoded, so that a value stays in its place, in a path's segment as in a query.

/// Encodes a value for one place in an address. [`Request::query`](crate::Request::query) does it by itself; this is for a segment of a path.
///
/// ```
/// use passerelle_plugin::percent_encode;
///
/// assert_eq!(percent_encode("a/b?c=d e"), "a%2Fb%3Fc%3Dd%20e");
/// assert_eq!(percent_encode("Zoë-1.0_~"), "Zo%C3%AB-1.0_~");
/// ```
pub fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.extend([byte >> 4, byte & 0xf].map(hex_digit));
        }
    }
    encoded
}

/// Of a number below 16; in capitals, as RFC 3986 wants them.
fn hex_digit(number: u8) -> char {
    char::from(if number < 10 { b'0' + number } else { b'A' + (number - 10) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_but_the_unreserved_is_encoded() {
        let plain: String = (0..=127).map(char::from).filter(|c| percent_encode(&c.to_string()).len() == 1).collect();
        assert_eq!(plain, "-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~");
        assert_eq!(percent_encode("\0\n%\u{7f}€"), "%00%0A%25%7F%E2%82%AC");
        assert_eq!(percent_encode(""), "");
    }
}
