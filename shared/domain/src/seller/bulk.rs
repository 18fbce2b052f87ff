//! Changing many sellers at once (ATTR-05, CAP-06).

use serde_json::Value;

use super::Seller;
use crate::capacity::CapacityDraft;
use crate::draft::Draft;
use crate::fault::{Fault, Pointer};
use crate::id::{MAX_ID_LENGTH, SellerId};
use crate::seller_attribute::{AttributesDraft, SellerAttributes};

/// The most sellers of one request.
const MOST: usize = 1000;

/// What a client proposes for many sellers: `{sellerIds, attributes?, capacity?, assignRecords?}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SellerBulkDraft {
    /// Whom to change, each once.
    pub sellers: Vec<SellerId>,
    attributes: Option<AttributesDraft>,
    capacity: Option<CapacityDraft>,
    assign_records: Option<bool>,
}

impl SellerBulkDraft {
    /// Believes a body, or names everything that is wrong with it.
    pub fn parse(body: &Value, known: &SellerAttributes) -> Result<Self, Vec<Fault>> {
        let mut draft = Draft::read(body, &Pointer::root());
        let count = draft.list("sellerIds").map(|elements| elements.len());
        let sellers = match count {
            Some(1..=MOST) => draft.texts("sellerIds", MAX_ID_LENGTH).unwrap_or_default(),
            Some(_) => {
                draft.fault("sellerIds", "outOfRange", format!("must hold 1 to {MOST} ids"));
                vec![]
            }
            None => {
                if !draft.has_fault("sellerIds") {
                    draft.required("sellerIds");
                }
                vec![]
            }
        };
        let at = draft.place("attributes");
        let attributes = draft.value("attributes").map(|json| AttributesDraft::parse(json, &at, known));
        let at = draft.place("capacity");
        let capacity = draft.value("capacity").map(|json| CapacityDraft::parse(json, &at));
        let switched = draft.value("assignRecords").is_some();
        let assign_records = switched.then(|| draft.flag("assignRecords", true));
        if attributes.is_none() && capacity.is_none() && !switched {
            draft.faults([Fault::new(&Pointer::root(), "required", "must say what to change")]);
        }
        let attributes = attributes.and_then(|outcome| draft.part(outcome));
        let capacity = capacity.and_then(|outcome| draft.part(outcome));
        let sellers = sellers.into_iter().map(SellerId::new).collect();
        draft.finish(Some(Self { sellers, attributes, capacity, assign_records }))
    }

    /// What becomes of one of the sellers; `None` when another maximum is set already and may not be overridden, which
    /// leaves the seller as it is.
    #[must_use]
    pub fn applied_to(&self, seller: &Seller) -> Option<Seller> {
        let seller = match &self.capacity {
            Some(capacity) => capacity.applied_to(seller)?,
            None => seller.clone(),
        };
        let seller = self.attributes.as_ref().map_or_else(|| seller.clone(), |draft| draft.applied_to(&seller));
        Some(Seller { assign_records: self.assign_records.unwrap_or(seller.assign_records), ..seller })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults(body: &Value) -> Vec<(String, &'static str)> {
        let found = SellerBulkDraft::parse(body, &SellerAttributes::default()).err().unwrap_or_default();
        found.into_iter().map(|fault| (fault.pointer.to_string(), fault.code)).collect()
    }

    #[test]
    fn every_fault_of_a_bulk_change_is_named_at_once() {
        let body = json!({"sellerIds": ["a", "a", 7], "attributes": {"mode": "add", "attributes": {"colour": []}},
                          "capacity": {"maximum": -1}, "assignRecords": "yes"});
        let expected = [
            ("/sellerIds/2", "wrongType"),
            ("/sellerIds/1", "repeated"),
            ("/assignRecords", "wrongType"),
            ("/attributes/attributes/colour", "unknownAttribute"),
            ("/capacity/maximum", "outOfRange"),
        ];
        assert_eq!(faults(&body), expected.map(|(pointer, code)| (pointer.to_owned(), code)));
        let nothing = [("/sellerIds", "required"), ("", "required")];
        assert_eq!(faults(&json!({})), nothing.map(|(pointer, code)| (pointer.to_owned(), code)));
        let many: Vec<_> = (0..1001).map(|n| n.to_string()).collect();
        for ids in [json!([]), json!(many)] {
            assert_eq!(faults(&json!({"sellerIds": ids, "assignRecords": true}))[0].1, "outOfRange");
        }
        assert!(faults(&json!({"sellerIds": many[..1000], "assignRecords": false})).is_empty());
    }
}
