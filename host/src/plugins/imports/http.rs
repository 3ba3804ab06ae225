//! The host function of `http`. Where a request may go, and what is in a secret, only the chat layer
//! knows.

use super::super::state::State;
use super::super::types::{HostError, HttpRequest, HttpResponse};
use super::limited;
use super::wit::http;

impl http::Host for State {
    async fn send(
        &mut self,
        request: HttpRequest,
    ) -> wasmtime::Result<Result<HttpResponse, HostError>> {
        self.count()?;
        Ok(self.send_request(request).await)
    }
}

impl State {
    async fn send_request(&mut self, request: HttpRequest) -> Result<HttpResponse, HostError> {
        self.check(self.class.may_reach_out(), "http.send")?;
        if self.aside {
            let detail = "http.send is not for a version that is only compared with another";
            return Err(HostError::Denied(detail.into()));
        }
        // Tries count, not answers: each may take the time of somebody else's machine.
        let requests_max = self.limits.http_requests_max;
        if self.done.http_requests >= requests_max {
            return Err(limited("requests that a call sends", requests_max));
        }
        self.done.http_requests += 1;
        self.chat()?.http(request).await
    }
}
