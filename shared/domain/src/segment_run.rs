//! Runs of a segment's rules over its members without an owner, and further tries of records that need attention
//! (ENT-29, RUN-01…RUN-07).
//!
//! A run asks for its records page by page: each is marked once ([`Record::asked`]) and then decided as any other that
//! waits. The mark names the run, so what becomes of each record is counted in the transaction that decides it, and the
//! run has ended when it has asked for all of them and waits for none.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::draft::Draft;
use crate::fault::{Fault, Pointer};
use crate::id::{MAX_ID_LENGTH, RecordId, RecordType, SegmentId, SegmentRunId};
use crate::mark::Cause;
use crate::reason::Reason;
use crate::record::{Record, State, WorkStatus};
use crate::rulebook::Rulebook;
use crate::run::{RoutingRun, Status};

/// How many records one request may ask for by their ids.
pub const MOST_IDS: usize = 1_000;

/// What set a run going.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RunTrigger {
    /// A person.
    Manual,
    /// The segment's schedule.
    Scheduled,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RunStatus {
    /// It asks for records, or waits for some of them.
    Running,
    /// All of them are decided.
    Done,
    /// A person ended it. It asks for no further page; what it has asked for is decided nevertheless.
    Cancelled,
    /// Its segment is not there or not active any more.
    Failed,
}

/// Which records a run is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Wanted {
    /// The members of the segment that look for an owner (RULE-51).
    Unassigned(SegmentId),
    /// The records of a segment that need attention.
    Segment(SegmentId),
    /// The records with this reason.
    Reason(Reason),
    /// These records.
    Records(Vec<RecordId>),
}

impl Wanted {
    /// Believes a body of `POST /v1/monitor/{type}/retry`: exactly one of `recordIds`, `reason` and `segmentId`; `known`
    /// tells which segments the type has.
    pub fn parse(body: &Value, known: impl Fn(&SegmentId) -> bool) -> Result<Self, Vec<Fault>> {
        let mut draft = Draft::read(body, &Pointer::root());
        let ids = draft.texts("recordIds", MAX_ID_LENGTH);
        let reasons: Vec<(&str, Reason)> = Reason::ALL.iter().map(|reason| (reason.code(), *reason)).collect();
        let reason = draft.word("reason", &reasons);
        let segment = draft.text("segmentId", MAX_ID_LENGTH).map(SegmentId::new);
        if let Some(segment) = segment.as_ref().filter(|segment| !known(segment)) {
            draft.fault("segmentId", "unknownSegment", format!("this type has no segment {segment}"));
        }
        if let Some(ids) = &ids {
            if ids.is_empty() {
                draft.required("recordIds");
            }
            if ids.len() > MOST_IDS {
                draft.fault("recordIds", "tooMany", format!("must be {MOST_IDS} at the most"));
            }
        }
        let given: Vec<&str> =
            ["recordIds", "reason", "segmentId"].into_iter().filter(|name| draft.value(name).is_some()).collect();
        for name in given.iter().skip(1) {
            draft.fault(name, "notAllowed", format!("stands instead of {}, not with it", given[0]));
        }
        if given.is_empty() {
            draft.required("recordIds");
        }
        let ids = ids.map(|ids| Self::Records(ids.into_iter().map(RecordId::new).collect()));
        draft.finish(ids.or(reason.map(Self::Reason)).or(segment.map(Self::Segment)))
    }

    /// The segment of which only one run goes on at a time (RUN-04).
    #[must_use]
    pub fn segment(&self) -> Option<&SegmentId> {
        match self {
            Self::Unassigned(segment) | Self::Segment(segment) => Some(segment),
            Self::Reason(_) | Self::Records(_) => None,
        }
    }

    /// Whether a record is one of them as it is now.
    #[must_use]
    pub fn admits(&self, record: &Record) -> bool {
        let needs_attention = record.work_status() == WorkStatus::NeedsAttention;
        match self {
            Self::Unassigned(segment) => record.segment.as_ref() == Some(segment) && record.is_unassigned(),
            Self::Segment(segment) => needs_attention && record.segment.as_ref() == Some(segment),
            Self::Reason(reason) => {
                needs_attention && record.last.as_ref().and_then(|last| last.reason) == Some(*reason)
            }
            Self::Records(ids) => needs_attention && ids.contains(&record.key.id),
        }
    }
}

/// How many records a run has had to do with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunCounts {
    /// It asked for them.
    pub considered: u64,
    /// Of those, got an owner.
    pub assigned: u64,
    /// Of those, got none and need attention.
    pub failed: u64,
    /// It waits for them.
    pub waiting: u64,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SegmentRun {
    /// Its id; it bears the instant at which the run was asked for or due, so later ones sort behind earlier ones.
    pub id: SegmentRunId,
    /// The type of its records.
    pub record_type: RecordType,
    /// Its records.
    pub wanted: Wanted,
    /// What set it going.
    pub trigger: RunTrigger,
    /// How far it is.
    pub status: RunStatus,
    /// Since when it has asked for every record that it wants.
    #[serde(default)]
    pub asked_for_all_at: Option<Timestamp>,
    /// What it counted; while it goes on the counters of the store are ahead of it.
    #[serde(default)]
    pub counts: RunCounts,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    #[serde(default)]
    pub finished_at: Option<Timestamp>,
}

impl SegmentRun {
    /// A run that begins.
    #[must_use]
    pub fn begin(
        id: SegmentRunId,
        record_type: RecordType,
        wanted: Wanted,
        trigger: RunTrigger,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            record_type,
            wanted,
            trigger,
            status: RunStatus::Running,
            asked_for_all_at: None,
            counts: RunCounts::default(),
            started_at: now,
            finished_at: None,
        }
    }

    /// Why its records are decided once more.
    #[must_use]
    pub fn cause(&self) -> Cause {
        match (&self.wanted, self.trigger) {
            (Wanted::Unassigned(_), RunTrigger::Manual) => Cause::RunNow,
            (Wanted::Unassigned(_), RunTrigger::Scheduled) => Cause::Scheduled,
            (Wanted::Segment(_) | Wanted::Reason(_) | Wanted::Records(_), _) => Cause::Retried,
        }
    }

    /// Whether it has a record decided once more, as that is now: one of the wanted that waits for nothing, is not in a
    /// segment whose rules rest, and was not decided since the run began.
    #[must_use]
    pub fn asks_for(&self, record: &Record, rulebook: &Rulebook) -> bool {
        let since = record.last.as_ref().is_some_and(|last| last.at >= self.started_at);
        let rests = record.segment.as_ref().is_some_and(|id| rulebook.knows(id) && rulebook.segment(id).is_none());
        !since && !rests && !record.waits() && record.state == State::Active && self.wanted.admits(record)
    }

    /// As it ends.
    #[must_use]
    pub fn ended(self, status: RunStatus, counts: RunCounts, now: Timestamp) -> Self {
        Self { status, counts, finished_at: Some(now), ..self }
    }
}

/// What a decision adds to the counters of the run that waited for it: got an owner, failed.
#[must_use]
pub fn outcome(run: &RoutingRun) -> (bool, bool) {
    let assigned = run.assignment.status == Status::Succeeded;
    (assigned, !assigned && run.needs_attention())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::record::LastRun;
    use crate::record::tests::{at, new_lead};

    fn faults(body: &Value) -> Vec<(String, &'static str)> {
        let found = Wanted::parse(body, |id| id.as_str() == "lead-1").unwrap_err();
        found.into_iter().map(|fault| (fault.pointer.to_string(), fault.code)).collect()
    }

    #[test]
    fn a_retry_names_records_or_a_reason_or_a_segment() {
        let parse = |body: Value| Wanted::parse(&body, |_| true).unwrap();
        assert_eq!(parse(json!({"recordIds": ["L-1"]})), Wanted::Records(vec!["L-1".into()]));
        assert_eq!(parse(json!({"reason": "noCapacity"})), Wanted::Reason(Reason::NoCapacity));
        assert_eq!(parse(json!({"segmentId": "lead-1"})), Wanted::Segment("lead-1".into()));
        let fault = |pointer: &str, code| (pointer.to_owned(), code);
        assert_eq!(faults(&json!({})), [fault("/recordIds", "required")]);
        assert_eq!(faults(&json!({"recordIds": []})), [fault("/recordIds", "required")]);
        assert_eq!(faults(&json!({"reason": "bored"})), [fault("/reason", "unknownWord")]);
        let two = json!({"recordIds": ["L-1"], "segmentId": "lead-1", "colour": "red"});
        assert_eq!(faults(&two), [fault("/segmentId", "notAllowed"), fault("/colour", "unknownMember")]);
        let unknown = json!({"segmentId": "lead-9", "colour": "red"});
        assert_eq!(faults(&unknown), [fault("/segmentId", "unknownSegment"), fault("/colour", "unknownMember")]);
        let many: Vec<String> = (0..=MOST_IDS).map(|n| n.to_string()).collect();
        assert_eq!(faults(&json!({ "recordIds": many })), [fault("/recordIds", "tooMany")]);
    }

    #[test]
    fn rule_51_a_run_wants_members_that_look_for_an_owner_and_a_retry_what_needs_attention() {
        let last =
            |reason, unassigned| Some(LastRun { id: "c.0".into(), at: at(1), reason, unassigned, sought_by: None });
        let record = Record { mark: None, segment: Some("a".into()), ..new_lead("L-1", &json!({})).into_record(at(1)) };
        let failed = Record { last: last(Some(Reason::NoCapacity), true), ..record.clone() };
        let settled = Record { last: last(None, false), ..record.clone() };
        let elsewhere = Record { segment: Some("b".into()), ..failed.clone() };
        let wanted = |wanted: &Wanted| [&record, &failed, &settled, &elsewhere].map(|record| wanted.admits(record));
        assert_eq!(wanted(&Wanted::Unassigned("a".into())), [true, true, false, false]);
        assert_eq!(wanted(&Wanted::Segment("a".into())), [false, true, false, false]);
        assert_eq!(wanted(&Wanted::Reason(Reason::NoCapacity)), [false, true, false, true]);
        assert_eq!(wanted(&Wanted::Records(vec!["L-1".into()])), [false, true, false, true]);
    }

    #[test]
    fn a_record_that_waits_already_is_not_asked_for_and_a_closed_one_never() {
        let run = SegmentRunId::from("R-1");
        let waiting = new_lead("L-1", &json!({})).into_record(at(1));
        assert_eq!(waiting.clone().asked(Cause::RunNow, Some(&run), at(2)), waiting);
        let closed = waiting.clone().closed("lost", at(2));
        assert_eq!(closed.clone().asked(Cause::RunNow, Some(&run), at(3)), closed);
        let asked = Record { mark: None, ..waiting }.asked(Cause::RunNow, Some(&run), at(2));
        assert_eq!((asked.waited_for_by(), asked.mark.as_ref().unwrap().cause), (Some(&run), Cause::RunNow));
        assert_eq!((asked.version, asked.modified_on), (1, at(1)), "no client changed it");
        assert!(asked.tally().contains(&crate::tally::Counter::Waiting(run)));
    }
}
