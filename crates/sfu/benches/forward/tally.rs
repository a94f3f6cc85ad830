//! What was counted: the product's own metrics, and the CPU time of threads.

use std::{
    collections::HashMap,
    fs,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use metrics::{Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use rustix::thread::{CpuSet, Pid, sched_setaffinity};

/// Keeps every metric in memory.
#[derive(Default, Clone)]
pub struct Tally(Arc<Kept>);

#[derive(Default)]
struct Kept {
    counters: Mutex<HashMap<String, Arc<AtomicU64>>>,
    values: Arc<Values>,
}

#[derive(Default)]
struct Values(Mutex<Vec<f64>>);

impl HistogramFn for Values {
    fn record(&self, value: f64) {
        self.0.lock().unwrap().push(value);
    }
}

pub fn install() -> Tally {
    let tally = Tally::default();
    metrics::set_global_recorder(tally.clone()).map_err(drop).unwrap();
    tally
}

impl Tally {
    pub fn count(&self, name: &str) -> u64 {
        let counters = self.0.counters.lock().unwrap();
        counters.iter().filter(|(key, _)| key.starts_with(name)).map(|(_, n)| n.load(Ordering::Relaxed)).sum()
    }

    /// All values recorded since the last call, in order of size.
    pub fn values(&self) -> Vec<f64> {
        let mut values = std::mem::take(&mut *self.0.values.0.lock().unwrap());
        values.sort_by(f64::total_cmp);
        values
    }
}

impl Recorder for Tally {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let labels: Vec<String> = key.labels().map(|l| format!(" {}={}", l.key(), l.value())).collect();
        let name = format!("{}{}", key.name(), labels.concat());
        Counter::from_arc(Arc::clone(self.0.counters.lock().unwrap().entry(name).or_default()))
    }
    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }
    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(Arc::clone(&self.0.values))
    }
}

/// This thread, and those it starts, on that core, if there is one.
pub fn pin(core: usize) {
    pin_thread(None, core);
}

fn pin_thread(thread: Option<Pid>, core: usize) {
    if std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1) {
        let mut set = CpuSet::new();
        set.set(core);
        let _ = sched_setaffinity(thread, &set);
    }
}

/// The threads whose name begins so, moved to the first core.
pub struct Threads(Vec<i32>);

impl Threads {
    /// Those that there are now.
    pub fn known(start: &str) -> Vec<i32> {
        let tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
        let ids = tasks.filter_map(|task| {
            let name = fs::read_to_string(task.path().join("comm")).ok()?;
            name.starts_with(start).then(|| task.file_name().to_str()?.parse::<i32>().ok())?
        });
        ids.collect()
    }

    /// Those that were just started, and aren't in `known`. A thread gives itself its name once it runs.
    pub fn named(start: &str, known: &[i32]) -> Self {
        let new =
            || -> Vec<i32> { Self::known(start).into_iter().filter(|id| !known.contains(id)).collect() };
        let mut ids = new();
        for _ in 0..100 {
            std::thread::sleep(Duration::from_millis(50));
            let now = new();
            if !now.is_empty() && now == ids {
                break;
            }
            ids = now;
        }
        assert!(!ids.is_empty(), "no thread is called {start}: nothing could be measured");
        for id in &ids {
            pin_thread(Pid::from_raw(*id), 0);
        }
        Self(ids)
    }

    /// Their time on a CPU so far.
    pub fn cpu(&self) -> Duration {
        let of = |id: &i32| {
            let text = fs::read_to_string(format!("/proc/self/task/{id}/schedstat")).ok()?;
            text.split(' ').next()?.parse::<u64>().ok()
        };
        Duration::from_nanos(self.0.iter().filter_map(of).sum())
    }
}

/// A count, for ratios.
#[expect(clippy::cast_precision_loss, reason = "counts of a few seconds")]
pub fn number(count: u64) -> f64 {
    count as f64
}

/// The value that `part` of all are below.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place in a list"
)]
pub fn percentile(sorted: &[f64], part: f64) -> f64 {
    let at = (sorted.len() as f64 * part) as usize;
    sorted.get(at.min(sorted.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}
