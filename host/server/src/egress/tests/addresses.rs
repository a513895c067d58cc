//! Addresses that are judged before anybody is called.

use crate::egress::{Policy, vet};

#[test]
fn an_address_is_vetted_as_far_as_it_says_where_it_leads() {
    let closed = Policy::default();
    let judge = |url: &str, policy: &Policy| vet(url, policy).is_ok();
    for url in ["https://crm.example/hooks", "https://crm.example.:8443/", "https://1.1.1.1/", "https://4chan.example/"]
    {
        assert!(judge(url, &closed), "{url}");
    }
    for url in [
        "http://crm.example/",
        "ftp://crm.example/",
        "https://user@crm.example/",
        "https://127.0.0.1/",
        "https://127.0.0.1./",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.1/",
        "https://crm.example:0/",
        "/hooks",
    ] {
        assert!(!judge(url, &closed), "{url}");
    }
    // Opened for a trial; the metadata services are nobody's trial.
    let open = Policy { allow: vec!["0.0.0.0/0".parse().unwrap()], plain_http: true };
    assert!(judge("http://127.0.0.1:9000/", &open) && judge("https://10.0.0.1/", &open));
    assert!(!judge("http://169.254.169.254/", &open));
}
