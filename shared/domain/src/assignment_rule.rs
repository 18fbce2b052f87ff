//! An assignment rule: which records of a segment it handles, whom it chooses from and how (ENT-03, ENT-23).
//!
//! Not its place in the order of its segment, which is one list (RULE-13), and not the choosing itself.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::condition::Schema;
use crate::draft::{Draft, MAX_DESCRIPTION, MAX_NAME};
use crate::fault::{Fault, Pointer};
use crate::id::{MAX_ID_LENGTH, RuleId, SegmentId, SellerId};
use crate::segment::believe_condition;
use crate::settings::Limits;

/// Ages of a record that a rule may ask for, in hours (LIM-07), and how far ahead it may look for a seller (LIM-08).
const HOURS: std::ops::RangeInclusive<u32> = 1..=120;

/// A rule as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AssignmentRule {
    /// `{segment id}-{n}`.
    pub id: RuleId,
    /// The segment it belongs to. Never changes (RULE-02).
    pub segment_id: SegmentId,
    /// For people, 1 to 100 characters.
    pub name: String,
    /// At most 2,000 characters.
    pub description: Option<String>,
    /// Which records of the segment it handles, as the client wrote it (RULE-20).
    pub condition: Value,
    /// Handles only records of at most this age, 1 to 120 whole hours (RULE-21, RULE-22).
    pub created_within_hours: Option<u32>,
    /// Whom it chooses from.
    pub target: Target,
    /// How it chooses one of several sellers.
    pub distribution: Distribution,
    /// Whether it is used.
    pub state: RuleState,
    /// Counts the changes that clients made, from 1.
    pub version: u64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When a client last changed it.
    pub modified_at: Timestamp,
}

/// Whether a rule is used. An inactive one keeps its position and is skipped (RULE-13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RuleState {
    /// Used.
    Active,
    /// Kept but not used (RULE-07).
    Inactive,
}

/// Whom a rule chooses from: `{"kind": "sellers", "pick": ...}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Target {
    /// One of several sellers.
    Sellers(SellerPick),
}

/// Which sellers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "pick", rename_all = "camelCase")]
pub enum SellerPick {
    /// Every eligible seller (RULE-30).
    Any,
    /// A chosen list, not empty and without repetitions (RULE-32).
    Specific {
        /// The sellers' ids. A seller deleted later stays in the list and is never chosen.
        ids: Vec<SellerId>,
    },
}

/// How one of several sellers is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Distribution {
    /// The method.
    pub method: Method,
}

/// A method of choosing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Method {
    /// The seller who has waited longest since the last assignment (DIST-01).
    RoundRobin,
}

/// What a client proposes as a rule.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleDraft {
    name: String,
    description: Option<String>,
    condition: Value,
    created_within_hours: Option<u32>,
    target: Target,
    distribution: Distribution,
    /// The state it wants: active unless the body says otherwise (RULE-01).
    pub state: RuleState,
}

impl RuleDraft {
    /// The sellers that a body names one by one, whatever else is wrong with it: who believes it needs to know which
    /// of them exist.
    #[must_use]
    pub fn sellers_named(body: &Value) -> BTreeSet<SellerId> {
        let ids = body.pointer("/target/ids").and_then(Value::as_array).into_iter().flatten();
        ids.filter_map(Value::as_str).filter(|id| id_fits(id)).map(SellerId::from).collect()
    }

    /// Believes a body of API.md "Assignment rules", or names everything that is wrong with it. `sellers` are those of
    /// [`Self::sellers_named`] that exist; `present` is the rule that it is to replace, whose id and segment can't
    /// change (RULE-02).
    pub fn parse(
        body: &Value,
        schema: &Schema<'_>,
        limits: &Limits,
        sellers: &BTreeSet<SellerId>,
        present: Option<&AssignmentRule>,
    ) -> Result<Self, Vec<Fault>> {
        let mut draft = Draft::read(body, &Pointer::root());
        draft.ignore(&["order", "recordsRouted", "version", "createdAt", "modifiedAt"]);
        draft.same("id", present.map(|rule| rule.id.as_str()));
        draft.same("segmentId", present.map(|rule| rule.segment_id.as_str()));
        let name = draft.required_text("name", MAX_NAME);
        let description = draft.text("description", MAX_DESCRIPTION);
        let condition = match draft.value("condition") {
            Some(json) => {
                let at = draft.place("condition");
                draft.part(believe_condition(json, &at, schema, limits))
            }
            None => Some(json!({"all": []})),
        };
        let created_within_hours = draft.whole("createdWithinHours", HOURS);
        let target = match draft.object("target") {
            Some(target) => draft.part(Target::parse(target, sellers)),
            None => {
                draft.required("target");
                None
            }
        };
        let distribution = match draft.object("distribution") {
            Some(distribution) => draft.part(Distribution::parse(distribution)),
            None => {
                draft.required("distribution");
                None
            }
        };
        let states = [("active", RuleState::Active), ("inactive", RuleState::Inactive)];
        let state = draft.word("state", &states).unwrap_or(RuleState::Active);
        let parts = condition.zip(target).zip(distribution);
        draft.finish(parts.map(|((condition, target), distribution)| Self {
            name,
            description,
            condition,
            created_within_hours,
            target,
            distribution,
            state,
        }))
    }

    /// The rule that a POST creates.
    #[must_use]
    pub fn into_rule(self, id: RuleId, segment_id: SegmentId, now: Timestamp) -> AssignmentRule {
        AssignmentRule {
            id,
            segment_id,
            name: self.name,
            description: self.description,
            condition: self.condition,
            created_within_hours: self.created_within_hours,
            target: self.target,
            distribution: self.distribution,
            state: self.state,
            version: 1,
            created_at: now,
            modified_at: now,
        }
    }

    /// What a PUT makes of the rule it was believed for.
    #[must_use]
    pub fn applied_to(&self, rule: &AssignmentRule, now: Timestamp) -> AssignmentRule {
        let changed = self.clone().into_rule(rule.id.clone(), rule.segment_id.clone(), now);
        AssignmentRule { version: rule.version, created_at: rule.created_at, ..changed }
    }
}

/// Believes the body of a new order of a segment's rules, `{"ruleIds": [...]}`: each of the present ones once.
pub fn parse_order(body: &Value, present: &[RuleId]) -> Result<Vec<RuleId>, Vec<Fault>> {
    let mut draft = Draft::read(body, &Pointer::root());
    let at = draft.place("ruleIds");
    let wanted = draft.texts("ruleIds", usize::MAX);
    if wanted.is_none() && !draft.has_fault("ruleIds") {
        draft.required("ruleIds");
    }
    let wanted: Vec<RuleId> = wanted.unwrap_or_default().into_iter().map(RuleId::new).collect();
    if !draft.has_fault("ruleIds") {
        let unknown = wanted.iter().enumerate().filter(|(_, id)| !present.contains(id));
        let unknown =
            unknown.map(|(n, id)| Fault::new(&at.join(n), "unknownRule", format!("the segment has no rule {id}")));
        let missing = present.iter().filter(|id| !wanted.contains(id));
        let missing = missing.map(|id| Fault::new(&at, "missing", format!("names all rules of the segment, {id} too")));
        draft.faults(unknown.chain(missing).collect::<Vec<_>>());
    }
    draft.finish(Some(wanted))
}

impl Target {
    fn parse(mut draft: Draft<'_>, sellers: &BTreeSet<SellerId>) -> Result<Self, Vec<Fault>> {
        let later = "is part of the contract and not built yet";
        match (draft.value("kind").and_then(Value::as_str), draft.has_fault("kind")) {
            (Some("sellers"), _) => {}
            (Some(kind @ ("teams" | "queues")), _) => {
                // What such a target holds is not judged before it is supported.
                draft.ignore(&["pick", "source", "match", "ids", "ifSeveral"]);
                draft.fault("kind", "notSupportedYet", format!("{kind}: {later}"));
                return draft.finish(None);
            }
            _ => {
                draft.ignore(&["pick", "source", "match", "ids", "ifSeveral"]);
                draft.fault("kind", "unknownWord", "must be one of: sellers, teams, queues");
                return draft.finish(None);
            }
        }
        let pick = draft.value("pick").and_then(Value::as_str);
        for member in ["source", "match"] {
            if draft.value(member).is_some() && pick != Some("matching") {
                draft.fault(member, "notAllowed", "stands only with pick: matching");
            }
        }
        if draft.value("ifSeveral").is_some() {
            draft.fault("ifSeveral", "notAllowed", "stands only with teams and queues");
        }
        let ids = draft.list("ids");
        if ids.is_some() && pick != Some("specific") {
            draft.fault("ids", "notAllowed", "stands only with pick: specific");
        }
        let pick = match pick {
            Some("any") => Some(SellerPick::Any),
            Some("specific") => Some(SellerPick::specific(&mut draft, sellers)),
            Some(pick @ "matching") => {
                draft.fault("pick", "notSupportedYet", format!("{pick}: {later}"));
                None
            }
            _ => {
                draft.fault("pick", "unknownWord", "must be one of: any, matching, specific");
                None
            }
        };
        draft.finish(pick.map(Self::Sellers))
    }
}

impl SellerPick {
    fn specific(draft: &mut Draft<'_>, sellers: &BTreeSet<SellerId>) -> Self {
        let ids: Vec<_> =
            draft.texts("ids", MAX_ID_LENGTH).unwrap_or_default().into_iter().map(SellerId::new).collect();
        if ids.is_empty() && !draft.has_fault("ids") {
            draft.required("ids");
        }
        let at = draft.place("ids");
        let unknown = ids.iter().enumerate().filter(|(_, id)| !sellers.contains(*id));
        let unknown: Vec<_> = unknown
            .map(|(index, id)| Fault::new(&at.join(index), "unknownSeller", format!("there is no seller {id}")))
            .collect();
        draft.faults(unknown);
        Self::Specific { ids }
    }
}

impl Distribution {
    fn parse(mut draft: Draft<'_>) -> Result<Self, Vec<Fault>> {
        let later = "is part of the contract and not built yet";
        let methods = [("roundRobin", Some(Method::RoundRobin)), ("loadBalancing", None)];
        let method = match draft.word("method", &methods) {
            Some(Some(method)) => Some(method),
            Some(None) => {
                draft.fault("method", "notSupportedYet", format!("loadBalancing: {later}"));
                None
            }
            None => {
                if !draft.has_fault("method") {
                    draft.required("method");
                }
                None
            }
        };
        if draft.whole("availableWithinHours", HOURS).is_some() {
            draft.fault("availableWithinHours", "notSupportedYet", format!("the availability option {later}"));
        }
        if draft.flag("respectCapacity", false) {
            draft.fault("respectCapacity", "notSupportedYet", format!("the capacity option {later}"));
        }
        draft.finish(method.map(|method| Self { method }))
    }
}

/// Whether a text can be a seller's id at all, so that nobody looks for one that can't exist.
fn id_fits(id: &str) -> bool {
    crate::id::id_fault(id).is_none()
}

/// The segment that a rule's id names; `None` when it is the id of no rule.
#[must_use]
pub fn segment_of(id: &RuleId) -> Option<SegmentId> {
    let (segment, number) = id.as_str().rsplit_once('-')?;
    number.parse::<u32>().is_ok().then(|| SegmentId::new(segment))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record_type::RecordTypes;

    fn parse(body: &Value) -> Result<RuleDraft, Vec<(String, &'static str)>> {
        parse_for(body, None)
    }

    fn parse_for(body: &Value, present: Option<&AssignmentRule>) -> Result<RuleDraft, Vec<(String, &'static str)>> {
        let known = RecordTypes::built_in();
        let schema = Schema::new(known.get(&"lead".into()).unwrap(), &known);
        let sellers = ["alan".into(), "susana".into()].into();
        RuleDraft::parse(body, &schema, &Limits::default(), &sellers, present).map_err(pairs)
    }

    fn pairs(faults: Vec<Fault>) -> Vec<(String, &'static str)> {
        faults.into_iter().map(|fault| (fault.pointer.to_string(), fault.code)).collect()
    }

    /// A body that is right, with some members in place of its own.
    fn body(members: Value) -> Value {
        let mut body = json!({
            "name": "Anybody", "target": {"kind": "sellers", "pick": "any"}, "distribution": {"method": "roundRobin"}
        });
        let Value::Object(members) = members else { panic!("members are given as an object") };
        body.as_object_mut().unwrap().extend(members);
        body
    }

    fn only_fault(members: Value) -> (String, &'static str) {
        let found = parse(&body(members)).unwrap_err();
        assert_eq!(found.len(), 1, "{found:?}");
        found.into_iter().next().unwrap()
    }

    /// RULE-01, RULE-20.
    #[test]
    fn a_rule_is_active_and_handles_every_record_unless_the_body_says_otherwise() {
        let rule =
            parse(&body(json!({}))).unwrap().into_rule("lead-1-1".into(), "lead-1".into(), Timestamp::UNIX_EPOCH);
        assert_eq!((rule.state, rule.created_within_hours), (RuleState::Active, None));
        assert_eq!(rule.condition, json!({"all": []}));
        let json = serde_json::to_value(&rule).unwrap();
        assert_eq!(json["target"], json!({"kind": "sellers", "pick": "any"}));
        assert_eq!(serde_json::from_value::<AssignmentRule>(json).unwrap(), rule);
        assert_eq!(parse(&body(json!({"state": "inactive"}))).unwrap().state, RuleState::Inactive);
    }

    /// RULE-32.
    #[test]
    fn chosen_sellers_must_exist() {
        let target = json!({"kind": "sellers", "pick": "specific", "ids": ["susana", "alan"]});
        let rule = parse(&body(json!({"target": target.clone()}))).unwrap();
        assert_eq!(serde_json::to_value(&rule.target).unwrap(), target);
        assert_eq!(RuleDraft::sellers_named(&body(json!({"target": target}))), ["alan".into(), "susana".into()].into());

        let unknown = json!({"kind": "sellers", "pick": "specific", "ids": ["susana", "nobody"]});
        assert_eq!(only_fault(json!({"target": unknown})), ("/target/ids/1".to_owned(), "unknownSeller"));
        for ids in [json!([]), json!(null)] {
            let none = json!({"kind": "sellers", "pick": "specific", "ids": ids});
            assert_eq!(only_fault(json!({"target": none})), ("/target/ids".to_owned(), "required"));
        }
    }

    /// RULE-22: N is 1 to 120 whole hours.
    #[test]
    fn a_window_is_1_to_120_whole_hours() {
        for hours in [1, 120] {
            let rule = parse(&body(json!({"createdWithinHours": hours}))).unwrap();
            assert_eq!(rule.created_within_hours, Some(hours));
        }
        for (hours, code) in [(json!(0), "outOfRange"), (json!(121), "outOfRange"), (json!(1.5), "wrongType")] {
            let fault = only_fault(json!({"createdWithinHours": hours}));
            assert_eq!(fault, ("/createdWithinHours".to_owned(), code));
        }
    }

    #[test]
    fn what_is_not_built_yet_is_refused_by_name() {
        let cases = [
            (json!({"target": {"kind": "teams", "pick": "specific", "ids": ["t"]}}), "/target/kind"),
            (json!({"target": {"kind": "queues", "pick": "matching", "ifSeveral": "random"}}), "/target/kind"),
            (
                json!({"target": {"kind": "sellers", "pick": "matching", "source": "fields", "match": {}}}),
                "/target/pick",
            ),
            (json!({"distribution": {"method": "loadBalancing"}}), "/distribution/method"),
            (
                json!({"distribution": {"method": "roundRobin", "respectCapacity": true}}),
                "/distribution/respectCapacity",
            ),
            (
                json!({"distribution": {"method": "roundRobin", "availableWithinHours": 5}}),
                "/distribution/availableWithinHours",
            ),
        ];
        for (members, pointer) in cases {
            assert_eq!(only_fault(members), (pointer.to_owned(), "notSupportedYet"));
        }
        let plain = json!({"method": "roundRobin", "availableWithinHours": null, "respectCapacity": false});
        assert!(parse(&body(json!({"distribution": plain}))).is_ok());
    }

    #[test]
    fn members_stand_only_where_they_mean_something() {
        let any = |member: &str, value: Value| json!({"target": {"kind": "sellers", "pick": "any", member: value}});
        for (member, value) in [
            ("ids", json!(["alan"])),
            ("source", json!("fields")),
            ("match", json!({"all": []})),
            ("ifSeveral", json!("none")),
        ] {
            assert_eq!(only_fault(any(member, value)), (format!("/target/{member}"), "notAllowed"));
        }
        assert_eq!(only_fault(json!({"target": {"kind": "robots"}})), ("/target/kind".to_owned(), "unknownWord"));
        assert_eq!(only_fault(json!({"target": {"kind": "sellers"}})), ("/target/pick".to_owned(), "unknownWord"));
        assert_eq!(
            only_fault(json!({"distribution": {"method": "dice"}})),
            ("/distribution/method".to_owned(), "unknownWord")
        );
        assert_eq!(only_fault(json!({"distribution": {}})), ("/distribution/method".to_owned(), "required"));
        assert_eq!(only_fault(json!({"distribution": null})), ("/distribution".to_owned(), "required"));
        assert_eq!(only_fault(json!({"state": "paused"})), ("/state".to_owned(), "unknownWord"));
        assert_eq!(only_fault(json!({"colour": 1})), ("/colour".to_owned(), "unknownMember"));
    }

    /// RULE-02, RULE-06.
    #[test]
    fn a_replaced_rule_stays_in_its_segment() {
        let rule =
            parse(&body(json!({}))).unwrap().into_rule("lead-1-1".into(), "lead-1".into(), Timestamp::UNIX_EPOCH);
        let later = Timestamp::from_second(60).unwrap();
        let said = body(json!({"name": "B", "id": "lead-1-1", "segmentId": "lead-1"}));
        let replaced = parse_for(&said, Some(&rule)).unwrap().applied_to(&rule, later);
        assert_eq!(replaced, AssignmentRule { name: "B".to_owned(), modified_at: later, ..rule.clone() });
        let moved = parse_for(&body(json!({"segmentId": "lead-2"})), Some(&rule));
        assert_eq!(moved.unwrap_err(), [("/segmentId".to_owned(), "cantChange")]);
    }

    #[test]
    fn a_new_order_names_every_rule_once() {
        let present = ["s-1".into(), "s-2".into(), "s-3".into()];
        let order = parse_order(&json!({"ruleIds": ["s-3", "s-1", "s-2"]}), &present).unwrap();
        assert_eq!(order, ["s-3".into(), "s-1".into(), "s-2".into()]);
        let found = parse_order(&json!({"ruleIds": ["s-3", "s-9"]}), &present).map_err(pairs).unwrap_err();
        let expected = [("/ruleIds/1", "unknownRule"), ("/ruleIds", "missing"), ("/ruleIds", "missing")];
        assert_eq!(found, expected.map(|(pointer, code)| (pointer.to_owned(), code)));
        let twice = parse_order(&json!({"ruleIds": ["s-1", "s-2", "s-3", "s-3"]}), &present).map_err(pairs);
        assert_eq!(twice.unwrap_err(), [("/ruleIds/3".to_owned(), "repeated")]);
        assert_eq!(parse_order(&json!({}), &present).map_err(pairs).unwrap_err()[0].1, "required");
        assert_eq!(parse_order(&json!({"ruleIds": []}), &[]), Ok(vec![]));
    }

    #[test]
    fn an_id_tells_the_segment() {
        assert_eq!(segment_of(&"lead-default-12".into()), Some("lead-default".into()));
        for foreign in ["lead", "lead-default", "lead-default-x"] {
            assert_eq!(segment_of(&foreign.into()), None, "{foreign}");
        }
    }
}
