//! Which media types are JSON in UTF-8.
//!
//! Owns the reading of one `Content-Type` value (RFC 9110 §8.3). `text/json` because Vibes and older senders write it; `application/*+json`
//! by RFC 6839. A charset other than UTF-8 is refused: JSON between systems has no other (RFC 8259 §8.1).

/// `application/json`, `text/json` or `application/*+json`, in any case, with any parameters but another charset.
pub(super) fn is_json(value: &str) -> bool {
    let (essence, parameters) = value.split_once(';').unwrap_or((value, ""));
    is_json_essence(essence.trim()) && charset_is_utf8(parameters)
}

fn is_json_essence(essence: &str) -> bool {
    let Some((kind, subtype)) = essence.split_once('/') else { return false };
    if subtype.is_empty() || !subtype.bytes().all(is_token) {
        return false;
    }
    if kind.eq_ignore_ascii_case("application") {
        let suffixed = subtype.len().checked_sub("+json".len()).filter(|at| *at > 0).and_then(|at| subtype.get(at..));
        return subtype.eq_ignore_ascii_case("json")
            || suffixed.is_some_and(|suffix| suffix.eq_ignore_ascii_case("+json"));
    }
    kind.eq_ignore_ascii_case("text") && subtype.eq_ignore_ascii_case("json")
}

/// RFC 9110 §5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn charset_is_utf8(parameters: &str) -> bool {
    let mut rest = parameters;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ';']);
        if rest.is_empty() {
            return true;
        }
        let end = rest.find(['=', ';']).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let Some(value) = after.strip_prefix('=') else {
            rest = after;
            continue;
        };
        let (value, after) = value_of(value);
        let is_charset = name.trim().eq_ignore_ascii_case("charset");
        if is_charset && !(value.eq_ignore_ascii_case("utf-8") || value.eq_ignore_ascii_case("utf8")) {
            return false;
        }
        rest = after;
    }
}

/// A parameter's value, quoted or not, and what follows. A semicolon within quotes is part of the value.
fn value_of(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(';').unwrap_or(text.len());
        let (value, after) = text.split_at(end);
        return (value.trim_end(), after);
    };
    let mut escaped = false;
    for (at, byte) in quoted.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return (quoted.get(..at).unwrap_or_default(), quoted.get(at + 1..).unwrap_or_default()),
            _ => {}
        }
    }
    (quoted, "")
}

#[cfg(test)]
mod tests {
    use super::is_json;

    #[test]
    fn json_is_recognised_in_every_dress() {
        for value in [
            "application/json",
            "Application/JSON",
            "text/json",
            "application/vnd.secutix+json",
            "application/problem+JSON",
            "application/json; charset=utf-8",
            "application/json;charset=\"UTF-8\"",
            "application/json ; Charset=utf8 ; v=1",
            "application/json; x=\"a;charset=latin1\"",
            "application/json;",
        ] {
            assert!(is_json(value), "{value}");
        }
    }

    #[test]
    fn anything_else_is_not() {
        for value in [
            "",
            "json",
            "application/xml",
            "application/+json",
            "application/jsonp",
            "text/plain",
            "text/vnd.x+json",
            "application/json; charset=iso-8859-1",
            "application/json; x=\"a\"; charset=utf-16",
            "application/json, text/html",
            "application/x json+json",
            "application/",
        ] {
            assert!(!is_json(value), "{value}");
        }
    }
}
