//! What comes to the plugin's own HTTP routes, and its answers. See [`Endpoint`](crate::Endpoint).

use serde::Serialize;

use crate::to_json;

pub use crate::bindings::endpoint::{Request, Response};

impl Request {
    /// The first header of that name, given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The body as text, if it is UTF-8.
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.body).ok()
    }
}

impl Response {
    /// An answer with a status and nothing else.
    pub fn status(status: u16) -> Response {
        Response {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// 200 with a body of this media type.
    pub fn of(content_type: &str, body: impl Into<Vec<u8>>) -> Response {
        Response {
            body: body.into(),
            ..Response::status(200)
        }
        .with_header("content-type", content_type)
    }

    /// 200 with plain text.
    pub fn text(text: impl Into<String>) -> Response {
        Response::of("text/plain; charset=utf-8", text.into())
    }

    /// 200 with JSON.
    pub fn json<T: Serialize + ?Sized>(value: &T) -> Response {
        Response::of("application/json", to_json(value))
    }

    /// The same with another status.
    pub fn with_status(mut self, status: u16) -> Response {
        self.status = status;
        self
    }

    /// The same with a header more; its name in lower case.
    pub fn with_header(mut self, name: &str, value: impl Into<String>) -> Response {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::{Request, Response};

    #[test]
    fn headers_and_bodies_are_read_and_written() {
        let request = Request {
            method: "POST".into(),
            path: "/hook".into(),
            query: String::new(),
            headers: vec![("x-signature".into(), "a".into())],
            body: b"hello".to_vec(),
        };
        assert_eq!(request.header("x-signature"), Some("a"));
        assert_eq!(request.header("accept"), None);
        assert_eq!(request.text(), Some("hello"));
        let made = Response::json(&[1, 2]).with_status(201);
        assert_eq!(made.status, 201);
        assert_eq!(made.body, b"[1,2]");
        assert_eq!(made.headers[0].0, "content-type");
    }
}
