//! A record: a lead, opportunity, account, contact or custom record to be worked, and what may happen to it.
//!
//! Each thing that may happen is a function from the record as it is to the record as it will be. The store writes the
//! difference between the two, and derives counters and held capacity from it, so there is one way to change a record.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::id::{Owner, QueueId, RecordKey, RuleId, RunId, SegmentId, SegmentRunId};
use crate::mark::{Cause, Columns, Mark};
use crate::reason::Reason;
use crate::run::{RoutingRun, Status};

/// Whether a record is worked (ENT-55).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// It is segmented, assigned and counted.
    Active,
    /// It has left the process.
    Inactive,
}

/// What the record's last run left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastRun {
    /// Which run.
    pub id: RunId,
    /// When it was committed.
    pub at: Timestamp,
    /// Why it needs attention; none when nothing failed.
    pub reason: Option<Reason>,
    /// Whether the record still looks for an owner (RULE-51).
    pub unassigned: bool,
    /// The rule that found no seller who could take the record; none where another seller would not help.
    pub sought_by: Option<RuleId>,
}

impl LastRun {
    /// Whether it is in no segment, or in one that it may not belong to, because of a failure.
    #[must_use]
    pub fn segmentation_failed(&self) -> bool {
        // A privilege is lacking before anything is decided.
        matches!(self.reason, Some(Reason::NoSegment | Reason::SegmentError | Reason::ServicePermission))
    }
}

/// How the work on a record stands, as clients see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WorkStatus {
    /// Waits to be processed.
    Pending,
    /// Processed; nothing failed.
    Succeeded,
    /// Processed; one of the operations failed (MON-04).
    NeedsAttention,
    /// Never routed, or inactive.
    None,
}

/// A record as the store holds it.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Type and id.
    pub key: RecordKey,
    /// The client's columns.
    pub fields: Map<String, Json>,
    /// Who owns it.
    pub owner: Option<Owner>,
    /// The business unit it belongs to: that of the first seller who owned it. It stays when the owner changes (SEC-79a).
    pub business_unit: Option<String>,
    /// The queue it waits in for a member to pick it (RULE-41).
    pub queue: Option<QueueId>,
    /// Active or inactive.
    pub state: State,
    /// How it was closed.
    pub status_reason: Option<String>,
    /// When it was created.
    pub created_on: Timestamp,
    /// Who created it; none for another program's item.
    pub created_by: Option<String>,
    /// When a client last changed it.
    pub modified_on: Timestamp,
    /// The segment it is a member of.
    pub segment: Option<SegmentId>,
    /// Prediction score, 0 to 100.
    pub score: Option<i64>,
    /// Counts what clients changed.
    pub version: u64,
    /// Counts every write of ours; 0 for another program's item that was not adopted yet.
    pub revision: u64,
    /// Whether it stands in the counters: Baton has written it. Stays true when another program takes the revision away to
    /// have the record looked at again.
    pub counted: bool,
    /// That it waits, and why.
    pub mark: Option<Mark>,
    /// What the last run left.
    pub last: Option<LastRun>,
    /// Which request created it or last acted on it: a repetition of the request finds what it did.
    pub tag: Option<String>,
}

/// What a client proposes as a new record, after it was believed.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRecord {
    /// Type and id.
    pub key: RecordKey,
    /// The columns.
    pub fields: Map<String, Json>,
    /// The owner that was given with it.
    pub owner: Option<Owner>,
    /// The owner's business unit.
    pub business_unit: Option<String>,
    /// When it was created, if not now.
    pub created_on: Option<Timestamp>,
    /// Whether it is to be routed.
    pub route: bool,
    /// Whether it comes by an import.
    pub imported: bool,
    /// Who creates it.
    pub created_by: String,
    /// Which request creates it.
    pub tag: Option<String>,
}

impl NewRecord {
    /// The record as it is first stored: waiting, unless it is not to be routed.
    #[must_use]
    pub fn into_record(self, now: Timestamp) -> Record {
        let cause = if self.imported { Cause::Imported } else { Cause::Created };
        Record {
            key: self.key,
            fields: self.fields,
            owner: self.owner,
            business_unit: self.business_unit,
            queue: None,
            state: State::Active,
            status_reason: None,
            created_on: self.created_on.unwrap_or(now),
            created_by: Some(self.created_by),
            modified_on: now,
            segment: None,
            score: None,
            version: 1,
            revision: 1,
            counted: true,
            mark: self.route.then(|| Mark::new(cause, Columns::all(), now)),
            last: None,
            tag: self.tag,
        }
    }
}

impl Record {
    /// How the work on it stands. Another program's item is pending from the first moment.
    #[must_use]
    pub fn work_status(&self) -> WorkStatus {
        match (&self.last, self.state) {
            (_, State::Inactive) => WorkStatus::None,
            _ if self.waits() => WorkStatus::Pending,
            (None, _) => WorkStatus::None,
            (Some(LastRun { reason: None, .. }), _) => WorkStatus::Succeeded,
            (Some(LastRun { reason: Some(_), .. }), _) => WorkStatus::NeedsAttention,
        }
    }

    /// Whether it is to be routed: it is marked, or it is another program's item.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.mark.is_some() || self.revision == 0
    }

    /// Whether it looks for an owner (RULE-51): the last assignment failed, or there was none and nobody owns it.
    #[must_use]
    pub fn is_unassigned(&self) -> bool {
        self.last.as_ref().map_or(self.owner.is_none(), |last| last.unassigned)
    }

    /// Its mark; the one of an adopted item where it has none.
    #[must_use]
    pub fn mark_or_adoption(&self, now: Timestamp) -> Mark {
        let adoption = Mark::new(Cause::Created, Columns::all(), now);
        match (&self.mark, self.revision) {
            (Some(mark), 0) => mark.clone().merge(adoption),
            (Some(mark), _) => mark.clone(),
            (None, _) => adoption,
        }
    }

    /// As it would wait if it came up for routing now: by its mark where it waits already, as new where it was never
    /// processed, and as updated where it was (SEG-55).
    #[must_use]
    pub fn as_if_marked(self, now: Timestamp) -> Record {
        let cause = if self.last.is_some() { Cause::Updated } else { Cause::Created };
        if self.waits() { self } else { self.marked(cause, Columns::all(), now) }
    }

    /// In the business unit of its first owner (SEC-79a).
    fn in_unit(mut self, business_unit: Option<&str>) -> Record {
        if self.business_unit.is_none() {
            self.business_unit = business_unit.map(ToOwned::to_owned);
        }
        self
    }

    fn marked(mut self, cause: Cause, columns: Columns, now: Timestamp) -> Record {
        let mark = Mark::new(cause, columns, now);
        self.mark = Some(match self.mark {
            Some(standing) => standing.merge(mark),
            None => mark,
        });
        self
    }

    /// A client's change. It adopts another program's item, which then waits to be processed as new.
    fn changed(mut self, now: Timestamp) -> Record {
        let adopted = self.revision == 0 && self.state == State::Active;
        self.version += 1;
        self.revision += 1;
        self.counted = true;
        self.modified_on = now;
        if adopted { self.marked(Cause::Created, Columns::all(), now) } else { self }
    }

    /// With some columns changed: null or an empty text empties one. It is marked when a used column changed, or when
    /// it waits already: while a mark stands no writer decides that an update is irrelevant.
    #[must_use]
    pub fn patched(mut self, changes: &Map<String, Json>, used: &BTreeSet<String>, now: Timestamp) -> Record {
        let mut touched = BTreeSet::new();
        for (column, value) in changes {
            let empty = value.is_null() || value.as_str() == Some("");
            let before =
                if empty { self.fields.remove(column) } else { self.fields.insert(column.clone(), value.clone()) };
            let same = if empty { before.is_none() } else { before.as_ref() == Some(value) };
            if !same {
                touched.insert(column.clone());
            }
        }
        if touched.is_empty() {
            return self;
        }
        let relevant = self.mark.is_some() || !touched.is_disjoint(used);
        let record = self.changed(now);
        match record.state {
            State::Active if relevant => record.marked(Cause::Updated, Columns::Some(touched), now),
            _ => record,
        }
    }

    /// Closed. It leaves its segment and the process (SEG-60); what waited waits no longer.
    #[must_use]
    pub fn closed(self, status_reason: &str, now: Timestamp) -> Record {
        let mut record = self.changed(now);
        record.state = State::Inactive;
        record.status_reason = Some(status_reason.to_owned());
        record.segment = None;
        record.mark = None;
        record
    }

    /// In no segment: the one it was in is no more (SEG-05).
    #[must_use]
    pub fn without_segment(mut self, now: Timestamp) -> Record {
        if self.waits() {
            self.mark = Some(self.mark_or_adoption(now));
        }
        self.segment = None;
        self.revision += 1;
        self.counted = true;
        self
    }

    /// Active again, and to be routed like a new one.
    #[must_use]
    pub fn reopened(self, now: Timestamp) -> Record {
        let mut record = self.changed(now);
        record.state = State::Active;
        record.status_reason = None;
        record.marked(Cause::Reopened, Columns::all(), now)
    }

    /// Given to an owner by a person (MON-63). A run that is waiting will leave the owner alone.
    #[must_use]
    pub fn assigned(self, run: &RoutingRun, business_unit: Option<&str>, now: Timestamp) -> Record {
        let mut record = self.changed(now).in_unit(business_unit);
        record.owner.clone_from(&run.assignment.owner);
        record.queue = None;
        let (id, at) = (run.id.clone(), run.finished_at);
        record.last = Some(LastRun { id, at, reason: None, unassigned: false, sought_by: None });
        if let Some(mark) = &mut record.mark {
            mark.owner_given = true;
        }
        record
    }

    /// As a run leaves it. The engine's own writes don't count as a client's change.
    #[must_use]
    pub fn routed(self, run: &RoutingRun, business_unit: Option<&str>) -> Record {
        let owner_given = self.mark.as_ref().is_some_and(|mark| mark.owner_given);
        let unassigned = match run.assignment.status {
            Status::Succeeded => false,
            // Nobody was sought: it looks for an owner if it did before, or if it was never decided (RULE-51).
            Status::Failed
                if matches!(run.assignment.reason, Some(Reason::ServerError | Reason::ServicePermission)) =>
            {
                let did = self.last.as_ref().is_none_or(|last| last.unassigned);
                self.owner.is_none() || !owner_given && did
            }
            // Who had it when it moved keeps it, and looks for nobody.
            Status::Failed => run.assignment.reason != Some(Reason::RulesDoNotRunOnMove) || self.owner.is_none(),
            Status::NotApplicable => !owner_given && self.owner.is_none(),
        };
        let mut record = self.in_unit(business_unit);
        if !record.counted {
            record.version = 1;
        }
        record.revision += 1;
        record.counted = true;
        record.mark = None;
        record.segment.clone_from(&run.segmentation.segment_id);
        match &run.assignment.owner {
            // The owner stays who it was (RULE-41).
            Some(Owner::Queue(queue)) => record.queue = Some(queue.clone()),
            Some(owner) => {
                record.owner = Some(owner.clone());
                record.queue = None;
            }
            None => {}
        }
        let sought_by = unassigned.then(|| run.assignment.sought_by().cloned()).flatten();
        record.last =
            Some(LastRun { id: run.id.clone(), at: run.finished_at, reason: run.reason(), unassigned, sought_by });
        record
    }

    /// Marked again because somebody became eligible while it was decided that nobody was.
    #[must_use]
    pub fn marked_again(mut self, now: Timestamp) -> Record {
        self.revision += 1;
        self.counted = true;
        self.marked(Cause::Updated, Columns::all(), now)
    }

    /// Asked for once more as it is: marked unless it waits already or has left the process. `run` counts what becomes of
    /// it.
    #[must_use]
    pub fn asked(mut self, cause: Cause, run: Option<&SegmentRunId>, now: Timestamp) -> Record {
        if self.state == State::Inactive || self.waits() {
            return self;
        }
        self.revision += 1;
        self.mark = Some(Mark { run: run.cloned(), ..Mark::new(cause, Columns::none(), now) });
        self
    }

    /// The run of a segment that waits for it.
    #[must_use]
    pub fn waited_for_by(&self) -> Option<&SegmentRunId> {
        self.mark.as_ref()?.run.as_ref()
    }

    /// Touched by the minute sweep, so that it is delivered once more.
    #[must_use]
    pub fn swept(mut self, now: Timestamp) -> Record {
        let mut mark = self.mark_or_adoption(now);
        (mark.touched, mark.tried) = (Some(now), false);
        self.mark = Some(mark);
        self.revision += 1;
        self.counted = true;
        self
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    pub(crate) fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    pub(crate) fn new_lead(id: &str, fields: &Json) -> NewRecord {
        NewRecord {
            key: RecordKey::new("lead", id),
            fields: fields.as_object().unwrap().clone(),
            owner: None,
            business_unit: None,
            created_on: None,
            route: true,
            imported: false,
            created_by: "susana".to_owned(),
            tag: None,
        }
    }

    fn used() -> BTreeSet<String> {
        ["city".to_owned()].into()
    }

    fn change(fields: &Json) -> Map<String, Json> {
        fields.as_object().unwrap().clone()
    }

    #[test]
    fn seg_53_a_change_of_an_unused_column_triggers_nothing() {
        let mut record = new_lead("L-1", &json!({"city": "Bern"})).into_record(at(1));
        record.mark = None;
        let patched = record.patched(&change(&json!({"phone": "1"})), &used(), at(2));
        assert_eq!(patched.mark, None);
        assert_eq!(patched.version, 2);
    }

    #[test]
    fn seg_52_a_change_of_a_used_column_marks_the_record() {
        let mut record = new_lead("L-1", &json!({"city": "Bern"})).into_record(at(1));
        record.mark = None;
        let patched = record.patched(&change(&json!({"city": "Basel"})), &used(), at(2));
        assert_eq!(patched.mark.unwrap().cause, Cause::Updated);
    }

    #[test]
    fn while_it_waits_no_update_is_irrelevant_and_the_cause_stays() {
        let record = new_lead("L-1", &json!({})).into_record(at(1));
        let mark = record.patched(&change(&json!({"phone": "1"})), &used(), at(2)).mark.unwrap();
        assert_eq!((mark.cause, mark.since), (Cause::Created, at(1)));
    }

    #[test]
    fn a_change_to_what_it_is_already_changes_nothing() {
        let record = new_lead("L-1", &json!({"city": "Bern"})).into_record(at(1));
        let patched =
            record.clone().patched(&change(&json!({"city": "Bern", "phone": null, "email": ""})), &used(), at(2));
        assert_eq!(patched, record);
    }

    #[test]
    fn seg_60_a_closed_record_leaves_its_segment_and_waits_no_longer() {
        let mut record = new_lead("L-1", &json!({})).into_record(at(1));
        record.segment = Some("lead-default".into());
        let closed = record.closed("qualified", at(2));
        assert_eq!((closed.state, closed.segment, closed.mark), (State::Inactive, None, None));
    }

    #[test]
    fn a_reopened_record_waits_like_a_new_one() {
        let record = new_lead("L-1", &json!({})).into_record(at(1)).closed("lost", at(2)).reopened(at(3));
        assert_eq!(record.work_status(), WorkStatus::Pending);
        assert_eq!(record.mark.unwrap().cause, Cause::Reopened);
    }

    #[test]
    fn seg_55_a_record_comes_up_by_its_mark_as_new_or_as_updated() {
        let cause = |record: &Record| record.clone().as_if_marked(at(9)).mark_or_adoption(at(9)).cause;
        let waiting = new_lead("L-1", &json!({})).into_record(at(1)).closed("lost", at(2)).reopened(at(3));
        assert_eq!(cause(&waiting), Cause::Reopened);
        assert_eq!(waiting.clone().as_if_marked(at(9)), waiting, "its mark stays as it is");
        let mut known = NewRecord { route: false, ..new_lead("L-1", &json!({})) }.into_record(at(1));
        assert_eq!(cause(&known), Cause::Created, "never processed");
        known.last =
            Some(LastRun { id: RunId::new("c.0"), at: at(2), reason: None, unassigned: false, sought_by: None });
        assert_eq!(cause(&known), Cause::Updated);
        let foreign = Record { revision: 0, last: None, ..known };
        assert_eq!(cause(&foreign), Cause::Created, "another program's item");
    }

    #[test]
    fn another_programs_item_waits_as_new_whoever_changes_it_first() {
        let mut foreign = new_lead("L-1", &json!({})).into_record(at(1));
        (foreign.mark, foreign.revision) = (None, 0);
        let patched = foreign.patched(&change(&json!({"phone": "1"})), &used(), at(2));
        assert_eq!(patched.mark.unwrap().cause, Cause::Created);
    }

    #[test]
    fn a_touch_of_the_sweep_is_no_attempt_before_the_record_is_about_to_be_decided() {
        let record = new_lead("L-1", &json!({})).into_record(at(1));
        let mark = |record: &Record| record.mark.as_ref().map(|mark| (mark.attempt, mark.touched)).unwrap();
        let once = record.clone().swept(at(2));
        let twice = once.clone().swept(at(3));
        assert_eq!([&record, &once, &twice].map(mark), [(0, None), (0, Some(at(2))), (0, Some(at(3)))]);
        assert_eq!(twice.mark.unwrap().since, at(1), "it has waited since then");
    }

    #[test]
    fn a_run_adopts_another_programs_item_with_its_first_version_and_leaves_that_of_others() {
        let known = Record { version: 4, ..new_lead("L-1", &json!({})).into_record(at(1)) };
        let foreign = Record { counted: false, revision: 0, ..known.clone() };
        let run = crate::route::undecidable(
            &known,
            1,
            crate::route::Present { now: at(2), writer: 1, drawn: 1 },
            "nothing".to_owned(),
        );
        let routed = |record: Record| record.routed(&run, None);
        assert_eq!([routed(foreign).version, routed(known).version], [1, 4]);
    }

    #[test]
    fn rule_51_a_failure_of_ours_takes_a_record_from_nobody() {
        use crate::obstacle::Obstacle;
        use crate::route::{Present, hindered, manual};
        for obstacle in [Obstacle::broken("broken"), Obstacle::denied("dynamodb:GetItem on table/work")] {
            let failed = |record: &Record| {
                let present = Present { now: at(9), writer: 1, drawn: 1 };
                record.clone().routed(&hindered(record, 1, present, obstacle.clone()), None)
            };
            let new = new_lead("L-1", &json!({})).into_record(at(1));
            assert!(failed(&new).is_unassigned(), "it looks for an owner");
            let susana = || Owner::Seller("susana".into());
            let with_owner = Record { owner: Some(susana()), ..new.clone() };
            assert!(failed(&with_owner).is_unassigned(), "created with an owner it was to be routed");
            let by_hand = |record: &Record| record.clone().assigned(&manual(record, susana(), 1, at(2)), None, at(2));
            assert!(!failed(&by_hand(&new)).is_unassigned(), "a person gave it while it waited");
            let settled = Record { mark: None, ..by_hand(&new) };
            let patched = settled.patched(&change(&json!({"city": "Basel"})), &used(), at(3));
            assert!(!failed(&patched).is_unassigned(), "a person gave it before");
        }
    }

    #[test]
    fn a_record_that_is_not_to_be_routed_has_no_work_status() {
        let record = NewRecord { route: false, ..new_lead("L-1", &json!({})) }.into_record(at(1));
        assert_eq!(record.work_status(), WorkStatus::None);
    }
}
