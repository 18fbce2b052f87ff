//! The faults the proxy can inject, and which requests each of them can meet on AWS.

use crate::fault_proxy::call::Call;

/// One kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// Another transaction stands on the item at this instant: a cancelled transaction with the reason
    /// `TransactionConflict`, a `TransactionConflictException` for a single write, a failed statement in a batch.
    Conflict,
    /// Too many requests: `ThrottlingException`, `ProvisionedThroughputExceededException`, or a transaction cancelled
    /// with the reason `ThrottlingError`. Nothing happens.
    Throttle,
    /// The second half of a batch is not processed: `UnprocessedItems`, `UnprocessedKeys` or failed statements.
    Unprocessed,
    /// The engine carries the request out; the connection closes before the answer.
    LostAnswer,
    /// The connection closes before the engine sees the request.
    LostRequest,
    /// `InternalServerError`; half of the writes among them have happened all the same, as AWS documents.
    ServerError,
    /// The caller's identity lacks the privilege: `AccessDeniedException`. Nothing happens.
    Denied,
    /// A Query of an index answers from the state of some moments ago.
    LateIndex,
    /// An eventually consistent read of a table answers from the state of some moments ago.
    StaleRead,
    /// The request waits before it is carried out.
    Slow,
}

impl Fault {
    /// The fault in a word, for tables.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Conflict => "conflict",
            Self::Throttle => "throttle",
            Self::Unprocessed => "unprocessed",
            Self::LostAnswer => "lost answer",
            Self::LostRequest => "lost request",
            Self::ServerError => "server error",
            Self::Denied => "denied",
            Self::LateIndex => "late index",
            Self::StaleRead => "stale read",
            Self::Slow => "slow",
        }
    }

    /// Whether AWS could answer this request so.
    pub(crate) fn can_meet(self, call: &Call) -> bool {
        let operation = call.operation.as_str();
        match self {
            Self::Throttle | Self::LostAnswer | Self::LostRequest | Self::ServerError | Self::Denied | Self::Slow => {
                call.is_data()
            }
            // BatchWriteItem never meets a conflict of its own: what is refused comes back unprocessed.
            Self::Conflict => operation == "TransactGetItems" || (call.is_write() && operation != "BatchWriteItem"),
            Self::Unprocessed => call.batch_length() >= 2,
            Self::LateIndex => operation == "Query" && call.index().is_some(),
            Self::StaleRead => match operation {
                "GetItem" => !call.is_consistent(),
                "Query" => !call.is_consistent() && call.index().is_none(),
                "BatchGetItem" => true,
                _ => false,
            },
        }
    }
}
