//! What Vibes posts: callbacks about wallet items.
//!
//! Owns the answers, and who may post. Does not own what a callback says (`vibes::callback`). Nothing is signed, so the secret in the path is the
//! proof, with the caller's address beside it where the tenant names some; whoever has not both is told what one who asks for a path that is not
//! there is told. Vibes takes a 4XX for final and repeats after a 5XX: so a store that is down is a 503, and only what can never be read is refused.

use std::net::IpAddr;

use http::{Method, StatusCode};

use super::{Answer, Call, Problem, caller, empty};
use crate::flow::Flow;
use crate::ports::Host;
use crate::tenant::{Tenant, Vibes};
use crate::vibes::callback::{CallbackError, Received, receive};

/// `POST` or `PUT /api/{tenantId}/webhooks/listeners/vibes/{secret}`, as it is registered. 200 also for what is ignored: it would only be called a
/// failure there.
pub async fn listen<H: Host>(flow: &Flow<H>, tenant: &Tenant, call: &Call, secret: &str) -> Answer {
    if !matches!(call.method, Method::POST | Method::PUT) {
        return Err(Problem::method("POST, PUT"));
    }
    let vibes = tenant.vibes.as_ref().filter(|vibes| opens(vibes, secret)).ok_or_else(nothing_here)?;
    if !is_a_source(vibes, call.peer) {
        flow.vibes_callbacks.count(&tenant.id, "other-source");
        // Whoever knows the secret is Vibes, or whoever set it up and has to see which address came: no stranger's is written here.
        let from = call.peer.map_or_else(|| "an unknown address".to_owned(), |peer| peer.to_string());
        tracing::warn!(code = "other-source", from, "a Vibes callback with the right secret comes from elsewhere");
        return Err(nothing_here());
    }
    let received = receive(flow, tenant, vibes, &call.body).await;
    let code = received.as_ref().map_or_else(CallbackError::code, |received| received.code());
    flow.vibes_callbacks.count(&tenant.id, code);
    match received {
        Ok(Received::Unmatched | Received::OtherCampaign) => {
            tracing::warn!(code, "a Vibes callback is about an item that is none of our passes");
            Ok(empty(StatusCode::OK))
        }
        Ok(_) => {
            tracing::info!(code, "Vibes callback");
            Ok(empty(StatusCode::OK))
        }
        Err(CallbackError::TooLarge) => {
            tracing::warn!(code, "what was posted is no Vibes callback");
            Err(Problem::too_large())
        }
        Err(CallbackError::Unreadable(told)) => {
            tracing::warn!(code, "what was posted is no Vibes callback");
            Err(Problem::invalid([("body".to_owned(), told)].into()))
        }
        Err(CallbackError::Store(error)) => Err(caller::unavailable(error)),
    }
}

/// A tenant without Vibes, a wrong secret and a wrong address look alike.
fn nothing_here() -> Problem {
    Problem::not_found("listener")
}

/// Both are compared, so that how long it takes does not tell which of them it is.
fn opens(vibes: &Vibes, secret: &str) -> bool {
    let now = vibes.path_secret.admits(secret);
    let before = vibes.previous_path_secret.as_ref().is_some_and(|previous| previous.admits(secret));
    now | before
}

/// From an address that a host cannot tell, nothing comes where addresses are named.
fn is_a_source(vibes: &Vibes, peer: Option<IpAddr>) -> bool {
    // An IPv4 caller on a socket of both kinds.
    let peer = peer.map(|peer| peer.to_canonical());
    vibes.sources.is_empty() || peer.is_some_and(|peer| vibes.sources.iter().any(|source| source.contains(&peer)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::vibes;

    #[test]
    fn a_caller_needs_an_address_where_some_are_named() {
        let anybody = vibes();
        let named =
            Vibes { sources: vec!["192.0.2.0/24".parse().unwrap(), "2001:db8::1/128".parse().unwrap()], ..vibes() };
        let peer = |text: &str| Some(text.parse().unwrap());
        assert!(is_a_source(&anybody, None) && is_a_source(&anybody, peer("198.51.100.1")));
        for (from, expected) in [
            ("192.0.2.7", true),
            ("::ffff:192.0.2.7", true),
            ("2001:db8::1", true),
            ("2001:db8::2", false),
            ("198.51.100.1", false),
        ] {
            assert_eq!(is_a_source(&named, peer(from)), expected, "{from}");
        }
        assert!(!is_a_source(&named, None));
    }

    #[test]
    fn the_secret_before_opens_until_it_is_taken_away() {
        let both = vibes();
        assert!(opens(&both, "0123456789abcdef0123456789abcdef") && opens(&both, "fedcba9876543210fedcba9876543210"));
        let one = Vibes { previous_path_secret: None, ..vibes() };
        assert!(opens(&one, "0123456789abcdef0123456789abcdef") && !opens(&one, "fedcba9876543210fedcba9876543210"));
        assert!(!opens(&both, "") && !opens(&both, "0123456789abcdef"));
    }
}
