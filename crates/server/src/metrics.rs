//! Figures for who runs Mycorr, in the Prometheus text format (version 0.0.4). Nothing private is in them. Each family
//! stands in the table of `docs/operating.md`.

use axum::http::StatusCode;
use mycorr_domain::Result;
use mycorr_engine::{Engine, Figures};
use std::{
    fmt::{self, Write},
    fs,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant, SystemTime},
};
use tokio::sync::Mutex;

/// Upper ends of the buckets of answers by their time, in microseconds.
const BUCKETS_MICROS: [u64; 7] = [5_000, 25_000, 100_000, 500_000, 2_500_000, 10_000_000, 60_000_000];
/// Anybody may ask, and it costs some queries: they are made at most so often.
const FIGURES_TTL: Duration = Duration::from_secs(5);
/// Of /proc, on every architecture that Linux has today (sysconf(_SC_CLK_TCK)).
const TICKS_PER_SECOND: f64 = 100.0;

/// A figure of another part of the process.
#[derive(Debug)]
pub struct Metric {
    pub name: &'static str,
    /// `counter` or `gauge`.
    pub kind: &'static str,
    pub help: &'static str,
    pub value: f64,
}

/// Figures of another part of the process, as they are now.
#[derive(Clone)]
pub struct MoreMetrics(Arc<dyn Fn() -> Vec<Metric> + Send + Sync>);

impl MoreMetrics {
    pub fn new(figures: impl Fn() -> Vec<Metric> + Send + Sync + 'static) -> Self {
        Self(Arc::new(figures))
    }
}

impl fmt::Debug for MoreMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MoreMetrics")
    }
}

pub(crate) struct Metrics {
    started: SystemTime,
    /// Answers by the first digit of their status, from 1.
    answers: [AtomicU64; 5],
    throttled: AtomicU64,
    /// Answers by the first bucket that takes them; the last one takes all others.
    buckets: [AtomicU64; BUCKETS_MICROS.len() + 1],
    micros: AtomicU64,
    figures: Mutex<Option<(Instant, Figures, Option<u64>)>>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            started: SystemTime::now(),
            answers: Default::default(),
            throttled: AtomicU64::default(),
            buckets: Default::default(),
            micros: AtomicU64::default(),
            figures: Mutex::default(),
        }
    }
}

impl Metrics {
    pub(crate) fn count(&self, status: StatusCode, took: Duration) {
        let class = usize::from(status.as_u16() / 100);
        if let Some(answers) = class.checked_sub(1).and_then(|class| self.answers.get(class)) {
            answers.fetch_add(1, Relaxed);
        }
        if status == StatusCode::TOO_MANY_REQUESTS {
            self.throttled.fetch_add(1, Relaxed);
        }
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BUCKETS_MICROS.iter().position(|&end| micros <= end).unwrap_or(BUCKETS_MICROS.len());
        self.buckets[bucket].fetch_add(1, Relaxed);
        self.micros.fetch_add(micros, Relaxed);
    }

    pub(crate) async fn text(&self, engine: &Engine, more: Option<&MoreMetrics>) -> Result<String> {
        let mut known = self.figures.lock().await;
        let (_, figures, free_bytes) = match known.take() {
            Some(fresh) if fresh.0.elapsed() < FIGURES_TTL => known.insert(fresh),
            _ => {
                let (figures, free_bytes) = engine.figures().await?;
                known.insert((Instant::now(), figures, free_bytes))
            }
        };
        let mut text = Text::default();
        self.of_process(&mut text);
        of_installation(&mut text, figures, *free_bytes);
        for Metric { name, kind, help, value } in more.map(|more| (more.0)()).unwrap_or_default() {
            text.one(name, kind, help, value);
        }
        Ok(text.0)
    }

    fn of_process(&self, text: &mut Text) {
        let version = format!("version=\"{}\"", env!("CARGO_PKG_VERSION"));
        text.family("mycorr_build_info", "gauge", "The version that runs.", [(version, 1.0)]);
        let answers = self.answers.iter().enumerate();
        let answers = answers.map(|(at, n)| (format!("status=\"{}xx\"", at + 1), n.load(Relaxed) as f64));
        text.family("mycorr_http_answers_total", "counter", "Answers by class of status.", answers);
        let throttled = self.throttled.load(Relaxed) as f64;
        text.one(
            "mycorr_http_throttled_total",
            "counter",
            "Answers that said: too many requests.",
            throttled,
        );
        self.durations(text);
        let started = self.started.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let start = "When the process started, in seconds since 1970.";
        text.one("process_start_time_seconds", "gauge", start, started.as_secs_f64());
        if let Some(bytes) = resident_bytes() {
            text.one("process_resident_memory_bytes", "gauge", "Memory that the process holds.", bytes);
        }
        if let Some(seconds) = cpu_seconds() {
            text.one(
                "process_cpu_seconds_total",
                "counter",
                "Time that processors worked for the process.",
                seconds,
            );
        }
        if let Ok(open) = fs::read_dir("/proc/self/fd") {
            let open = open.count() as f64;
            text.one("process_open_fds", "gauge", "Files and sockets that the process has open.", open);
        }
    }

    fn durations(&self, text: &mut Text) {
        let name = "mycorr_http_answer_duration_seconds";
        text.head(name, "histogram", "Time to the head of an answer.");
        let mut sum = 0;
        for (at, bucket) in self.buckets.iter().enumerate() {
            sum += bucket.load(Relaxed);
            let end = BUCKETS_MICROS.get(at).map_or("+Inf".to_owned(), |&end| (end as f64 / 1e6).to_string());
            text.sample(&format!("{name}_bucket"), &format!("le=\"{end}\""), sum as f64);
        }
        text.sample(&format!("{name}_sum"), "", self.micros.load(Relaxed) as f64 / 1e6);
        text.sample(&format!("{name}_count"), "", sum as f64);
    }
}

fn of_installation(text: &mut Text, figures: &Figures, free_bytes: Option<u64>) {
    let by = |label: &'static str, counts: &[(String, u64)]| -> Vec<_> {
        counts.iter().map(|(value, n)| (format!("{label}=\"{value}\""), *n as f64)).collect()
    };
    // A state that no job is in is told as well: an alert needs the zero.
    let jobs = ["queued", "running"].map(|state| {
        let found = figures.jobs.iter().find(|(name, _)| name == state);
        (format!("state=\"{state}\""), found.map_or(0.0, |(_, n)| *n as f64))
    });
    text.family("mycorr_jobs", "gauge", "Jobs that wait and that run, on all nodes.", jobs);
    let ended = "Jobs that ended in the last hour, of those queued in the last day.";
    let jobs = by("state", &figures.jobs_ended_last_hour);
    text.family("mycorr_jobs_ended_last_hour", "gauge", ended, jobs);
    let oldest = figures.oldest_queued.as_secs_f64();
    text.one("mycorr_oldest_queued_job_age_seconds", "gauge", "How long the oldest job has waited.", oldest);
    let expired = "Running jobs whose worker has stopped to report.";
    text.one("mycorr_expired_leases", "gauge", expired, figures.expired_leases as f64);
    text.one("mycorr_tables", "gauge", "Tables that can be read.", figures.tables as f64);
    text.one("mycorr_versions", "gauge", "Versions of all tables.", figures.versions as f64);
    text.one("mycorr_stored_bytes", "gauge", "Bytes of all versions.", figures.stored_bytes as f64);
    if let Some(free) = free_bytes {
        text.one(
            "mycorr_storage_free_bytes",
            "gauge",
            "Room that is left where tables are stored.",
            free as f64,
        );
    }
    let tested = "Connections by how their last test ended.";
    text.family("mycorr_connections", "gauge", tested, by("last_test", &figures.connections));
    let open = "Statements that a source is working on.";
    text.one("mycorr_source_statements_open", "gauge", open, figures.open_statements as f64);
    text.family("mycorr_nodes", "gauge", "Nodes that share the metadata.", by("role", &figures.nodes));
}

/// The exposition format (prometheus.io/docs/instrumenting/exposition_formats).
#[derive(Default)]
struct Text(String);

impl Text {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &str, value: f64) {
        let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }

    fn family(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        samples: impl IntoIterator<Item = (String, f64)>,
    ) {
        self.head(name, kind, help);
        for (labels, value) in samples {
            self.sample(name, &labels, value);
        }
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: f64) {
        self.family(name, kind, help, [(String::new(), value)]);
    }
}

fn resident_bytes() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1024.0)
}

/// User and system time (proc(5), `/proc/pid/stat`, fields 14 and 15).
fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is a name in parentheses, which may hold anything.
    let rest = &stat[stat.rfind(')')? + 2..];
    let ticks: Vec<f64> = rest.split(' ').skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
    (ticks.len() == 2).then(|| (ticks[0] + ticks[1]) / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_by_status_and_time() {
        let metrics = Metrics::default();
        metrics.count(StatusCode::OK, Duration::from_millis(3));
        metrics.count(StatusCode::TOO_MANY_REQUESTS, Duration::from_secs(100));
        let mut text = Text::default();
        metrics.of_process(&mut text);
        for line in [
            "# TYPE mycorr_http_answers_total counter",
            "mycorr_http_answers_total{status=\"4xx\"} 1",
            "mycorr_http_throttled_total 1",
            "mycorr_http_answer_duration_seconds_bucket{le=\"0.005\"} 1",
            "mycorr_http_answer_duration_seconds_bucket{le=\"60\"} 1",
            "mycorr_http_answer_duration_seconds_bucket{le=\"+Inf\"} 2",
            "mycorr_http_answer_duration_seconds_count 2",
        ] {
            assert!(text.0.lines().any(|found| found == line), "{line} is not in\n{}", text.0);
        }
    }
}
