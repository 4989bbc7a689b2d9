//! Figures for who runs Mycorr, in the Prometheus text format (version 0.0.4). Nothing private is in them.

use axum::http::StatusCode;
use std::{
    fmt::Write,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

#[derive(Default)]
pub(crate) struct Metrics {
    /// Answers by the first digit of their status, from 1.
    answers: [AtomicU64; 5],
}

impl Metrics {
    pub(crate) fn count(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100);
        if let Some(answers) = class.checked_sub(1).and_then(|class| self.answers.get(class)) {
            answers.fetch_add(1, Relaxed);
        }
    }

    pub(crate) fn text(&self, jobs: &[(String, u64)]) -> String {
        let mut text = String::new();
        let mut family = |name: &str, kind: &str, help: &str, samples: Vec<(String, u64)>| {
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
            for (labels, value) in samples {
                let _ = writeln!(text, "{name}{{{labels}}} {value}");
            }
        };
        let version = format!("version=\"{}\"", env!("CARGO_PKG_VERSION"));
        family("mycorr_build_info", "gauge", "The version that runs.", vec![(version, 1)]);
        let answers = self.answers.iter().enumerate();
        let answers = answers.map(|(at, n)| (format!("status=\"{}xx\"", at + 1), n.load(Relaxed))).collect();
        family("mycorr_http_answers_total", "counter", "Answers by class of status.", answers);
        let jobs = jobs.iter().map(|(state, jobs)| (format!("state=\"{state}\""), *jobs)).collect();
        family("mycorr_jobs", "gauge", "Jobs that wait and that run.", jobs);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_format() {
        let metrics = Metrics::default();
        metrics.count(StatusCode::OK);
        metrics.count(StatusCode::NOT_FOUND);
        let text = metrics.text(&[("running".into(), 2)]);
        assert!(text.contains("# TYPE mycorr_http_answers_total counter\n"));
        assert!(text.contains("mycorr_http_answers_total{status=\"4xx\"} 1\n"));
        assert!(text.ends_with("mycorr_jobs{state=\"running\"} 2\n"));
    }
}
