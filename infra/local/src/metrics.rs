//! What functions count: read from lines in CloudWatch's embedded metric format that they print, and summed up as
//! CloudWatch does.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::Value;

/// Which metric: CloudWatch tells metrics apart by these.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Key {
    /// The namespace, such as `Baton`.
    pub namespace: String,
    /// Its name, such as `Unassigned`.
    pub name: String,
    /// Its dimensions, such as the reason.
    pub dimensions: BTreeMap<String, String>,
}

/// What was reported of a metric.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Statistics {
    /// CloudWatch's name of the unit, such as `Count` or `Milliseconds`.
    pub unit: String,
    /// How many values.
    pub samples: u64,
    /// All of them together.
    pub sum: f64,
    /// The smallest.
    pub minimum: f64,
    /// The largest.
    pub maximum: f64,
}

impl Statistics {
    fn add(&mut self, other: &Self) {
        self.samples += other.samples;
        self.sum += other.sum;
        self.minimum = self.minimum.min(other.minimum);
        self.maximum = self.maximum.max(other.maximum);
    }
}

/// Metrics with what was reported of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reported(BTreeMap<Key, Statistics>);

impl Reported {
    /// Each metric, in order of its key.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &Statistics)> {
        self.0.iter()
    }

    /// Whether nothing was reported.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What one line reports; nothing when it is no document of the format.
    #[must_use]
    pub fn parse(line: &str) -> Self {
        // Most lines are something else, and this is cheaper than to understand them.
        if !line.contains("\"_aws\"") {
            return Self::default();
        }
        let document: Value = serde_json::from_str(line).unwrap_or_default();
        let mut reported = Self::default();
        for directive in elements(&document["_aws"]["CloudWatchMetrics"]) {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            for names in elements(&directive["Dimensions"]) {
                let dimensions: BTreeMap<String, String> =
                    elements(names).map(|name| (text(name), text(&document[text(name)]))).collect();
                for metric in elements(&directive["Metrics"]) {
                    let name = text(&metric["Name"]);
                    let value = &document[&name];
                    let values = if value.is_array() { elements(value).collect() } else { vec![value] };
                    let key = Key { namespace: text(&directive["Namespace"]), name, dimensions: dimensions.clone() };
                    for value in values.into_iter().filter_map(Value::as_f64) {
                        let unit = text(&metric["Unit"]);
                        reported.insert(
                            key.clone(),
                            Statistics { unit, samples: 1, sum: value, minimum: value, maximum: value },
                        );
                    }
                }
            }
        }
        reported
    }

    fn insert(&mut self, key: Key, statistics: Statistics) {
        match self.0.entry(key) {
            Entry::Vacant(place) => drop(place.insert(statistics)),
            Entry::Occupied(mut known) => known.get_mut().add(&statistics),
        }
    }

    fn add(&mut self, other: &Self) {
        for (key, statistics) in &other.0 {
            self.insert(key.clone(), statistics.clone());
        }
    }
}

fn elements(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// `Assigned 12, Unassigned noCapacity 2, BatchLatency 3 to 14 ms`: counts as sums, other metrics as their range. The
/// stack, which all have, is left out.
impl fmt::Display for Reported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (key, statistics)) in self.0.iter().enumerate() {
            let Statistics { unit, sum, minimum, maximum, .. } = statistics;
            f.write_str(if place == 0 { "" } else { ", " })?;
            f.write_str(&key.name)?;
            for (_, value) in key.dimensions.iter().filter(|(name, _)| *name != "Stack") {
                write!(f, " {value}")?;
            }
            let short = match unit.as_str() {
                "Milliseconds" => " ms",
                "Seconds" => " s",
                _ => "",
            };
            match unit.as_str() {
                "Count" => write!(f, " {sum:.0}")?,
                _ if format!("{minimum:.0}") == format!("{maximum:.0}") => write!(f, " {maximum:.0}{short}")?,
                _ => write!(f, " {minimum:.0} to {maximum:.0}{short}")?,
            }
        }
        Ok(())
    }
}

/// All that the functions of a stack have reported.
#[derive(Debug, Default)]
pub struct Metrics(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    since_start: Reported,
    not_told: Reported,
}

impl Metrics {
    /// Takes in what a line reports.
    pub fn read(&self, line: &str) {
        let reported = Reported::parse(line);
        if !reported.is_empty() {
            let mut kept = self.kept();
            kept.since_start.add(&reported);
            kept.not_told.add(&reported);
        }
    }

    /// Everything since the stack was started.
    #[must_use]
    pub fn since_start(&self) -> Reported {
        self.kept().since_start.clone()
    }

    /// Everything since the last call.
    #[must_use]
    pub fn since_last_told(&self) -> Reported {
        std::mem::take(&mut self.kept().not_told)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(reason: Option<&str>, metrics: &str, values: &str) -> String {
        let (names, reason) = match reason {
            Some(reason) => (r#""Stack","Reason""#, format!(r#""Reason":"{reason}","#)),
            None => (r#""Stack""#, String::new()),
        };
        format!(
            r#"{{"_aws":{{"Timestamp":1,"CloudWatchMetrics":[{{"Namespace":"Baton","Dimensions":[[{names}]],
            "Metrics":[{metrics}]}}]}},"Stack":"baton",{reason}{values}}}"#
        )
    }

    #[test]
    fn counts_are_summed_and_values_have_a_range() {
        let metrics = Metrics::default();
        let both = r#"{"Name":"Assigned","Unit":"Count"},{"Name":"BatchLatency","Unit":"Milliseconds"}"#;
        metrics.read(&line(None, both, r#""Assigned":3,"BatchLatency":[2.5,14.2]"#));
        metrics.read(&line(None, both, r#""Assigned":4,"BatchLatency":[7]"#));
        metrics.read(&line(Some("noCapacity"), r#"{"Name":"Unassigned","Unit":"Count"}"#, r#""Unassigned":2"#));
        let told = metrics.since_last_told();
        assert_eq!(told.to_string(), "Assigned 7, BatchLatency 2 to 14 ms, Unassigned noCapacity 2");
        assert!(metrics.since_last_told().is_empty(), "told once");
        let all = metrics.since_start();
        let latency = all.iter().find(|(key, _)| key.name == "BatchLatency").map(|(_, statistics)| statistics);
        assert_eq!(latency.map(|latency| (latency.samples, latency.minimum)), Some((3, 2.5)));
    }

    #[test]
    fn other_lines_report_nothing() {
        for line in ["", "plain", r#"{"message":"decision"}"#, r#"{"_aws":1}"#, r#"{"_aws": broken"#] {
            assert!(Reported::parse(line).is_empty(), "{line}");
        }
    }
}
