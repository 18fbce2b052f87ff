//! One processing of one record: three outcomes with their reasons, and the trace that explains them (ENT-28, MON-10).
//!
//! A run is what `route` returns and what the store keeps; its JSON is the API's shape.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::fault::Pointer;
use crate::id::{Owner, RecordId, RecordKey, RecordType, RuleId, RunId, SegmentId, SellerId};
use crate::mark::Cause;
use crate::reason::Reason;
use crate::record::{Record, State};

/// What set a run going.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Trigger {
    /// The record is new or adopted.
    Created,
    /// A column that conditions use was changed.
    Updated,
    /// Such a change took the record out of its segment into another one (SEG-54).
    Moved,
    /// The record was inactive and is active again.
    Reopened,
    /// The record came by an import.
    Imported,
    /// A person ran the rules of its segment (RUN-01).
    RunNow,
    /// They ran by their schedule (RUN-02).
    Scheduled,
    /// A person asked for another try.
    Retried,
    /// Somebody who may take it had room again.
    CapacityFreed,
    /// A person assigned it.
    Manual,
}

impl From<Cause> for Trigger {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::Created => Self::Created,
            Cause::Imported => Self::Imported,
            Cause::Reopened => Self::Reopened,
            Cause::Updated => Self::Updated,
            Cause::RunNow => Self::RunNow,
            Cause::Scheduled => Self::Scheduled,
            Cause::Retried => Self::Retried,
            Cause::CapacityFreed => Self::CapacityFreed,
        }
    }
}

/// How one of the three operations of a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Status {
    /// Done.
    Succeeded,
    /// Not done; the reason says why.
    Failed,
    /// Not configured or not called for: no failure (MON-08).
    NotApplicable,
}

/// How a record came to be a member of its segment (ENT-22).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Joined {
    /// It was new to work assignment: created, imported, adopted or reopened (SEG-51).
    Created,
    /// An update put it into a segment while it was in none.
    Updated,
    /// An update took it out of another segment (SEG-54).
    Moved,
}

/// Which segment the record is in. A run that says how it joined begins a membership (SEG-59).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Segmentation {
    /// How it ended.
    pub status: Status,
    /// Why it failed.
    pub reason: Option<Reason>,
    /// The segment the record is in after the run.
    pub segment_id: Option<SegmentId>,
    /// Its name, which stays when the segment is deleted (SEG-05); none where the run did not ask for a segment.
    #[serde(default)]
    pub segment_name: Option<String>,
    /// The segment it was in before; none also when that one was deleted.
    #[serde(default)]
    pub previous_segment_id: Option<SegmentId>,
    /// How it came into the segment; none when it was in it already.
    #[serde(default)]
    pub joined: Option<Joined>,
}

impl Segmentation {
    /// The record is where it was, which nobody asked.
    #[must_use]
    pub fn not_applicable(segment: Option<SegmentId>) -> Self {
        Self::stayed(Status::NotApplicable, None, segment)
    }

    /// The record is where it was, because of this.
    #[must_use]
    pub fn failed(reason: Reason, segment: Option<SegmentId>) -> Self {
        Self::stayed(Status::Failed, Some(reason), segment)
    }

    /// The record is in this segment, and stays.
    #[must_use]
    pub fn stays(segment: SegmentId, name: Option<String>) -> Self {
        Self { segment_name: name, ..Self::stayed(Status::Succeeded, None, Some(segment)) }
    }

    /// The record came into this segment.
    #[must_use]
    pub fn joined(segment: SegmentId, name: String, previous: Option<SegmentId>, how: Joined) -> Self {
        let (previous_segment_id, joined) = (previous, Some(how));
        Self { previous_segment_id, joined, ..Self::stays(segment, Some(name)) }
    }

    fn stayed(status: Status, reason: Option<Reason>, segment: Option<SegmentId>) -> Self {
        let (segment_id, previous_segment_id) = (segment.clone(), segment);
        Self { status, reason, segment_id, segment_name: None, previous_segment_id, joined: None }
    }
}

/// Who owns the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Assignment {
    /// How it ended.
    pub status: Status,
    /// Why it failed.
    pub reason: Option<Reason>,
    /// The rule that was applied, whether or not it found somebody (RULE-12).
    pub rule_id: Option<RuleId>,
    /// The owner before the run.
    pub previous_owner: Option<Owner>,
    /// Whom the run assigned the record to.
    pub owner: Option<Owner>,
    /// Created on plus the rule's window (RULE-25).
    pub due_at: Option<Timestamp>,
    /// Past due and still unassigned (RULE-25).
    pub overdue: bool,
}

impl Assignment {
    /// An assignment that was not called for.
    #[must_use]
    pub fn not_applicable(previous_owner: Option<Owner>) -> Self {
        Self::ended(Status::NotApplicable, None, previous_owner)
    }

    /// An assignment that failed before a rule was applied.
    #[must_use]
    pub fn failed(reason: Reason, previous_owner: Option<Owner>) -> Self {
        Self::ended(Status::Failed, Some(reason), previous_owner)
    }

    /// The rule that was applied and found no seller, where another one or more room could change that.
    #[must_use]
    pub fn sought_by(&self) -> Option<&RuleId> {
        self.rule_id.as_ref().filter(|_| self.reason.is_some_and(Reason::waits_for_a_seller))
    }

    fn ended(status: Status, reason: Option<Reason>, previous_owner: Option<Owner>) -> Self {
        Self { status, reason, rule_id: None, previous_owner, owner: None, due_at: None, overdue: false }
    }
}

/// Which sequence the record was connected to. Segments have no sequences yet, so this is never applicable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SequenceConnection {
    /// How it ended.
    pub status: Status,
    /// Why it failed.
    pub reason: Option<Reason>,
    /// The sequence.
    pub sequence_id: Option<String>,
    /// The connection.
    pub target_id: Option<String>,
}

impl SequenceConnection {
    /// No sequence to connect.
    #[must_use]
    pub fn not_applicable() -> Self {
        Self { status: Status::NotApplicable, reason: None, sequence_id: None, target_id: None }
    }
}

/// A segment or rule that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tried<Id> {
    /// Which.
    pub id: Id,
    /// Whether its conditions held.
    pub matched: bool,
    /// Where in its condition the decision fell when they did not.
    pub failed_on: Option<Pointer>,
}

/// What a gate said of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// Got the record.
    Chosen,
    /// Passed all gates; others came first.
    Ranked,
    /// Holds no eligible role (ELIG-01).
    Role,
    /// "Assign records" is off (ELIG-03).
    SwitchedOff,
    /// The user is disabled.
    Disabled,
    /// The matcher doesn't fit (RULE-31).
    NotMatched,
    /// Holds no role that may read the record (SEC-47).
    NoPermission,
    /// Has no room and the rule asks for it (DIST-08, CAP-11).
    NoCapacity,
    /// Doesn't work soon enough (DIST-09).
    NotAvailable,
    /// Works later than others do (DIST-11).
    LaterBucket,
}

impl Verdict {
    /// The gate as it is counted.
    #[must_use]
    pub fn gate(self) -> &'static str {
        match self {
            Self::Chosen => "chosen",
            Self::Ranked => "ranked",
            Self::Role => "role",
            Self::SwitchedOff => "switchedOff",
            Self::Disabled => "disabled",
            Self::NotMatched => "notMatched",
            Self::NoPermission => "noPermission",
            Self::NoCapacity => "noCapacity",
            Self::NotAvailable => "notAvailable",
            Self::LaterBucket => "laterBucket",
        }
    }
}

/// A seller whom a rule considered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Candidate {
    /// Who.
    pub seller_id: SellerId,
    /// Chosen, ranked, or the gate that dropped the seller.
    pub verdict: Verdict,
    /// Available capacity at that moment; null without a maximum (CAP-07).
    pub available: Option<i64>,
    /// The availability bucket, 0 = now (DIST-11); null where the rule does not ask.
    pub bucket: Option<u8>,
    /// The last assignment that counted, at that moment (DIST-04).
    pub last_assigned_at: Option<Timestamp>,
    /// Place in the order, 1 = first; null for those a gate dropped.
    pub rank: Option<u32>,
}

/// Everything that was tried on the way to a decision. Names fields and ids, never field values.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// Segments in the order they were tried.
    pub segments: Vec<Tried<SegmentId>>,
    /// Rules in the order they were tried.
    pub rules: Vec<Tried<RuleId>>,
    /// Candidates one by one up to [`Trace::ONE_BY_ONE`]; beyond that the [`Trace::BEST`] best ranked.
    pub candidates: Vec<Candidate>,
    /// Beyond that number: how many each gate dropped.
    pub gates: BTreeMap<String, u32>,
}

impl Trace {
    /// Up to this many candidates are listed one by one.
    pub const ONE_BY_ONE: usize = 50;
    /// Of more candidates this many of the best ranked are listed.
    pub const BEST: usize = 25;
}

/// One processing of one record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoutingRun {
    /// The run's id; given when it is committed.
    pub id: RunId,
    /// The record.
    pub record_id: RecordId,
    /// Its type.
    pub record_type: RecordType,
    /// What set the run going.
    pub trigger: Trigger,
    /// The version of the rulebook that decided.
    pub rulebook_version: u64,
    /// The first operation.
    pub segmentation: Segmentation,
    /// The second.
    pub assignment: Assignment,
    /// The third.
    pub sequence: SequenceConnection,
    /// When the record was taken up.
    pub started_at: Timestamp,
    /// When the decision was committed.
    pub finished_at: Timestamp,
    /// What went wrong on our side; never a record's contents.
    pub error_details: Option<String>,
    /// How it was decided.
    pub trace: Trace,
    /// The record's run before this one.
    pub previous: Option<RunId>,
}

impl RoutingRun {
    /// The record that was processed.
    #[must_use]
    pub fn record(&self) -> RecordKey {
        RecordKey { record_type: self.record_type.clone(), id: self.record_id.clone() }
    }

    /// Whether one of the three operations failed (MON-04).
    #[must_use]
    pub fn needs_attention(&self) -> bool {
        self.reason().is_some()
    }

    /// The reason of the first operation that failed (MON-07).
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        self.segmentation.reason.or(self.assignment.reason).or(self.sequence.reason)
    }

    /// Whether the record, whose last run this is, should have been assigned by now and is not (RULE-25).
    #[must_use]
    pub fn is_overdue(&self, record: &Record, now: Timestamp) -> bool {
        let looks = record.state == State::Active && record.is_unassigned();
        looks && (self.assignment.overdue || self.assignment.due_at.is_some_and(|due| due < now))
    }

    /// Whether nobody was found although somebody may have become eligible while it was decided: no seller is touched
    /// by such a run, so no condition of its commit notices (DESIGN.md "A negative outcome is verified").
    #[must_use]
    pub fn found_nobody(&self) -> bool {
        matches!(
            self.assignment.reason,
            Some(
                Reason::NoSellerMatches
                    | Reason::NoAvailability
                    | Reason::NoCapacity
                    | Reason::SellerLacksPermission
                    | Reason::NoTeam
                    | Reason::NoQueue
            )
        )
    }
}
