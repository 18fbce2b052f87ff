//! What becomes of a batch after an invocation: the rules of Lambda's event source mappings, decided and not done.
//!
//! | outcome | report of failed items | bisect | then |
//! | --- | --- | --- | --- |
//! | answered | not asked for, or none failed | | done |
//! | answered | some failed | | done up to the lowest failed one; from there on again, as one more attempt |
//! | answered | unreadable, or naming nothing of the batch | | as an error |
//! | error, crash, time-out | | on, more than one change | both halves again, each with the attempts of before |
//! | error, crash, time-out | | off, or one change | again, as one more attempt |
//! | attempts used up | | | given up, with everything left of the batch |
//!
//! Two readings where the documentation is silent, both the stricter one: a batch that shrinks by a report keeps its
//! count of attempts, and what a report leaves is not split further.

use serde::Deserialize;
use serde_json::Value;

use crate::{engine::Change, invoke::InvokeOutcome, template::StreamSource};

/// One change on its way to the function.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    pub(super) sequence: i64,
    /// As the function sees it: 21 digits.
    pub(super) sequence_number: String,
    /// When it was made, on the movable clock as of when it was read.
    pub(super) created: jiff::Timestamp,
    /// The record in Lambda's event.
    pub(super) record: Value,
    pub(super) size_bytes: usize,
}

/// Changes that are delivered together, in order.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub(super) deliveries: Vec<Delivery>,
    /// Invocations so far that count as attempts.
    pub(super) attempts: u32,
}

/// What to do after an invocation.
#[derive(Debug)]
pub(super) enum Verdict {
    /// The whole batch is dealt with.
    Done,
    /// The first `done` changes are dealt with, the rest is delivered again in these parts, in order.
    Again { done: usize, parts: Vec<Batch> },
    /// The first `done` changes are dealt with, the rest is given up.
    GivenUp { done: usize, rest: Batch },
}

/// What to do with `batch` after its invocation ended with `outcome`.
pub(super) fn judge(source: &StreamSource, batch: Batch, outcome: &InvokeOutcome) -> Verdict {
    let failed_from = match outcome {
        InvokeOutcome::Ok(_) if !source.reports_failures => return Verdict::Done,
        InvokeOutcome::Ok(answer) => match reported(answer, &batch) {
            Report::Nothing => return Verdict::Done,
            Report::From(index) => Some(index),
            Report::Unreadable => None,
        },
        InvokeOutcome::FunctionError(_) | InvokeOutcome::Crashed | InvokeOutcome::TimedOut => None,
    };
    if failed_from.is_none() && source.bisects && batch.deliveries.len() > 1 {
        return Verdict::Again { done: 0, parts: batch.halves() };
    }
    let done = failed_from.unwrap_or(0);
    let rest = Batch { deliveries: batch.deliveries[done..].to_vec(), attempts: batch.attempts + 1 };
    match source.retries {
        Some(retries) if rest.attempts > retries => Verdict::GivenUp { done, rest },
        _ => Verdict::Again { done, parts: vec![rest] },
    }
}

impl Batch {
    /// Takes the changes off the front that are older than the mapping allows at the instant `now`.
    pub(super) fn take_expired(&mut self, source: &StreamSource, now: jiff::Timestamp) -> Option<Self> {
        let age = jiff::SignedDuration::try_from(source.record_age?).ok()?;
        let too_old = |delivery: &Delivery| now.duration_since(delivery.created) > age;
        let expired = self.deliveries.iter().take_while(|delivery| too_old(delivery)).count();
        let rest = self.deliveries.split_off(expired);
        let expired = Self { deliveries: std::mem::replace(&mut self.deliveries, rest), attempts: self.attempts };
        (!expired.deliveries.is_empty()).then_some(expired)
    }

    fn halves(mut self) -> Vec<Self> {
        let second = self.deliveries.split_off(self.deliveries.len() / 2);
        let second = Self { deliveries: second, attempts: self.attempts };
        vec![self, second]
    }
}

enum Report {
    Nothing,
    /// The index of the lowest failed change: the checkpoint.
    From(usize),
    Unreadable,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "batchItemFailures")]
    failures: Option<Vec<Failure>>,
}

#[derive(Deserialize)]
struct Failure {
    #[serde(rename = "itemIdentifier")]
    identifier: String,
}

/// A list that is empty, null or absent (or an answer that is empty or null) is a complete success; an identifier that
/// is empty, null, under another name or not of this batch a complete failure.
fn reported(answer: &[u8], batch: &Batch) -> Report {
    if answer.trim_ascii().is_empty() {
        return Report::Nothing;
    }
    match serde_json::from_slice::<Option<Answer>>(answer) {
        Ok(None) => Report::Nothing,
        Ok(Some(answer)) => {
            let failures = answer.failures.unwrap_or_default();
            let index = |failure: &Failure| {
                batch.deliveries.iter().position(|delivery| delivery.sequence_number == failure.identifier)
            };
            match failures.iter().map(index).collect::<Option<Vec<usize>>>() {
                Some(indexes) => indexes.into_iter().min().map_or(Report::Nothing, Report::From),
                None => Report::Unreadable,
            }
        }
        Err(_) => Report::Unreadable,
    }
}

/// The record of Lambda's event for a change, created `created` on the movable clock.
pub(super) fn record(change: Change, created: jiff::Timestamp, table: &str, view_type: &str) -> Delivery {
    let sequence_number = change.sequence_number();
    let mut dynamodb = serde_json::json!({
        "ApproximateCreationDateTime": created.as_second(),
        "Keys": change.keys,
        "SequenceNumber": sequence_number,
        "SizeBytes": change.size_bytes,
        "StreamViewType": view_type,
    });
    if let Some(image) = change.new_image {
        dynamodb["NewImage"] = image;
    }
    if let Some(image) = change.old_image {
        dynamodb["OldImage"] = image;
    }
    let mut record = serde_json::json!({
        "eventID": change.event_id,
        "eventName": change.event_name,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": crate::template::REGION,
        "dynamodb": dynamodb,
        "eventSourceARN": crate::template::stream_arn(table),
    });
    if let Some(identity) = change.user_identity {
        record["userIdentity"] = identity;
    }
    Delivery { sequence: change.sequence, sequence_number, created, record, size_bytes: change.size_bytes }
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::{stream_filter::StreamFilter, template::StartingPosition};

    pub(in super::super) fn source() -> StreamSource {
        StreamSource {
            id: "WorkChanges".into(),
            table: "baton-records".into(),
            filter: StreamFilter::default(),
            enabled: true,
            starting_position: StartingPosition::TrimHorizon,
            batch_size: 100,
            batching_window: Duration::ZERO,
            parallelization_factor: 1,
            reports_failures: true,
            bisects: true,
            retries: Some(2),
            record_age: None,
            on_failure: Some("baton-given-up".into()),
        }
    }

    fn delivery(sequence: i64) -> Delivery {
        Delivery {
            sequence,
            sequence_number: sequence.to_string(),
            created: Timestamp::from_second(sequence * 10).unwrap(),
            record: json!({}),
            size_bytes: 1,
        }
    }

    fn batch(sequences: std::ops::RangeInclusive<i64>, attempts: u32) -> Batch {
        Batch { deliveries: sequences.map(delivery).collect(), attempts }
    }

    fn answer(identifiers: &[&str]) -> InvokeOutcome {
        let failures: Vec<_> = identifiers.iter().map(|id| json!({"itemIdentifier": id})).collect();
        InvokeOutcome::Ok(json!({"batchItemFailures": failures}).to_string().into_bytes())
    }

    /// A verdict in short: what was done, then the parts as first-last×attempts.
    fn short(verdict: Verdict) -> String {
        let part = |batch: &Batch| {
            let ends = (batch.deliveries.first().unwrap().sequence, batch.deliveries.last().unwrap().sequence);
            format!("{}-{}x{}", ends.0, ends.1, batch.attempts)
        };
        match verdict {
            Verdict::Done => "done".to_owned(),
            Verdict::Again { done, parts } => {
                format!("{done} done, again {}", parts.iter().map(part).collect::<Vec<_>>().join(" "))
            }
            Verdict::GivenUp { done, rest } => format!("{done} done, given up {}", part(&rest)),
        }
    }

    fn raw(text: &str) -> InvokeOutcome {
        InvokeOutcome::Ok(text.as_bytes().to_vec())
    }

    #[test]
    fn a_complete_success_is_an_empty_list_in_any_of_its_spellings() {
        for text in ["", "null", "{}", r#"{"batchItemFailures":[]}"#, r#"{"batchItemFailures":null}"#] {
            assert_eq!(short(judge(&source(), batch(1..=4, 0), &raw(text))), "done", "{text}");
        }
    }

    #[test]
    fn a_complete_failure_is_any_report_that_names_nothing_of_the_batch() {
        for text in [
            r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#,
            r#"{"batchItemFailures":[{"wrongName":"1"}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":"99"}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":"2"},{"itemIdentifier":"99"}]}"#,
            r#"{"batchItemFailures":"2"}"#,
            "not JSON",
        ] {
            assert_eq!(short(judge(&source(), batch(1..=4, 0), &raw(text))), "0 done, again 1-2x0 3-4x0", "{text}");
        }
    }

    #[test]
    fn the_lowest_reported_failure_is_where_it_goes_on() {
        assert_eq!(short(judge(&source(), batch(1..=9, 0), &answer(&["7", "4", "8"]))), "3 done, again 4-9x1");
        assert_eq!(short(judge(&source(), batch(1..=9, 1), &answer(&["1"]))), "0 done, again 1-9x2");
        assert_eq!(short(judge(&source(), batch(1..=9, 2), &answer(&["4"]))), "3 done, given up 4-9x3");
    }

    #[test]
    fn without_the_option_an_answer_is_a_success_whatever_it_says() {
        let source = StreamSource { reports_failures: false, ..source() };
        assert_eq!(short(judge(&source, batch(1..=4, 0), &answer(&["2"]))), "done");
    }

    #[test]
    fn a_failed_batch_is_split_without_using_up_an_attempt_until_one_change_is_left() {
        for outcome in [InvokeOutcome::FunctionError(vec![]), InvokeOutcome::Crashed, InvokeOutcome::TimedOut] {
            assert_eq!(short(judge(&source(), batch(1..=5, 1), &outcome)), "0 done, again 1-2x1 3-5x1");
            assert_eq!(short(judge(&source(), batch(3..=3, 1), &outcome)), "0 done, again 3-3x2");
            assert_eq!(short(judge(&source(), batch(3..=3, 2), &outcome)), "0 done, given up 3-3x3");
        }
    }

    /// All the way down: of eight changes only the poisonous fifth is given up, all others are dealt with, in order.
    #[test]
    fn bisecting_isolates_one_poisonous_change() {
        let source = source();
        let mut left = vec![batch(1..=8, 0)];
        let (mut done, mut given_up, mut invocations) = (vec![], vec![], 0);
        while !left.is_empty() {
            let batch = left.remove(0);
            invocations += 1;
            let poisoned = batch.deliveries.iter().any(|delivery| delivery.sequence == 5);
            let outcome = if poisoned { InvokeOutcome::Crashed } else { raw("") };
            let sequences: Vec<i64> = batch.deliveries.iter().map(|delivery| delivery.sequence).collect();
            match judge(&source, batch, &outcome) {
                Verdict::Done => done.extend(sequences),
                Verdict::Again { parts, .. } => left.splice(0..0, parts).for_each(drop),
                Verdict::GivenUp { rest, .. } => given_up.extend(rest.deliveries.iter().map(|d| d.sequence)),
            }
        }
        assert_eq!((done, given_up), (vec![1, 2, 3, 4, 6, 7, 8], vec![5]));
        // 8, 4 and 4, 2 and 2, 1 three times, 1.
        assert_eq!(invocations, 9);
    }

    #[test]
    fn without_bisecting_a_failed_batch_stays_whole_and_without_a_limit_it_never_ends() {
        let whole = StreamSource { bisects: false, ..source() };
        assert_eq!(short(judge(&whole, batch(1..=5, 0), &InvokeOutcome::Crashed)), "0 done, again 1-5x1");
        assert_eq!(short(judge(&whole, batch(1..=5, 2), &InvokeOutcome::Crashed)), "0 done, given up 1-5x3");
        let endless = StreamSource { retries: None, ..whole };
        assert_eq!(short(judge(&endless, batch(1..=5, 5000), &InvokeOutcome::Crashed)), "0 done, again 1-5x5001");
        let never = StreamSource { retries: Some(0), ..endless };
        assert_eq!(short(judge(&never, batch(1..=5, 0), &InvokeOutcome::Crashed)), "0 done, given up 1-5x1");
    }

    #[test]
    fn only_the_changes_that_are_too_old_leave_the_front() {
        let aging = StreamSource { record_age: Some(Duration::from_mins(1)), ..source() };
        let mut left = batch(1..=5, 1);
        let expired = left.take_expired(&aging, Timestamp::from_second(90).unwrap()).unwrap();
        assert_eq!((expired.deliveries.len(), left.deliveries[0].sequence, left.attempts), (2, 3, 1));
        assert!(left.take_expired(&aging, Timestamp::from_second(90).unwrap()).is_none());
        assert!(left.take_expired(&source(), Timestamp::from_second(9_000_000).unwrap()).is_none());
        assert_eq!(left.take_expired(&aging, Timestamp::from_second(9000).unwrap()).unwrap().deliveries.len(), 3);
        assert!(left.deliveries.is_empty());
    }

    #[test]
    fn the_record_has_the_shape_of_lambdas_event() {
        let change = Change {
            event_name: "MODIFY".into(),
            event_id: "c4ca4238a0b923820dcc509a6f75849b".into(),
            keys: json!({"pk": {"S": "lead#1"}}),
            new_image: Some(json!({"pk": {"S": "lead#1"}, "n": {"N": "2"}})),
            old_image: None,
            user_identity: None,
            sequence: 42,
            created: Timestamp::from_second(1_000).unwrap(),
            size_bytes: 26,
        };
        let delivery =
            record(change, Timestamp::from_second(1_428_537_600).unwrap(), "baton-records", "NEW_AND_OLD_IMAGES");
        assert_eq!(
            delivery.record,
            json!({
                "eventID": "c4ca4238a0b923820dcc509a6f75849b",
                "eventName": "MODIFY",
                "eventVersion": "1.1",
                "eventSource": "aws:dynamodb",
                "awsRegion": "us-east-1",
                "dynamodb": {
                    "ApproximateCreationDateTime": 1_428_537_600,
                    "Keys": {"pk": {"S": "lead#1"}},
                    "NewImage": {"pk": {"S": "lead#1"}, "n": {"N": "2"}},
                    "SequenceNumber": "100000000000000000042",
                    "SizeBytes": 26,
                    "StreamViewType": "NEW_AND_OLD_IMAGES",
                },
                "eventSourceARN": "arn:aws:dynamodb:us-east-1:000000000000:table/baton-records/stream/2026-01-01T00:00:00.000",
            })
        );
    }
}
