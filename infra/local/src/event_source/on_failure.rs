//! What Lambda tells a mapping's on-failure queue about changes it gave up: their positions in the stream, never the
//! changes themselves.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::delivery::Batch;
use crate::{
    invoke::InvokeOutcome,
    template::{StreamSource, function_arn, stream_arn},
};

/// A message in an on-failure queue.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FailureMessage {
    /// The queue's name.
    pub queue: String,
    /// The message, as Lambda documents it for DynamoDB streams.
    pub body: Value,
}

/// Why changes were given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    RetryAttemptsExhausted,
    RecordAgeExceeded,
}

/// The on-failure queues of a stack, in memory, oldest message first.
#[derive(Debug, Default)]
pub(super) struct FailureQueues {
    messages: Mutex<Vec<FailureMessage>>,
}

impl FailureQueues {
    /// Sends what `source` gave up to its queue, if it has one.
    pub(super) fn send(&self, source: &StreamSource, body: Value) {
        if let Some(queue) = source.on_failure.clone() {
            self.messages.lock().unwrap_or_else(PoisonError::into_inner).push(FailureMessage { queue, body });
        }
    }

    pub(super) fn messages(&self) -> Vec<FailureMessage> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The message about `batch`, which must not be empty; `outcome` is that of its last invocation, if there was one.
pub(super) fn message(
    source: &StreamSource,
    function: &str,
    shard_id: &str,
    batch: &Batch,
    condition: Condition,
    outcome: Option<&InvokeOutcome>,
    now: Timestamp,
) -> Value {
    let mut message = json!({
        "requestContext": {
            "requestId": request_id(),
            "functionArn": function_arn(function),
            "condition": format!("{condition:?}"),
            "approximateInvokeCount": batch.attempts,
        },
        "version": "1.0",
        "timestamp": format!("{now:.3}"),
    });
    if let Some(outcome) = outcome {
        message["responseContext"] = json!({"statusCode": 200, "executedVersion": "$LATEST"});
        if !matches!(outcome, InvokeOutcome::Ok(_)) {
            message["responseContext"]["functionError"] = json!("Unhandled");
        }
    }
    if let (Some(first), Some(last)) = (batch.deliveries.first(), batch.deliveries.last()) {
        message["DDBStreamBatchInfo"] = json!({
            "shardId": shard_id,
            "startSequenceNumber": first.sequence_number,
            "endSequenceNumber": last.sequence_number,
            "approximateArrivalOfFirstRecord": first.created,
            "approximateArrivalOfLastRecord": last.created,
            "batchSize": batch.deliveries.len(),
            "streamArn": stream_arn(&source.table),
        });
    }
    message
}

/// A new id in the form of a UUID.
fn request_id() -> String {
    let hex = format!("{:032x}", rand::random::<u128>());
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event_source::delivery::{Delivery, tests::source};

    #[test]
    fn the_message_has_the_documented_shape_and_no_record() {
        let delivery = |sequence: i64| Delivery {
            sequence,
            sequence_number: format!("{sequence:021}"),
            created: Timestamp::from_second(1_573_689_199 + sequence).unwrap(),
            record: json!({"secret": true}),
            size_bytes: 1,
        };
        let batch = Batch { deliveries: vec![delivery(1), delivery(2)], attempts: 3 };
        let now = Timestamp::from_millisecond(1_573_690_000_007).unwrap();
        let tell = |outcome: Option<&InvokeOutcome>, condition| {
            message(&source(), "assignment", "shardId-1", &batch, condition, outcome, now)
        };
        let mut told = tell(Some(&InvokeOutcome::Crashed), Condition::RetryAttemptsExhausted);
        assert_eq!(told["requestContext"]["requestId"].take().as_str().map(str::len), Some(36));
        assert_eq!(
            told,
            json!({
                "requestContext": {
                    "requestId": null,
                    "functionArn": "arn:aws:lambda:us-east-1:000000000000:function:assignment",
                    "condition": "RetryAttemptsExhausted",
                    "approximateInvokeCount": 3,
                },
                "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
                "version": "1.0",
                "timestamp": "2019-11-14T00:06:40.007Z",
                "DDBStreamBatchInfo": {
                    "shardId": "shardId-1",
                    "startSequenceNumber": "000000000000000000001",
                    "endSequenceNumber": "000000000000000000002",
                    "approximateArrivalOfFirstRecord": "2019-11-13T23:53:20Z",
                    "approximateArrivalOfLastRecord": "2019-11-13T23:53:21Z",
                    "batchSize": 2,
                    "streamArn": "arn:aws:dynamodb:us-east-1:000000000000:table/baton-records/stream/2026-01-01T00:00:00.000",
                },
            })
        );
        let told = tell(None, Condition::RecordAgeExceeded);
        assert_eq!(told["requestContext"]["condition"], "RecordAgeExceeded");
        assert_eq!(told["responseContext"], Value::Null);
        assert_eq!(
            tell(Some(&InvokeOutcome::Ok(vec![])), Condition::RetryAttemptsExhausted)["responseContext"]["functionError"],
            Value::Null
        );
    }
}
