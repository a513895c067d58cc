//! The `spin-*` headers, and the absolute URI, that a component sees.
//!
//! The headers are *appended*: a client that sends `spin-client-addr` itself stays first, in Spin and therefore here. A component that
//! believes the first value believes the client.

use std::net::SocketAddr;

use http::header::HOST;
use http::uri::{Authority, Scheme};
use http::{HeaderName, HeaderValue, Request, Uri};

use crate::allowed_hosts::claims_inside;
use crate::routes::Match;

#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    #[error("there is no Host header, or it is not a host")]
    Host,
    #[error("the Host header and the URI name different hosts")]
    TwoHosts,
    #[error("the request cannot be described in headers")]
    Header(#[from] http::Error),
}

/// From outside nobody may look like a neighbour.
pub fn strip<B>(request: &mut Request<B>) {
    let inside = request.headers().get(HOST).and_then(|host| host.to_str().ok()).is_some_and(claims_inside);
    if inside {
        request.headers_mut().remove(HOST);
    }
}

pub fn prepare<B, T>(request: &mut Request<B>, met: &Match<'_, T>, client: SocketAddr) -> Result<(), RequestError> {
    *request.uri_mut() = absolute(request)?;
    // Spin looks at the header alone: over HTTP/2, which has none, the full URL says `localhost`.
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let route = absolute_route(met.raw);
    let mut headers = vec![
        ("spin-path-info".to_owned(), met.path_info.clone()),
        ("spin-full-url".to_owned(), format!("http://{host}{path}")),
        ("spin-matched-route".to_owned(), route.trim_end_matches('/').to_owned()),
        ("spin-base-path".to_owned(), "/".to_owned()),
        ("spin-raw-component-route".to_owned(), met.raw.to_owned()),
        ("spin-component-route".to_owned(), met.raw.strip_suffix("/...").unwrap_or(met.raw).to_owned()),
        ("spin-client-addr".to_owned(), client.to_string()),
    ];
    headers.extend(met.named.iter().map(|(name, value)| {
        (format!("spin-path-match-{}", name.to_ascii_lowercase().replace('_', "-")), value.clone())
    }));
    for (name, value) in headers {
        let name = HeaderName::try_from(name).map_err(http::Error::from)?;
        request.headers_mut().append(name, HeaderValue::try_from(value).map_err(http::Error::from)?);
    }
    Ok(())
}

fn absolute<B>(request: &Request<B>) -> Result<Uri, RequestError> {
    let mut parts = request.uri().clone().into_parts();
    let header = match request.headers().get(HOST) {
        Some(host) => {
            Some(host.to_str().ok().and_then(|host| host.parse::<Authority>().ok()).ok_or(RequestError::Host)?)
        }
        None => None,
    };
    parts.authority = match (header, parts.authority) {
        (None, None) => return Err(RequestError::Host),
        (Some(header), Some(uri)) if header != uri => return Err(RequestError::TwoHosts),
        (header, uri) => header.or(uri),
    };
    parts.scheme = Some(Scheme::HTTP);
    Uri::from_parts(parts).map_err(|error| RequestError::Header(error.into()))
}

fn absolute_route(raw: &str) -> String {
    if raw.starts_with('/') { raw.to_owned() } else { format!("/{raw}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::Routes;

    fn prepared(route: &str, request: http::request::Builder) -> Result<Request<()>, RequestError> {
        let routes = Routes::new([(route.to_owned(), ())]);
        let mut request = request.body(()).unwrap();
        let path = request.uri().path().to_owned();
        strip(&mut request);
        prepare(&mut request, &routes.find(&path).unwrap(), "127.0.0.1:9".parse().unwrap())?;
        Ok(request)
    }

    fn all(request: &Request<()>, name: &str) -> Vec<String> {
        request.headers().get_all(name).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn a_forged_header_stays_first_and_the_true_one_is_last() {
        let request = Request::get("/a/b?c=d").header("host", "example.org").header("spin-client-addr", "6.6.6.6:1");
        let request = prepared("/a/...", request).unwrap();
        assert_eq!(all(&request, "spin-client-addr"), ["6.6.6.6:1", "127.0.0.1:9"]);
        assert_eq!(request.uri(), "http://example.org/a/b?c=d");
        for (name, value) in [
            ("spin-full-url", "http://example.org/a/b?c=d"),
            ("spin-path-info", "/b"),
            ("spin-component-route", "/a"),
            ("spin-raw-component-route", "/a/..."),
            ("spin-matched-route", "/a/..."),
            ("spin-base-path", "/"),
        ] {
            assert_eq!(all(&request, name), [value], "{name}");
        }
    }

    #[test]
    fn named_segments_become_headers() {
        let request = prepared("/u/:user", Request::get("/u/ada").header("host", "h")).unwrap();
        assert_eq!(all(&request, "spin-path-match-user"), ["ada"]);
    }

    #[test]
    fn a_client_that_claims_to_be_inside_has_no_host_left() {
        let request = Request::get("/").header("host", "worker.spin.internal");
        assert!(matches!(prepared("/...", request), Err(RequestError::Host)));
    }

    #[test]
    fn two_different_hosts_are_refused() {
        let request = Request::get("http://one/").header("host", "two");
        assert!(matches!(prepared("/...", request), Err(RequestError::TwoHosts)));
    }
}
