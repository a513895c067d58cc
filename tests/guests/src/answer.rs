//! A guest that answers with a given value: the value is laid out as the canonical ABI wants it, and the guest points there.
//!
//! All hooks return `result<variant, fault>` of the same layout: which of the two at 0, which case at 4, and at 8 and 12 where its list or text lies and how
//! long it is.

use std::fmt::Write as _;

use passerelle_contract::tenant::types::{Fault, Method, Request};
use passerelle_flow::plugin::hook::{Hook, Returned, Turn};

use super::{Form, component};

/// Where the answer lies in a guest of [`returning`]: behind the page that the arguments are copied to.
const AT: u32 = 65_536;
const PAGE: usize = 65_536;
/// Bytes of a record `request` in a guest's memory.
const REQUEST: usize = 48;

/// A plugin with one hook, which answers this whatever it is called with.
pub fn returning(hook: Hook, returned: &Returned) -> Vec<u8> {
    let function = match hook {
        Hook::ChooseTemplate => "choose",
        Hook::ShapePayload => "shape",
        Hook::OnPassInstalled | Hook::OnPassUninstalled | Hook::OnOrderChanged => "notify",
    };
    let image = image(returned, AT);
    let pages = 1 + image.len().div_ceil(PAGE);
    let data = image.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "\\{byte:02x}");
        text
    });
    let text = format!(
        r#"(module
            (memory (export "memory") {pages})
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
            (func (export "passerelle:tenant/{}@0.1.0#{function}") (param i32) (result i32) (i32.const {AT}))
            (data (i32.const {AT}) "{data}"))"#,
        hook.name()
    );
    component(&text, Form::Module)
}

/// What lies at `at` in a guest that answers this.
pub fn image(returned: &Returned, at: u32) -> Vec<u8> {
    let mut image = Image { at: at as usize, bytes: vec![0; 16] };
    let (error, case, (start, length)) = match returned {
        Ok(Turn::Ask(requests)) => (0, 0, image.requests(requests)),
        Ok(Turn::Deliver(requests)) => (0, 1, image.requests(requests)),
        Ok(Turn::Chosen(name)) => (0, 1, image.slice(name.as_bytes())),
        Ok(Turn::Variables(variables)) => (0, 1, image.pairs(variables)),
        Ok(Turn::Default) => (0, 2, (0, 0)),
        Err(Fault::Reject(text)) => (1, 0, image.slice(text.as_bytes())),
        Err(Fault::Retry) => (1, 1, (0, 0)),
    };
    image.bytes[0] = error;
    image.bytes[4] = case;
    image.put(8, start);
    image.put(12, length);
    image.bytes
}

struct Image {
    at: usize,
    bytes: Vec<u8>,
}

/// Where something lies in the guest, and how many it is.
type Slice = (usize, usize);

impl Image {
    fn room(&mut self, bytes: usize) -> usize {
        let at = self.bytes.len().next_multiple_of(4);
        self.bytes.resize(at + bytes, 0);
        at
    }

    fn put(&mut self, at: usize, word: usize) {
        self.bytes[at..at + 4].copy_from_slice(&u32::try_from(word).unwrap().to_le_bytes());
    }

    fn point(&mut self, at: usize, (start, length): Slice) {
        self.put(at, start);
        self.put(at + 4, length);
    }

    fn slice(&mut self, bytes: &[u8]) -> Slice {
        let at = self.room(bytes.len());
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
        (self.at + at, bytes.len())
    }

    fn pairs(&mut self, pairs: &[(String, String)]) -> Slice {
        let list = self.room(pairs.len() * 16);
        for (n, (name, value)) in pairs.iter().enumerate() {
            let (name, value) = (self.slice(name.as_bytes()), self.slice(value.as_bytes()));
            self.point(list + n * 16, name);
            self.point(list + n * 16 + 8, value);
        }
        (self.at + list, pairs.len())
    }

    fn requests(&mut self, requests: &[Request]) -> Slice {
        let list = self.room(requests.len() * REQUEST);
        for (n, request) in requests.iter().enumerate() {
            let at = list + n * REQUEST;
            let (name, url) = (self.slice(request.name.as_bytes()), self.slice(request.url.as_bytes()));
            let (headers, body) = (self.pairs(&request.headers), self.slice(&request.body));
            self.point(at, name);
            self.bytes[at + 8] = match request.method {
                Method::Get => 0,
                Method::Post => 1,
                Method::Put => 2,
                Method::Patch => 3,
                Method::Delete => 4,
            };
            self.point(at + 12, url);
            self.point(at + 20, headers);
            self.point(at + 28, body);
            if let Some(credential) = &request.credential {
                self.bytes[at + 36] = 1;
                let credential = self.slice(credential.as_bytes());
                self.point(at + 40, credential);
            }
        }
        (self.at + list, requests.len())
    }
}
