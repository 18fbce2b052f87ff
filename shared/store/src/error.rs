//! What can go wrong with the store, by what the caller should do about it. No SDK type is public.

use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::CancellationReason;

use crate::item::Item;

/// Shorthand of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such thing. Answer that it is absent.
    #[error("not found")]
    NotFound,
    /// A thing of this id exists already. Answer so; choose another id.
    #[error("it exists already")]
    Exists,
    /// The version the client named is not the present one. Read again.
    #[error("the present version is {current}")]
    Stale {
        /// The version in force.
        current: u64,
    },
    /// A rule of the present state forbids it; it could succeed in another state.
    #[error("{message}")]
    Refused {
        /// Stable word for programs.
        code: &'static str,
        /// The rule, for people.
        message: String,
    },
    /// A list was to go on at a place that it does not have. Answer that the page token is none of it.
    #[error("the list has no such place")]
    NoSuchPlace,
    /// Somebody else changed it first, again and again. Try the whole operation again.
    #[error("changed by somebody else at the same time")]
    Conflict,
    /// The database can't be reached or is overloaded. Try again later.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// The database refuses: our own identity lacks this privilege, such as `dynamodb:GetItem on table/work` (SEC-48).
    /// Have it granted.
    #[error("the database refuses: our identity lacks {0}")]
    Denied(String),
    /// An item can't be understood, or the database refuses a request as malformed. A defect: log it.
    #[error("the database holds or was asked for something unexpected: {0}")]
    Corrupt(String),
}

impl Error {
    /// A refusal by the present state.
    pub fn refused(code: &'static str, message: impl Into<String>) -> Self {
        Self::Refused { code, message: message.into() }
    }
}

/// How one write fared: done, refused by its condition, or failed.
#[derive(Debug)]
pub(crate) enum WriteError {
    /// The condition did not hold; the item as it is, where the request asked for it.
    Condition(Option<Item>),
    /// Anything else.
    Other(Error),
}

impl From<WriteError> for Error {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Condition(_) => Self::Conflict,
            WriteError::Other(other) => other,
        }
    }
}

/// Turns an SDK failure into what the caller should do.
#[expect(clippy::needless_pass_by_value, reason = "stands in `map_err` at every request")]
pub(crate) fn failure<E, R>(error: SdkError<E, R>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code).map(ToOwned::to_owned);
    let text = DisplayErrorContext(&error).to_string();
    match code.as_deref() {
        Some("ConditionalCheckFailedException" | "TransactionConflictException" | "DuplicateItemException") => {
            Error::Conflict
        }
        Some("AccessDeniedException") => {
            Error::Denied(lacking(error.as_service_error().and_then(ProvideErrorMetadata::message).unwrap_or(&text)))
        }
        Some("ValidationException" | "ResourceNotFoundException" | "SerializationException") => Error::Corrupt(text),
        Some(_) | None => Error::Unavailable(text),
    }
}

/// Which privilege a refusal says is lacking, without who lacks it: of "User: … is not authorized to perform:
/// dynamodb:GetItem on resource: arn:…:table/work because …" it is "dynamodb:GetItem on table/work". A refusal in other
/// words, such as that of a key, is told as it is.
fn lacking(refusal: &str) -> String {
    let told = refusal.split_once("is not authorized to perform: ").and_then(|(_, rest)| {
        let (action, rest) = rest.split_once(" on resource: ")?;
        let resource = rest.split_whitespace().next()?;
        let table = resource.rsplit(':').next()?;
        Some(format!("{action} on {table}"))
    });
    told.unwrap_or_else(|| refusal.to_owned())
}

/// The reasons of a cancelled transaction, in the order of its items; `None` when it failed for another cause.
pub(crate) fn cancellation<R>(error: &SdkError<TransactWriteItemsError, R>) -> Option<&[CancellationReason]> {
    match error.as_service_error()? {
        TransactWriteItemsError::TransactionCanceledException(cancelled) => Some(cancelled.cancellation_reasons()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_tells_the_action_and_the_table_but_not_who_was_refused() {
        let refusal = "User: arn:aws:sts::111122223333:assumed-role/assignment/x is not authorized to perform: \
                       dynamodb:Query on resource: arn:aws:dynamodb:eu-central-1:111122223333:table/records/index/owned \
                       because no identity-based policy allows the dynamodb:Query action";
        assert_eq!(lacking(refusal), "dynamodb:Query on table/records/index/owned");
        let of_a_key = "KMS key access denied error";
        assert_eq!(lacking(of_a_key), of_a_key);
    }
}
