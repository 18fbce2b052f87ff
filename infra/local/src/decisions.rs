//! What `assignment` decided: read from its log, one line of JSON per decision, and told to people in one line.

use std::fmt;

use domain::reason::Reason;
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::names::{Named, Names};

/// One decision about one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// When it was read, on the stack's clock.
    pub at: Timestamp,
    /// The record's type.
    pub record_type: String,
    /// The record's id.
    pub record_id: String,
    /// What made the record pending, such as `created`.
    pub trigger: String,
    /// Whether a segment was found: `succeeded`, `failed` or `notApplicable`.
    pub segmentation_status: String,
    /// The segment.
    pub segment_id: Option<String>,
    /// Whether an owner was found: `succeeded`, `failed` or `notApplicable`.
    pub assignment_status: String,
    /// Why no owner was found, as a reason code.
    pub assignment_reason: Option<String>,
    /// The rule that decided.
    pub rule_id: Option<String>,
    /// The owner's kind: `seller`, `team` or `queue`.
    pub owner_kind: Option<String>,
    /// The owner.
    pub owner_id: Option<String>,
    /// The routing run that tells everything.
    pub run_id: Option<String>,
}

impl Decision {
    /// The decision in a line of a function's log; `None` when the line is about something else.
    #[must_use]
    pub fn parse(line: &str, at: Timestamp) -> Option<Self> {
        let line: Map<String, Value> = serde_json::from_str(line).ok()?;
        // The fields stand below `fields` or, with a flattening subscriber, at the top.
        let fields = line.get("fields").and_then(Value::as_object).unwrap_or(&line);
        let text = |name: &str| fields.get(name)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        if text("message")? != "decision" {
            return None;
        }
        Some(Self {
            at,
            record_type: text("record.type")?,
            record_id: text("record.id")?,
            trigger: text("trigger").unwrap_or_default(),
            segmentation_status: text("segmentation.status").unwrap_or_default(),
            segment_id: text("segment.id"),
            assignment_status: text("assignment.status").unwrap_or_default(),
            assignment_reason: text("assignment.reason"),
            rule_id: text("rule.id"),
            owner_kind: text("owner.kind"),
            owner_id: text("owner.id"),
            run_id: text("run.id"),
        })
    }

    /// The decision with names for its ids, asked of the API. What has no name (any more) keeps its id.
    pub async fn told(self, names: &mut Names) -> Told {
        let segment = match &self.segment_id {
            Some(id) => names.segment(id).await,
            None => Named::plain("no segment"),
        };
        let rule = match &self.rule_id {
            Some(id) => Some(names.rule(id).await),
            None => None,
        };
        let owner = match (self.owner_kind.as_deref(), &self.owner_id) {
            (Some("seller"), Some(id)) => Some(names.seller(id).await),
            (_, Some(id)) => Some(Named::plain(id)),
            (_, None) => None,
        };
        Told { decision: self, segment, rule, owner }
    }
}

/// A decision in words. `{}` is one line for a terminal without colours, `{:#}` the same with colours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    decision: Decision,
    segment: Named,
    rule: Option<Named>,
    owner: Option<Named>,
}

impl Told {
    fn why(&self) -> String {
        let decision = &self.decision;
        let rule = self.rule.as_ref().map(|rule| {
            let how = rule.how.as_ref().map(|how| format!(", {how}")).unwrap_or_default();
            format!("rule \"{}\"{how}", rule.name)
        });
        let reason = decision.assignment_reason.as_deref().map(|code| match Reason::from_code(code) {
            Some(reason) => reason.text().to_owned(),
            None => code.to_owned(),
        });
        match (reason, rule) {
            (Some(reason), Some(rule)) => format!("{reason} ({rule})"),
            (Some(why), None) | (None, Some(why)) => why,
            (None, None) if decision.assignment_status == "notApplicable" => "nothing to assign".to_owned(),
            (None, None) => decision.assignment_status.clone(),
        }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const FAINT: &str = "\u{1b}[2m";
        const GREEN: &str = "\u{1b}[32m";
        const YELLOW: &str = "\u{1b}[33m";
        const PLAIN: &str = "\u{1b}[0m";
        let paint = |colour: &'static str| if f.alternate() { colour } else { "" };
        let Decision { at, record_type, record_id, .. } = &self.decision;
        let (colour, who) = match (&self.owner, self.decision.assignment_status.as_str()) {
            (Some(owner), _) => (GREEN, owner.name.as_str()),
            (None, "notApplicable") => (FAINT, "nobody"),
            (None, _) => (YELLOW, "nobody"),
        };
        write!(
            f,
            "{}{}{}  {:<24}  {:<26}  {}-> {who:<22}{}  {}{}{}",
            paint(FAINT),
            at.strftime("%H:%M:%S"),
            paint(PLAIN),
            format!("{record_type} {record_id}"),
            self.segment.name,
            paint(colour),
            paint(PLAIN),
            paint(FAINT),
            self.why(),
            paint(PLAIN),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> Timestamp {
        "2026-03-02T14:03:21Z".parse().unwrap()
    }

    const FIELDS: &str = r#""message":"decision","record.type":"lead","record.id":"L-1","trigger":"created",
        "segmentation.status":"succeeded","segment.id":"lead-7","assignment.status":"succeeded","assignment.reason":"",
        "rule.id":"lead-7-1","owner.kind":"seller","owner.id":"susana","run.id":"r1""#;

    #[test]
    fn a_decision_is_read_whether_its_fields_are_flattened_or_not() {
        let nested = format!(r#"{{"timestamp":"t","level":"INFO","fields":{{{FIELDS}}},"target":"assignment"}}"#);
        let decision = Decision::parse(&nested, at()).unwrap();
        assert_eq!((decision.record_id.as_str(), decision.owner_id.as_deref()), ("L-1", Some("susana")));
        assert_eq!(decision.assignment_reason, None, "empty is absent");
        let flat = format!(r#"{{"level":"INFO",{FIELDS}}}"#);
        assert_eq!(Decision::parse(&flat, at()), Some(decision));
    }

    #[test]
    fn other_lines_are_no_decisions() {
        for line in ["", "plain text", "[]", "{}", r#"{"fields":{"message":"started"}}"#, r#"{"message":"decision"}"#] {
            assert_eq!(Decision::parse(line, at()), None, "{line}");
        }
    }

    #[test]
    fn a_line_tells_who_got_it_and_why() {
        let line = format!(r#"{{"fields":{{{FIELDS}}}}}"#);
        let told = Told {
            decision: Decision::parse(&line, at()).unwrap(),
            segment: Named::plain("Large companies"),
            rule: Some(Named { name: "Anybody".into(), how: Some("round robin among any seller".into()) }),
            owner: Some(Named::plain("Susana Fox")),
        };
        let words: Vec<_> = told.to_string().split_whitespace().map(str::to_owned).collect();
        assert_eq!(
            words.join(" "),
            r#"14:03:21 lead L-1 Large companies -> Susana Fox rule "Anybody", round robin among any seller"#
        );
        assert!(format!("{told:#}").contains('\u{1b}') && !told.to_string().contains('\u{1b}'));
    }

    #[test]
    fn a_line_tells_why_nobody_got_it() {
        let line = format!(r#"{{"fields":{{{FIELDS}}}}}"#)
            .replace(
                r#""assignment.status":"succeeded","assignment.reason":"""#,
                r#""assignment.status":"failed","assignment.reason":"noCapacity""#,
            )
            .replace("susana", "");
        let told = Told {
            decision: Decision::parse(&line, at()).unwrap(),
            segment: Named::plain("Large companies"),
            rule: None,
            owner: None,
        };
        let text = told.to_string();
        assert!(text.contains("-> nobody") && text.contains("Eligible sellers don't have capacity"), "{text}");
    }
}
