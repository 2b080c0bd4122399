//! Who is let in when there is too much to do: less important requests are refused first, early and cheaply, so that a
//! report of a cardiac arrest never waits behind them.
//!
//! ```text
//! request ─> budget of its tenant ─> how far the owner lags ─> a place for its class ─> handled
//! ```
//! Requests whose class shows in the method are judged by the [`Door`] before they are read; a report is judged as soon
//! as its kind is known. Absent on purpose: queues. A refused caller waits on its own side and knows for how long.

use std::{
    convert::Infallible,
    mem,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use dispatch_core::ids::TenantId;
use muster_engine::{alarms::AlarmBoard, ports::Clock, requests::Refused};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::{
    Status,
    body::Body,
    codegen::{BoxFuture, Service, http},
    server::NamedService,
};

use crate::{
    budget::{Budgets, Limits},
    class::Class,
    refusal::Refusal,
    shed::Shed,
};

/// Queries at once. The store has four connections for reading and a read takes about a millisecond, so the last of these
/// waits for some 64 ms; with more, those who ask would wait longer than it takes to be refused and ask again.
const QUERY_PLACES: usize = 256;
/// Changes to the register at once: as many as one connection carries. Each may carry 256 KiB and becomes one commit.
const REGISTER_PLACES: usize = 256;
/// Reports of kinds no life depends on, at once: a quarter of the lane that they share with those on which one does.
const REPORT_PLACES: usize = 1_024;

/// Queries are refused when the owner lags by this, and not only for a moment: it no longer keeps up from one batch to the
/// next.
const QUERY_LAG_MAX: Duration = Duration::from_millis(50);
/// Changes to the register are refused at this lag: they are work for the owner, and nobody dies of them waiting.
const REGISTER_LAG_MAX: Duration = Duration::from_millis(100);
/// Reports no life depends on are refused at this lag: half of the second within which an alert is to be on a phone.
const REPORT_LAG_MAX: Duration = Duration::from_millis(500);

/// The alarm about what was refused is looked after this often.
const TELL_EVERY: Duration = Duration::from_millis(500);

/// How far the owner is behind, for good.
pub(crate) type OwnerLag = Arc<dyn Fn() -> Duration + Send + Sync>;

/// Judges requests. Cloning it gives another hand on the same books.
#[derive(Clone)]
pub(crate) struct Admission(Arc<Books>);

struct Books {
    lag: OwnerLag,
    clock: Arc<dyn Clock>,
    board: AlarmBoard,
    budgets: Mutex<Budgets>,
    shed: Mutex<Shed>,
    query_places: Arc<Semaphore>,
    register_places: Arc<Semaphore>,
    report_places: Arc<Semaphore>,
}

/// A place among the requests of a class, given back when dropped. Vital requests need none.
pub(crate) type Place = Option<OwnedSemaphorePermit>;

impl Admission {
    /// Nothing has been asked yet.
    pub fn new(lag: OwnerLag, board: AlarmBoard, clock: Arc<dyn Clock>, limits: Limits) -> Self {
        Self(Arc::new(Books {
            lag,
            clock,
            board,
            budgets: Mutex::new(Budgets::new(limits)),
            shed: Mutex::default(),
            query_places: Arc::new(Semaphore::new(QUERY_PLACES)),
            register_places: Arc::new(Semaphore::new(REGISTER_PLACES)),
            report_places: Arc::new(Semaphore::new(REPORT_PLACES)),
        }))
    }

    /// Lets a request in, or says why not. The place is to be kept until the request is answered.
    pub fn admit(&self, tenant: &TenantId, class: Class) -> Result<Place, Refusal> {
        let now = self.0.clock.now();
        let paid = lock(&self.0.budgets).pay(tenant, class, now);
        if let Err(retry_after) = paid {
            metrics::counter!("muster_tenant_budget_refused_total", "class" => class.label()).increment(1);
            if class == Class::Vital {
                lock(&self.0.shed).note(Some(tenant), now);
            }
            return Err(Refusal::TenantBudget { retry_after });
        }
        let (lag_max, places) = match class {
            // Never by lag: its own lane is the only bound, and it is the engine that says when that is full.
            Class::Vital => return Ok(None),
            Class::Report => (REPORT_LAG_MAX, &self.0.report_places),
            Class::Register => (REGISTER_LAG_MAX, &self.0.register_places),
            Class::Query => (QUERY_LAG_MAX, &self.0.query_places),
        };
        if (self.0.lag)() >= lag_max {
            return Err(self.overloaded(class));
        }
        let place = Arc::clone(places).try_acquire_owned();
        place.map(Some).map_err(|_| self.overloaded(class))
    }

    /// What the engine says when it refuses, counted if it is for being too much.
    pub fn refused(&self, class: Class, refused: Refused) -> Refusal {
        match refused {
            Refused::Overloaded => self.overloaded(class),
            other => other.into(),
        }
    }

    fn overloaded(&self, class: Class) -> Refusal {
        metrics::counter!("muster_shed_total", "class" => class.label()).increment(1);
        lock(&self.0.shed).note(None, self.0.clock.now());
        Refusal::Overloaded
    }

    /// Keeps the alarm true for as long as it is polled.
    pub async fn keep_alarm(&self) {
        let mut looking = tokio::time::interval(TELL_EVERY);
        loop {
            looking.tick().await;
            lock(&self.0.shed).tell(&self.0.board, self.0.clock.now());
        }
    }
}

fn lock<T>(books: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    books.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A service before which requests are judged by their method, unread. Stands behind the doorkeeper, who knows the tenant.
#[derive(Clone)]
pub(crate) struct Door<S> {
    pub admission: Admission,
    pub service: S,
}

impl<S: NamedService> NamedService for Door<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> Service<http::Request<Body>> for Door<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let place = match self.judge(&request) {
            Ok(place) => place,
            Err(refusal) => {
                let refused = Status::from(refusal).into_http();
                return Box::pin(async { Ok(refused) });
            }
        };
        // The one that said it is ready is the one to call.
        let fresh = self.service.clone();
        let mut ready = mem::replace(&mut self.service, fresh);
        Box::pin(async move {
            let response = ready.call(request).await;
            drop(place);
            response
        })
    }
}

impl<S> Door<S> {
    fn judge(&self, request: &http::Request<Body>) -> Result<Place, Refusal> {
        let method = request.uri().path().rsplit('/').next().unwrap_or_default();
        // Without a tenant the handler refuses it.
        match (Class::of_method(method), request.extensions().get::<TenantId>()) {
            (Some(class), Some(tenant)) => self.admission.admit(tenant, class),
            _ => Ok(None),
        }
    }
}

#[cfg(test)]
#[path = "admission_tests.rs"]
mod tests;
