//! Counts what the bus counts. Holds for the thread, and each test has one thread.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use metrics::{
    Counter, CounterFn, Gauge, Histogram, Key, KeyName, LocalRecorderGuard, Metadata, Recorder, SharedString, Unit,
};

type Counts = Arc<Mutex<BTreeMap<String, u64>>>;

pub struct Counters {
    counts: Counts,
    _guard: LocalRecorderGuard<'static>,
}

impl Counters {
    pub fn install() -> Self {
        let counts = Counts::default();
        // A test's recorder lives as long as its process.
        let recorder: &'static CountingRecorder = Box::leak(Box::new(CountingRecorder(Arc::clone(&counts))));
        let guard = metrics::set_default_local_recorder(recorder);
        Self { counts, _guard: guard }
    }

    /// How often something was refused for this reason.
    pub fn refused(&self, reason: &str) -> u64 {
        self.count(&format!("muster_mqtt_refused_total {reason}"))
    }

    /// The value of a counter; its label follows its name after a space.
    pub fn count(&self, name: &str) -> u64 {
        self.counts.lock().unwrap().get(name).copied().unwrap_or(0)
    }
}

struct CountingRecorder(Counts);

struct One(Counts, String);

impl CounterFn for One {
    fn increment(&self, value: u64) {
        *self.0.lock().unwrap().entry(self.1.clone()).or_default() += value;
    }

    fn absolute(&self, _value: u64) {}
}

impl Recorder for CountingRecorder {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let labels = key.labels().map(|label| format!(" {}", label.value()));
        let name = key.name().to_owned() + &labels.collect::<String>();
        Counter::from_arc(Arc::new(One(Arc::clone(&self.0), name)))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}
