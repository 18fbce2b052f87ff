//! Which attributes and values a condition tests, and which rules therefore stand in the way of a change (ATTR-04).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::SellerAttribute;
use crate::assignment_rule::{AssignmentRule, RuleState};
use crate::value::fold;

/// Attributes that a condition tests, each with the values it names; without case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Used(BTreeMap<String, BTreeSet<String>>);

impl Used {
    /// What a condition tree of API.md section 2 tests.
    #[must_use]
    pub fn by(condition: &Value) -> Self {
        let mut used = Self::default();
        used.add(condition);
        used
    }

    /// True when the attribute is tested.
    #[must_use]
    pub fn names(&self, attribute: &str) -> bool {
        self.0.contains_key(fold(attribute).as_ref())
    }

    /// True when the attribute is compared with the value.
    #[must_use]
    pub fn compares(&self, attribute: &str, value: &str) -> bool {
        self.0.get(fold(attribute).as_ref()).is_some_and(|values| values.contains(fold(value).as_ref()))
    }

    fn add(&mut self, node: &Value) {
        let groups = ["all", "any"].into_iter().filter_map(|kind| node.get(kind)?.as_array());
        groups.flatten().chain(node.get("where")).for_each(|part| self.add(part));
        if let Some(attribute) = node.get("attribute").and_then(Value::as_str) {
            let values = self.0.entry(fold(attribute).into_owned()).or_default();
            let named = match node.get("value") {
                Some(Value::Array(elements)) => elements.as_slice(),
                Some(value) => std::slice::from_ref(value),
                None => &[],
            };
            values.extend(named.iter().filter_map(Value::as_str).map(|value| fold(value).into_owned()));
        }
    }
}

impl SellerAttribute {
    /// The active rules that use what a change takes away: the attribute itself when it is deleted (`next` is none), its
    /// name, or one of its values.
    pub fn in_the_way<'a>(
        &'a self,
        next: Option<&'a Self>,
        rules: impl IntoIterator<Item = &'a AssignmentRule>,
    ) -> Vec<&'a AssignmentRule> {
        let rules = rules.into_iter().filter(|rule| rule.state == RuleState::Active);
        rules.filter(|rule| self.is_used(next, &Used::by(&matcher(rule)))).collect()
    }

    fn is_used(&self, next: Option<&Self>, used: &Used) -> bool {
        match next.filter(|next| next.name == self.name) {
            None => used.names(&self.name),
            Some(next) => {
                let mut removed = self.values.iter().filter(|value| !next.values.contains(value));
                removed.any(|value| used.compares(&self.name, value))
            }
        }
    }
}

/// The condition by which a rule picks sellers; null when it picks them otherwise.
fn matcher(rule: &AssignmentRule) -> Value {
    let target = serde_json::to_value(&rule.target).unwrap_or_default();
    target.get("match").cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::seller_attribute::Source;

    fn attribute(name: &str, values: &[&str]) -> SellerAttribute {
        SellerAttribute {
            id: "1".into(),
            name: name.to_owned(),
            source: Source::Manual,
            values: values.iter().map(|value| (*value).to_owned()).collect(),
            version: 1,
        }
    }

    #[test]
    fn a_condition_uses_what_its_rows_name_however_deep_they_stand() {
        let used = Used::by(&json!({"all": [
            {"attribute": "Language", "op": "equals", "value": ["en", "DE"]},
            {"any": [{"attribute": "skill", "op": "notEquals", "value": "hats"}, {"field": "city", "op": "hasValue"}]},
            {"attribute": "country", "op": "equals", "valueFrom": "country"}
        ]}));
        assert!(used.names("LANGUAGE") && used.names("skill") && used.names("country") && !used.names("city"));
        assert!(used.compares("language", "de") && used.compares("skill", "Hats"));
        assert!(!used.compares("language", "hats") && !used.compares("country", "US"));
        assert_eq!(Used::by(&Value::Null), Used::default());
    }

    #[test]
    fn attr_04_a_used_attribute_keeps_its_name_and_the_values_in_use() {
        let used = Used::by(&json!({"attribute": "language", "op": "equals", "value": ["en"]}));
        let present = attribute("language", &["en", "de"]);
        assert!(present.is_used(None, &used), "deleted");
        assert!(present.is_used(Some(&attribute("tongue", &["en", "de"])), &used), "renamed");
        assert!(present.is_used(Some(&attribute("language", &["de"])), &used));
        assert!(!present.is_used(Some(&attribute("language", &["en", "fr"])), &used), "a free value is removed");
        assert!(!attribute("skill", &["en"]).is_used(None, &used));
    }
}
