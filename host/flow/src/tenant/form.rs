//! Forms of the short texts in a `tenant.toml`: languages, versions, domains.
//!
//! Owns what is accepted; pure. Does not own the sentences about what is not (`load`).

/// Enough of BCP 47 to be a folder's name (`fr.lproj`) and Google's `language`: a language and further subtags.
pub(super) fn is_locale(text: &str) -> bool {
    let mut tags = text.split('-');
    let language = tags.next().unwrap_or("");
    (2..=3).contains(&language.len())
        && language.bytes().all(|c| c.is_ascii_lowercase())
        && tags.all(|tag| (2..=8).contains(&tag.len()) && tag.bytes().all(|c| c.is_ascii_alphanumeric()))
}

/// `v1_33`: goes into an address, so nothing else may be in it.
pub(super) fn is_version(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|c| c.is_ascii_digit());
    text.strip_prefix('v')
        .and_then(|rest| rest.split_once('_'))
        .is_some_and(|(major, minor)| digits(major) && digits(minor))
}

pub(super) fn is_pass_type(text: &str) -> bool {
    text.strip_prefix("pass.").is_some_and(|rest| {
        !rest.is_empty() && rest.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-'))
    })
}

pub(super) fn is_domain(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-'))
}

pub(super) fn host(url: &str) -> Option<String> {
    let uri: http::Uri = url.parse().ok()?;
    uri.host().map(str::to_owned)
}
