//! REST over a connection for each request: enough to set things up, and nothing is kept between
//! requests that a killed host could have spoilt.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A host and a credential.
#[derive(Debug, Clone)]
pub struct Rest {
    pub address: SocketAddr,
    key: String,
}

/// What a host answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// The body, where it is JSON; else null.
    pub body: Value,
    /// The body as it came.
    pub text: String,
}

impl Rest {
    /// Requests to the host at `address` with this credential.
    pub fn new(address: SocketAddr, key: impl Into<String>) -> Self {
        let key = key.into();
        Self { address, key }
    }

    /// Sends JSON and gives what was answered, whatever it is.
    ///
    /// # Errors
    /// The host can't be reached, or went away before its answer was whole.
    pub async fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Answer> {
        let bytes = body.map(Value::to_string).unwrap_or_default();
        self.ask_bytes(method, path, "application/json", bytes.as_bytes())
            .await
    }

    /// Sends JSON and gives the body of a good answer.
    ///
    /// # Errors
    /// As above, and for every answer but 2xx.
    pub async fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        self.ask(method, path, body).await?.good(method, path)
    }

    /// Uploads bytes and gives the body of a good answer.
    ///
    /// # Errors
    /// As for [`Rest::call`].
    pub async fn upload(&self, path: &str, kind: &str, bytes: &[u8]) -> Result<Value> {
        self.ask_bytes("POST", path, kind, bytes)
            .await?
            .good("POST", path)
    }

    async fn ask_bytes(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> Result<Answer> {
        let mut stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\nconnection: close\r\n",
            self.address, self.key
        );
        if !body.is_empty() {
            request.push_str(&format!(
                "content-type: {kind}\r\ncontent-length: {}\r\n",
                body.len()
            ));
        }
        request.push_str("\r\n");
        let mut bytes = request.into_bytes();
        bytes.extend_from_slice(body);
        stream.write_all(&bytes).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        parse(&answer).context("the host went away before its answer was whole")
    }
}

impl Answer {
    fn good(self, method: &str, path: &str) -> Result<Value> {
        match self.status {
            200..300 => Ok(self.body),
            status => bail!("{method} {path} was answered with {status}: {}", self.text),
        }
    }
}

/// The host gives the length of every body, and closes after it.
fn parse(answer: &[u8]) -> Option<Answer> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse::<usize>().ok())?
    });
    let body = &answer[end + 4..];
    if length.is_some_and(|length| length > body.len()) {
        return None;
    }
    let text = String::from_utf8_lossy(body).into_owned();
    Some(Answer {
        status,
        body: serde_json::from_str(&text).unwrap_or_default(),
        text,
    })
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn half_an_answer_is_none() {
        let whole = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{\"a\":1}";
        let answer = parse(whole).unwrap();
        assert_eq!((answer.status, answer.body["a"].as_i64()), (200, Some(1)));
        for end in 0..whole.len() {
            assert!(parse(&whole[..end]).is_none());
        }
    }
}
