//! What the functions behind events count, told to CloudWatch in its embedded metric format: lines of JSON in the log,
//! which cost no call. `docs/operations.md` says what each metric means and which alarm looks at it.
//!
//! All are in the namespace [`NAMESPACE`] with the dimension `Stack`, so that stages of one account stay apart;
//! [`UNASSIGNED`] has the reason as a second dimension.

use std::io::Write;
use std::time::Duration;

use domain::run::{RoutingRun, Status};
use jiff::SignedDuration;
use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};
use metrics_cloudwatch_embedded::{Builder, Collector};

/// The namespace of all metrics.
pub const NAMESPACE: &str = "Baton";
/// The environment variable that names the stack.
pub const STACK_VARIABLE: &str = "STACK_NAME";

/// Records that got an owner or a queue.
pub const ASSIGNED: &str = "Assigned";
/// Records that need attention after their decision, by the code of the reason (`Reason`).
pub const UNASSIGNED: &str = "Unassigned";
/// Commits, of up to 99 decisions each, that were refused because what they relied on had changed. The decisions are made
/// again.
pub const CONFLICTS: &str = "Conflicts";
/// Batches that were given back to the event source, which delivers them again.
pub const RETRIES: &str = "Retries";
/// How long a batch took from its first read to its last commit, in milliseconds.
pub const BATCH_LATENCY: &str = "BatchLatency";
/// The age of the mark that has been pending longest, in seconds; told by each sweep.
pub const OLDEST_PENDING: &str = "OldestPending";
/// Sellers who were said to hold more or fewer records than there are, and were put right.
pub const DRIFT: &str = "Drift";

/// Collects what this process counts.
pub struct Telemetry(&'static Collector);

impl Telemetry {
    /// Begins to count, for the stack that the environment names.
    ///
    /// # Panics
    /// When this process counts already.
    #[must_use]
    pub fn start() -> Self {
        Self::of(std::env::var(STACK_VARIABLE).unwrap_or_else(|_| "unnamed".to_owned()))
    }

    fn of(stack: String) -> Self {
        let builder = Builder::new().cloudwatch_namespace(NAMESPACE).with_dimension("Stack", stack);
        let collector = builder.init().expect("a process starts to count once");
        describe_counter!(ASSIGNED, Unit::Count, "records that got an owner or a queue");
        describe_counter!(UNASSIGNED, Unit::Count, "records that need attention, by reason");
        describe_counter!(CONFLICTS, Unit::Count, "commits refused because something had changed");
        describe_counter!(RETRIES, Unit::Count, "batches given back to the event source");
        describe_histogram!(BATCH_LATENCY, Unit::Milliseconds, "a batch from its first read to its last commit");
        describe_histogram!(OLDEST_PENDING, Unit::Seconds, "age of the oldest mark");
        describe_counter!(DRIFT, Unit::Count, "sellers whose figures were put right");
        Self(collector)
    }

    /// Writes what was counted since the last time to the log. Due after each invocation: between two the process may be
    /// frozen, or ended.
    pub fn flush(&self) {
        // One write, so that no other line comes between. A log that can't be written to is nothing to fail for.
        let _ = std::io::stdout().lock().write_all(&self.lines());
    }

    /// What was counted since the last time.
    fn lines(&self) -> Vec<u8> {
        let mut lines = Vec::new();
        self.0.flush(&mut lines).expect("memory can be written to");
        lines
    }
}

/// A record was decided, and the decision is in force.
pub fn decided(run: &RoutingRun) {
    if run.assignment.status == Status::Succeeded {
        counter!(ASSIGNED).increment(1);
    }
    if let Some(reason) = run.reason() {
        counter!(UNASSIGNED, "Reason" => reason.code()).increment(1);
    }
}

/// A commit was refused because something had changed that it relied on.
pub fn refused() {
    counter!(CONFLICTS).increment(1);
}

/// A batch was given back to the event source.
pub fn given_back() {
    counter!(RETRIES).increment(1);
}

/// A batch was worked off in this time.
pub fn batch(took: Duration) {
    histogram!(BATCH_LATENCY).record(took.as_secs_f64() * 1_000.0);
}

/// The mark that has been pending longest is this old; zero when nothing is pending.
pub fn oldest_pending(age: SignedDuration) {
    histogram!(OLDEST_PENDING).record(age.as_secs_f64().max(0.0));
}

/// The figures of so many sellers were put right.
pub fn drift(sellers: u64) {
    counter!(DRIFT).increment(sellers);
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// One test, because a process starts to count once.
    #[test]
    fn what_was_counted_is_told_once_in_the_embedded_metric_format() {
        let telemetry = Telemetry::of("baton".to_owned());
        refused();
        refused();
        batch(Duration::from_millis(12));
        oldest_pending(SignedDuration::from_secs(90));
        counter!(UNASSIGNED, "Reason" => "noCapacity").increment(3);
        let lines = String::from_utf8(telemetry.lines()).unwrap();
        let documents: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let [of_stack, of_reason] = documents.as_slice() else { panic!("{lines}") };
        let directive = &of_stack["_aws"]["CloudWatchMetrics"][0];
        assert_eq!((&directive["Namespace"], &directive["Dimensions"]), (&json!("Baton"), &json!([["Stack"]])));
        assert_eq!(of_stack["Stack"], "baton");
        assert_eq!((&of_stack[CONFLICTS], &of_stack[BATCH_LATENCY]), (&json!(2), &json!([12.0])));
        assert_eq!(of_stack[OLDEST_PENDING], json!([90.0]));
        let units: Vec<&Value> =
            directive["Metrics"].as_array().unwrap().iter().map(|metric| &metric["Unit"]).collect();
        assert!(units.iter().all(|unit| unit.is_string()), "{directive}");
        assert_eq!(of_reason["_aws"]["CloudWatchMetrics"][0]["Dimensions"], json!([["Stack", "Reason"]]));
        assert_eq!((&of_reason["Reason"], &of_reason[UNASSIGNED]), (&json!("noCapacity"), &json!(3)));
        assert!(telemetry.lines().is_empty(), "told once");
    }
}
