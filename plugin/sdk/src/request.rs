//! Requests, said in one expression.
//!
//! Owns how they are put together. What may be sent where is the host's to judge, before it sends anything.

use crate::percent::percent_encode;
use crate::{Method, Request, Value};

impl Request {
    /// A request of any method. Its name is your own: the answer carries it, and a delivery is sent once under it.
    ///
    /// ```
    /// use passerelle_plugin::{Method, Request};
    ///
    /// let request = Request::new(Method::Patch, "customer", "https://crm.example/customers/C-7");
    /// assert_eq!(request.method, Method::Patch);
    /// assert_eq!((request.name.as_str(), request.body.len(), request.credential), ("customer", 0, None));
    /// ```
    pub fn new(method: Method, name: impl Into<String>, url: impl Into<String>) -> Self {
        Self { name: name.into(), method, url: url.into(), headers: Vec::new(), body: Vec::new(), credential: None }
    }

    /// A request that reads.
    ///
    /// ```
    /// use passerelle_plugin::{Method, Request};
    ///
    /// let request = Request::get("customer", "https://crm.example/customers/C-7");
    /// assert_eq!(request.method, Method::Get);
    /// ```
    pub fn get(name: impl Into<String>, url: impl Into<String>) -> Self {
        Self::new(Method::Get, name, url)
    }

    /// A request that hands something over.
    ///
    /// ```
    /// use passerelle_plugin::{Method, Request, json};
    ///
    /// let request = Request::post("note", "https://crm.example/notes").json(&json!({ "text": "installed" }));
    /// assert_eq!(request.method, Method::Post);
    /// ```
    pub fn post(name: impl Into<String>, url: impl Into<String>) -> Self {
        Self::new(Method::Post, name, url)
    }

    /// A request that puts something in its place: harmless when it is sent twice.
    ///
    /// ```
    /// use passerelle_plugin::{Method, Request};
    ///
    /// let request = Request::put("state", "https://crm.example/passes/aB3xZ").text("installed");
    /// assert_eq!(request.method, Method::Put);
    /// ```
    pub fn put(name: impl Into<String>, url: impl Into<String>) -> Self {
        Self::new(Method::Put, name, url)
    }

    /// Adds a parameter to the address, both sides encoded. The address has no fragment.
    ///
    /// ```
    /// use passerelle_plugin::Request;
    ///
    /// let request = Request::get("customer", "https://crm.example/customers").query("movement", "a b").query("full", "1");
    /// assert_eq!(request.url, "https://crm.example/customers?movement=a%20b&full=1");
    /// ```
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.url.push(if self.url.contains('?') { '&' } else { '?' });
        self.url.push_str(&percent_encode(name));
        self.url.push('=');
        self.url.push_str(&percent_encode(value));
        self
    }

    /// Sets a header, in place of one of this name.
    ///
    /// ```
    /// use passerelle_plugin::Request;
    ///
    /// let request = Request::get("customer", "https://crm.example").header("accept", "text/plain").header("Accept", "text/csv");
    /// assert_eq!(request.headers, [("Accept".to_owned(), "text/csv".to_owned())]);
    /// ```
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into();
        self.headers.retain(|(present, _)| !present.eq_ignore_ascii_case(&name));
        self.headers.push((name, value.into()));
        self
    }

    /// Sends JSON, and says so in `content-type`.
    ///
    /// ```
    /// use passerelle_plugin::{Request, json};
    ///
    /// let request = Request::post("note", "https://crm.example/notes").json(&json!({ "text": "installed", "seat": null }));
    /// assert_eq!(request.body, br#"{"seat":null,"text":"installed"}"#);
    /// assert_eq!(request.headers, [("content-type".to_owned(), "application/json".to_owned())]);
    /// ```
    pub fn json(self, value: &Value) -> Self {
        self.body("application/json", value.to_string())
    }

    /// Sends text, and says so in `content-type`.
    ///
    /// ```
    /// use passerelle_plugin::Request;
    ///
    /// let request = Request::post("note", "https://crm.example/notes").text("installed");
    /// assert_eq!(request.headers, [("content-type".to_owned(), "text/plain; charset=utf-8".to_owned())]);
    /// ```
    pub fn text(self, text: impl Into<String>) -> Self {
        self.body("text/plain; charset=utf-8", text.into())
    }

    /// Sends bytes of any media type.
    ///
    /// ```
    /// use passerelle_plugin::Request;
    ///
    /// let request = Request::post("note", "https://crm.example/notes").body("application/xml", "<installed/>");
    /// assert_eq!(request.body, b"<installed/>");
    /// ```
    pub fn body(mut self, media_type: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.body = bytes.into();
        self.header("content-type", media_type)
    }

    /// Has the host add a credential of the tenant, by its name in `[plugin.credentials]`. Its value is never seen here.
    ///
    /// ```
    /// use passerelle_plugin::Request;
    ///
    /// let request = Request::get("customer", "https://crm.example/customers/C-7").credential("crm");
    /// assert_eq!(request.credential.as_deref(), Some("crm"));
    /// ```
    pub fn credential(mut self, name: impl Into<String>) -> Self {
        self.credential = Some(name.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_cannot_leave_its_place() {
        let request = Request::get("customer", "https://crm.example/customers?v=2").query("m&v", "1&admin=1#/../ü");
        assert_eq!(request.url, "https://crm.example/customers?v=2&m%26v=1%26admin%3D1%23%2F..%2F%C3%BC");
    }

    #[test]
    fn the_last_body_counts_with_its_media_type() {
        let request = Request::post("note", "https://crm.example").json(&Value::Null).text("installed");
        assert_eq!(request.body, b"installed");
        assert_eq!(request.headers, crate::pairs::owned([("content-type", "text/plain; charset=utf-8")]));
    }
}
