//! Responses, read.
//!
//! Owns the look at one. Whether there is one at all is said by `Call::answer`.

use crate::json::parse_json;
use crate::pairs::value;
use crate::{Response, Value};

impl Response {
    /// A header, by its name in lower case: the host has lowered them.
    ///
    /// ```
    /// use passerelle_plugin::Response;
    ///
    /// let headers = vec![("content-type".into(), "text/plain".into())];
    /// let response = Response { status: 200, headers, body: vec![] };
    /// assert_eq!(response.header("content-type"), Some("text/plain"));
    /// ```
    pub fn header(&self, name: &str) -> Option<&str> {
        value(&self.headers, name)
    }

    /// The body as JSON, whatever its `content-type` says. None: it is none.
    ///
    /// ```
    /// use passerelle_plugin::{Response, json};
    ///
    /// let response = Response { status: 200, headers: vec![], body: br#"{"tier": "gold"}"#.to_vec() };
    /// assert_eq!(response.json(), Some(json!({ "tier": "gold" })));
    /// ```
    pub fn json(&self) -> Option<Value> {
        parse_json(&self.body)
    }
}
