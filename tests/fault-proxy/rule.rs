//! When to inject: a fault, a rate, and which requests it is meant for.

use std::time::Duration;

use crate::fault_proxy::call::Call;
use crate::fault_proxy::fault::Fault;

/// The longest delay of [`Fault::LateIndex`], [`Fault::StaleRead`] and [`Fault::Slow`] unless a rule says otherwise.
const USUAL_DELAY: Duration = Duration::from_millis(500);

/// One line of a plan. A request meets at most one fault: that of the first rule which applies and is drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    pub(crate) fault: Fault,
    pub(crate) rate: f64,
    pub(crate) operations: Vec<String>,
    pub(crate) table: Option<String>,
    pub(crate) caller: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) delay: Duration,
}

impl Rule {
    /// Injects the fault into this share of the requests that could meet it, 0 to 1.
    #[must_use]
    pub fn new(fault: Fault, rate: f64) -> Self {
        Self { fault, rate, operations: Vec::new(), table: None, caller: None, key: None, delay: USUAL_DELAY }
    }

    /// Only into requests of this operation, such as `TransactWriteItems`; several calls add up.
    #[must_use]
    pub fn on(mut self, operation: &str) -> Self {
        self.operations.push(operation.to_owned());
        self
    }

    /// Only into requests that touch this table.
    #[must_use]
    pub fn table(mut self, table: &str) -> Self {
        self.table = Some(table.to_owned());
        self
    }

    /// Only into requests of this caller: the access key id that signs the request.
    #[must_use]
    pub fn caller(mut self, caller: &str) -> Self {
        self.caller = Some(caller.to_owned());
        self
    }

    /// Only into requests that name a key with this text in it, such as `account#`, as a condition on
    /// `dynamodb:LeadingKeys` does.
    #[must_use]
    pub fn key(mut self, text: &str) -> Self {
        self.key = Some(text.to_owned());
        self
    }

    /// How far a late, stale or slow answer may lag; each one draws its own lag up to this.
    #[must_use]
    pub fn up_to(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    pub(crate) fn applies_to(&self, call: &Call) -> bool {
        self.fault.can_meet(call)
            && (self.operations.is_empty() || self.operations.contains(&call.operation))
            && self.table.as_ref().is_none_or(|table| call.tables().contains(table))
            && self.caller.as_ref().is_none_or(|caller| *caller == call.caller)
            && self.key.as_ref().is_none_or(|text| call.keys().iter().any(|key| key.contains(text)))
    }

    /// Whether answers are made of how things were before.
    pub(crate) fn looks_back(&self) -> bool {
        matches!(self.fault, Fault::LateIndex | Fault::StaleRead)
    }
}
