//! Items as the SDK holds them, and the way from and to serde's values.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};

/// An item: attribute names and values.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// A text attribute.
pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A number attribute.
#[expect(clippy::needless_pass_by_value, reason = "takes literals and what is counted alike")]
pub(crate) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// Anything serde knows as an attribute.
pub(crate) fn to_attribute<T: Serialize>(value: &T) -> Result<AttributeValue> {
    serde_dynamo::to_attribute_value(value).map_err(|error| Error::Corrupt(format!("can't be written: {error}")))
}

/// Anything serde knows as an item.
pub(crate) fn to_item<T: Serialize>(value: &T) -> Result<Item> {
    serde_dynamo::to_item(value).map_err(|error| Error::Corrupt(format!("can't be written: {error}")))
}

/// An item as what it was written from.
pub(crate) fn from_item<T: DeserializeOwned>(item: Item) -> Result<T> {
    serde_dynamo::from_item(item).map_err(|error| Error::Corrupt(format!("can't be read: {error}")))
}

/// An attribute as what it was written from.
pub(crate) fn from_attribute<T: DeserializeOwned>(value: AttributeValue) -> Result<T> {
    serde_dynamo::from_attribute_value(value).map_err(|error| Error::Corrupt(format!("can't be read: {error}")))
}
