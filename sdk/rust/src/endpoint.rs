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

    /// The first parameter of that name in the query, decoded; `None` if there is none, or it isn't
    /// UTF-8.
    pub fn param(&self, name: &str) -> Option<String> {
        self.params()
            .find_map(|(known, value)| (known == name).then_some(value))
    }

    /// The parameters of the query, decoded, in their order.
    pub fn params(&self) -> impl Iterator<Item = (String, String)> {
        let pairs = self.query.split('&').filter(|pair| !pair.is_empty());
        pairs.filter_map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decoded(name, true)?, decoded(value, true)?))
        })
    }

    /// The parts of the path between the slashes, decoded; `None` if one isn't UTF-8.
    pub fn segments(&self) -> Option<Vec<String>> {
        let path = self.path.strip_prefix('/').unwrap_or(&self.path);
        path.split('/').map(|part| decoded(part, false)).collect()
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

    /// A refusal as the host's own are (RFC 9457): a stable `code` for programs, a sentence for people.
    pub fn problem(status: u16, code: &str, detail: impl Into<String>) -> Response {
        let detail: String = detail.into();
        // Without a type of its own a problem is what its status says.
        let title = match status {
            400 => "Bad Request",
            401 => "Unauthorized",
            403 => "Forbidden",
            404 => "Not Found",
            405 => "Method Not Allowed",
            409 => "Conflict",
            422 => "Unprocessable Content",
            429 => "Too Many Requests",
            503 => "Service Unavailable",
            _ => code,
        };
        let problem = serde_json::json!({
            "type": "about:blank", "title": title, "status": status, "code": code, "detail": detail,
        });
        Response::of("application/problem+json", to_json(&problem)).with_status(status)
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

/// Takes `%41` for `A` and, in a query, `+` for a space. What is no such code stands for itself.
fn decoded(text: &str, in_query: bool) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digit = |at: usize| char::from(*after.get(at)?).to_digit(16);
        rest = after;
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                rest = &after[2..];
            }
            (b'+', ..) if in_query => bytes.push(b' '),
            _ => bytes.push(first),
        }
    }
    String::from_utf8(bytes).ok()
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

    #[test]
    fn paths_and_queries_are_decoded() {
        let request = Request {
            method: "GET".into(),
            path: "/tasks/a%20b%2Fc+d".into(),
            query: "who=J%C3%B8rgen+B&&x&y=1=2&z=%zz&bad=%ff&y=3".into(),
            headers: Vec::new(),
            body: Vec::new(),
        };
        assert_eq!(request.segments().unwrap(), ["tasks", "a b/c+d"]);
        assert_eq!(request.param("who").as_deref(), Some("Jørgen B"));
        assert_eq!(request.param("x").as_deref(), Some(""));
        assert_eq!(request.param("y").as_deref(), Some("1=2"));
        assert_eq!(request.param("z").as_deref(), Some("%zz"));
        assert_eq!(request.param("bad"), None);
        assert_eq!(request.params().count(), 5);
    }
}
