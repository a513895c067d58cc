//! Instances: how often, by how many at once, what a trap takes along, what goes on after an answer.

use crate::app::{Folder, Host, Reply};
use crate::peer::Peer;

const OUT: &str = r#"allowed_outbound_hosts = ["http://127.0.0.1:*"]"#;

/// Requests that wait at the peer's gate, each sent once the one before it waits.
async fn held(host: &Host, peer: &Peer, path: &str, count: usize, between: impl AsyncFnOnce()) -> Vec<Reply> {
    let url = format!("/{path}?http://{}/gate", peer.address);
    let mut replies = Vec::new();
    let requests = async {
        let mut all: Vec<std::pin::Pin<Box<dyn Future<Output = Reply> + '_>>> = Vec::new();
        for sent in 1..=count {
            let mut request: std::pin::Pin<Box<dyn Future<Output = Reply> + '_>> = Box::pin(host.get(&url));
            // Polled until the peer has it; then it waits for its answer like the others.
            tokio::select! {
                reply = &mut request => panic!("answered too early: {reply:?}"),
                () = peer.keeps(sent) => {}
            }
            all.push(request);
        }
        between().await;
        peer.open();
        all
    };
    for request in requests.await {
        replies.push(request.await);
    }
    replies
}

fn different(replies: &[Reply]) -> usize {
    replies.iter().map(Reply::instance).collect::<std::collections::BTreeSet<_>>().len()
}

#[tokio::test]
async fn an_instance_serves_128_requests_and_then_another_one_does() {
    let host = Folder::probe("").start(&[]);
    let first = host.get("/hello").await;
    for expected in 2..=128 {
        let reply = host.get("/hello").await;
        assert_eq!((reply.seen(), reply.instance()), (expected, first.instance()));
    }
    let next = host.get("/hello").await;
    assert_eq!(next.seen(), 1);
    assert_ne!(next.instance(), first.instance());
}

#[tokio::test]
async fn a_reuse_count_of_one_means_a_fresh_instance_for_each_request() {
    let host = Folder::probe("").start(&["--max-instance-reuse-count", "1"]);
    for _ in 0..3 {
        assert_eq!(host.get("/hello").await.seen(), 1);
    }
}

#[tokio::test]
async fn sixteen_requests_share_an_instance_and_the_seventeenth_gets_its_own() {
    let (host, peer) = (Folder::probe(OUT).start(&[]), Peer::plain().await);
    let replies = held(&host, &peer, "fetch", 17, async || {}).await;
    assert!(replies.iter().all(|reply| reply.ok() == "peer /gate"));
    assert_eq!(different(&replies[..16]), 1);
    assert_ne!(replies[16].instance(), replies[0].instance());
}

#[tokio::test]
async fn one_at_once_means_an_instance_for_each() {
    let host = Folder::probe(OUT).start(&["--max-instance-concurrent-reuse-count", "1"]);
    let peer = Peer::plain().await;
    assert_eq!(different(&held(&host, &peer, "fetch", 3, async || {}).await), 3);
}

#[tokio::test]
async fn a_guest_that_asks_for_room_gets_it() {
    let (host, peer) = (Folder::probe(OUT).start(&[]), Peer::plain().await);
    assert_eq!(different(&held(&host, &peer, "alone", 3, async || {}).await), 3);
}

#[tokio::test]
async fn a_trap_is_an_empty_500_and_takes_the_instance_with_all_that_it_was_doing() {
    let (host, peer) = (Folder::probe(OUT).start(&[]), Peer::plain().await);
    let before = host.get("/hello").await;
    let trapped = std::cell::OnceCell::new();
    let replies = held(&host, &peer, "fetch", 2, async || {
        trapped.set(host.get("/trap").await).unwrap();
    })
    .await;
    for reply in replies.iter().chain(trapped.get()) {
        assert_eq!((reply.status.as_u16(), reply.body.len()), (500, 0));
    }
    host.says("[probe] ").await;
    host.says("this instance ends here").await;
    let after = host.get("/hello").await;
    assert_eq!(after.seen(), 1);
    assert_ne!(after.instance(), before.instance());
}

#[tokio::test]
async fn work_goes_on_after_the_answer() {
    let (host, peer) = (Folder::probe(OUT).start(&[]), Peer::plain().await);
    let reply = host.get(&format!("/later?http://{}/gate/later", peer.address)).await;
    assert_eq!(reply.ok(), "answered");
    // The answer is here, and what was begun with it is still waiting for the peer.
    peer.keeps(1).await;
    assert!(!host.said().contains("afterwards"));
    peer.open();
    host.says("[probe] afterwards: 200 OK peer /gate/later").await;
}
