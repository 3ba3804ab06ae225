//! The host functions of `http`. Where a request may go, and what is in a secret, only the chat layer
//! knows.

use std::time::Duration;

use wasmtime::component::Resource;

use super::super::state::State;
use super::super::types::{HostError, HttpRequest, HttpResponse};
use super::limited;
use super::wit::http::{self, Incoming};

impl http::Host for State {
    async fn send(
        &mut self,
        request: HttpRequest,
    ) -> wasmtime::Result<Result<HttpResponse, HostError>> {
        self.count()?;
        Ok(self.send_request(request).await)
    }

    async fn open(
        &mut self,
        request: HttpRequest,
    ) -> wasmtime::Result<Result<Resource<Incoming>, HostError>> {
        self.count()?;
        let opened = self.open_stream(request).await;
        Ok(opened.map(Resource::new_own))
    }
}

impl http::HostIncoming for State {
    async fn status(&mut self, stream: Resource<Incoming>) -> wasmtime::Result<u16> {
        self.count()?;
        Ok(self.streams.get(stream.rep())?.status())
    }

    async fn headers(
        &mut self,
        stream: Resource<Incoming>,
    ) -> wasmtime::Result<Vec<(String, String)>> {
        self.count()?;
        Ok(self.streams.get(stream.rep())?.headers())
    }

    async fn read(
        &mut self,
        stream: Resource<Incoming>,
        wait_ms: u32,
        gather_ms: u32,
    ) -> wasmtime::Result<Result<Option<Vec<u8>>, HostError>> {
        self.count()?;
        let [wait, gather] = [wait_ms, gather_ms]
            .map(u64::from)
            .map(Duration::from_millis);
        let stream = self.streams.get(stream.rep())?;
        Ok(stream.read(wait, gather).await)
    }

    async fn drop(&mut self, stream: Resource<Incoming>) -> wasmtime::Result<()> {
        self.count()?;
        self.streams.drop(stream.rep());
        Ok(())
    }
}

impl State {
    async fn send_request(&mut self, request: HttpRequest) -> Result<HttpResponse, HostError> {
        self.check_outward("http.send")?;
        self.count_request()?;
        self.chat()?.http(request).await
    }

    async fn open_stream(&mut self, request: HttpRequest) -> Result<u32, HostError> {
        self.check_outward("http.open")?;
        self.count_request()?;
        let until = self.streams.begin()?;
        let stream = self.chat()?.open(request, until).await?;
        Ok(self.streams.add(stream))
    }

    fn check_outward(&self, function: &str) -> Result<(), HostError> {
        self.check(self.class.may_reach_out(), function)
    }

    fn count_request(&mut self) -> Result<(), HostError> {
        // Tries count, not answers: each may take the time of somebody else's machine.
        let requests_max = self.limits.http_requests_max;
        if self.done.http_requests >= requests_max {
            return Err(limited("requests that a call sends", requests_max));
        }
        self.done.http_requests += 1;
        self.done.is_noticed = true;
        Ok(())
    }
}
