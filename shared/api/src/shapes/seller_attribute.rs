//! Seller attributes. Answers are `domain`'s own attributes; these describe them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use utoipa::openapi::schema::{Object, ObjectBuilder, OneOfBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// What a client says about a seller attribute.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"name": "language", "source": "manual", "values": ["en", "de"]}))]
pub struct SellerAttributeBody {
    /// Unique in the organisation, whatever its case.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// Never changes.
    pub source: Source,
    /// At least one, each different whatever its case. Of a column with options some of those; absent = all of them.
    #[schema(max_items = 1000)]
    pub values: Option<Vec<String>>,
}

/// A property of sellers with a closed list of values.
#[derive(Debug, ToSchema)]
pub struct SellerAttribute {
    /// Its id.
    pub id: String,
    /// Unique in the organisation, whatever its case.
    pub name: String,
    /// Where its values come from.
    pub source: Source,
    /// What sellers may have of it.
    pub values: Vec<String>,
    /// Counts the changes that clients made.
    pub version: u64,
}

/// What to apply to a seller.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"mode": "add", "attributes": {"language": ["en"]}}))]
pub struct AttributesBody {
    /// `replace`: the seller has these values and no other; `add`: the seller keeps the present ones.
    #[schema(schema_with = mode)]
    pub mode: String,
    /// Values by the name of their attribute.
    pub attributes: BTreeMap<String, Vec<String>>,
}

/// Where an attribute's values come from: typed by hand, or pulled from a column.
#[derive(Debug)]
pub struct Source;

impl PartialSchema for Source {
    fn schema() -> RefOr<Schema> {
        let text = || Object::with_type(Type::String);
        let column = ObjectBuilder::new()
            .property("recordType", text())
            .required("recordType")
            .property("column", text())
            .required("column");
        let about = "Typed by hand, or pulled from a column.";
        let source = OneOfBuilder::new().item(super::words(&["manual"])).item(column).description(Some(about));
        Schema::from(source.build()).into()
    }
}

impl ToSchema for Source {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("SellerAttributeSource")
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Self::name().into_owned(), Self::schema()));
    }
}

fn mode() -> RefOr<Schema> {
    super::words(&["replace", "add"])
}
