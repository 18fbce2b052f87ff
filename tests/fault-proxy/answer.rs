//! Answers as DynamoDB gives them, in the form that AWS's SDKs understand.

use hyper::body::Bytes;
use hyper::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use crate::fault_proxy::call::Call;
use crate::fault_proxy::draw::Draw;

/// Errors that DynamoDB's model knows.
const MODEL: &str = "com.amazonaws.dynamodb.v20120810";

const CONFLICT: &str = "Transaction is ongoing for the item";
const THROTTLED: &str = "Throughput exceeds the current capacity of your table or index. DynamoDB is automatically \
                         scaling your table or index so please try again shortly.";

/// Why a part of a batch or a transaction does not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    Conflict,
    Throttle,
}

impl Reason {
    fn code(self) -> &'static str {
        match self {
            Self::Conflict => "TransactionConflict",
            Self::Throttle => "ThrottlingError",
        }
    }

    fn message(self) -> &'static str {
        match self {
            Self::Conflict => CONFLICT,
            Self::Throttle => THROTTLED,
        }
    }

    /// The entry of a statement that failed in `BatchExecuteStatement`.
    pub(crate) fn of_statement(self) -> Value {
        json!({"Error": {"Code": self.code(), "Message": self.message()}})
    }
}

/// An answer, from the engine or made here.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The body as JSON; `None` when it is an error or no JSON.
    pub(crate) fn json(&self) -> Option<Value> {
        if self.status.is_success() { serde_json::from_slice(&self.body).ok() } else { None }
    }

    /// The same answer with another body. Its checksum no longer holds and is left out.
    pub(crate) fn with_json(mut self, body: &Value) -> Self {
        self.headers.remove("x-amz-crc32");
        self.body = Bytes::from(body.to_string());
        self
    }
}

/// A successful answer that no engine gave.
pub(crate) fn success(body: &Value) -> Answer {
    answer(StatusCode::OK, body)
}

/// The request meets another transaction.
pub(crate) fn conflict(call: &Call, draw: &mut Draw) -> Answer {
    if call.is_transaction() {
        return cancelled(call, Reason::Conflict, draw);
    }
    refusal(StatusCode::BAD_REQUEST, &format!("{MODEL}#TransactionConflictException"), CONFLICT)
}

/// Too many requests, in one of the forms that AWS has for it.
pub(crate) fn throttle(call: &Call, draw: &mut Draw) -> Answer {
    match (draw.coin(), call.is_transaction()) {
        (true, true) => cancelled(call, Reason::Throttle, draw),
        (true, false) => {
            let kind = format!("{MODEL}#ProvisionedThroughputExceededException");
            refusal(StatusCode::BAD_REQUEST, &kind, "The level of configured provisioned throughput was exceeded.")
        }
        (false, _) => refusal(StatusCode::BAD_REQUEST, "com.amazon.coral.availability#ThrottlingException", THROTTLED),
    }
}

/// DynamoDB could not process the request; a write may have happened.
pub(crate) fn server_error() -> Answer {
    let kind = format!("{MODEL}#InternalServerError");
    refusal(StatusCode::INTERNAL_SERVER_ERROR, &kind, "Internal server error")
}

/// The caller's identity lacks the privilege, on keys with this text in them where it is about some keys only.
pub(crate) fn denied(call: &Call, key: Option<&str>) -> Answer {
    let (action, resource) = call.action(key);
    let message = format!(
        "User: arn:aws:sts::000000000000:assumed-role/{caller}/{caller} is not authorized to perform: {action} on resource: \
         arn:aws:dynamodb:eu-central-1:000000000000:{resource} because no identity-based policy allows the {action} action",
        caller = call.caller
    );
    let kind = "com.amazon.coral.service#AccessDeniedException";
    answer(StatusCode::BAD_REQUEST, &json!({"__type": kind, "Message": message}))
}

/// A cancelled transaction: one action, drawn, gives the reason.
fn cancelled(call: &Call, reason: Reason, draw: &mut Draw) -> Answer {
    let actions = call.actions().len().max(1);
    let refused = draw.below(actions);
    let codes: Vec<&str> = (0..actions).map(|n| if n == refused { reason.code() } else { "None" }).collect();
    let reasons: Vec<Value> = (0..actions)
        .map(|n| {
            if n == refused {
                json!({"Code": reason.code(), "Message": reason.message()})
            } else {
                json!({"Code": "None"})
            }
        })
        .collect();
    let message =
        format!("Transaction cancelled, please refer cancellation reasons for specific reasons [{}]", codes.join(", "));
    let kind = format!("{MODEL}#TransactionCanceledException");
    answer(StatusCode::BAD_REQUEST, &json!({"__type": kind, "Message": message, "CancellationReasons": reasons}))
}

fn refusal(status: StatusCode, kind: &str, message: &str) -> Answer {
    answer(status, &json!({"__type": kind, "message": message}))
}

fn answer(status: StatusCode, body: &Value) -> Answer {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", "application/x-amz-json-1.0".parse().expect("it is a header value"));
    headers.insert("x-amzn-requestid", "FAULTPROXY".parse().expect("it is a header value"));
    Answer { status, headers, body: Bytes::from(body.to_string()) }
}
