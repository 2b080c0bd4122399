//! Counts what a service refuses, wherever in the stack it was refused: by us, by the message size limit, by the decoder,
//! or because the caller's time ran out.

use std::{
    convert::Infallible,
    mem,
    task::{Context, Poll},
    time::Instant,
};

use tonic::{
    Code, Status,
    body::Body,
    codegen::{BoxFuture, Service, http},
    server::NamedService,
};
use tonic_types::StatusExt;

/// Counts one refusal of a method.
pub(crate) fn refused(method: &str, reason: &str) {
    tracing::debug!(method, reason, "refused");
    metrics::counter!("muster_grpc_refused_total", "method" => method.to_owned(), "reason" => reason.to_owned())
        .increment(1);
}

/// When the headers of a request had arrived.
#[derive(Clone, Copy)]
pub(crate) struct Began(pub Instant);

/// A service whose refusals are counted.
#[derive(Clone)]
pub(crate) struct Counted<S>(pub S);

impl<S: NamedService> NamedService for Counted<S> {
    const NAME: &'static str = S::NAME;
}

impl<S, B> Service<http::Request<Body>> for Counted<S>
where
    S: Service<http::Request<Body>, Response = http::Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: 'static,
{
    type Response = http::Response<B>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        let began = Instant::now();
        request.extensions_mut().insert(Began(began));
        let method = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
        // The one that said it is ready is the one to call.
        let fresh = self.0.clone();
        let mut ready = mem::replace(&mut self.0, fresh);
        Box::pin(async move {
            let mut waiting = Waiting(Some(method));
            let response = ready.call(request).await?;
            if waiting.answered(&response) {
                // From the headers to the answer: what it costs to say no, which under load is what is done most.
                metrics::histogram!("muster_grpc_refused_seconds").record(began.elapsed());
            }
            Ok(response)
        })
    }
}

/// A call without an answer yet. Dropped without one, it was given up: the caller left or the time was up.
struct Waiting(Option<String>);

impl Waiting {
    /// Whether the answer is a refusal.
    fn answered<B>(&mut self, response: &http::Response<B>) -> bool {
        let Some(method) = self.0.take() else {
            return false;
        };
        // Only a refusal carries its status in the headers; an answer carries it behind the body.
        let Some(status) = Status::from_header_map(response.headers()).filter(|status| status.code() != Code::Ok)
        else {
            return false;
        };
        match status.get_details_error_info() {
            Some(info) => refused(&method, &info.reason),
            None => {
                let (known, reason) = refused_below(status.code());
                refused(if known { &method } else { "unknown" }, reason);
            }
        }
        true
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(method) = self.0.take() {
            refused(&method, "GIVEN_UP");
        }
    }
}

/// Whether the method exists, and the reason, of a refusal that is not ours.
fn refused_below(code: Code) -> (bool, &'static str) {
    match code {
        Code::Unimplemented => (false, "UNKNOWN_METHOD"),
        Code::OutOfRange => (true, "MESSAGE_TOO_LARGE"),
        Code::Internal => (true, "MALFORMED_MESSAGE"),
        _ => (true, "OTHER"),
    }
}
