//! Timelines: what happened to a record.

use domain::id::{Owner, RuleId, RunId, SegmentId};
use domain::reason::Reason;
use domain::record::{Record, State};
use domain::run::{Joined, RoutingRun, Trigger};
use jiff::Timestamp;
use serde::Serialize;
use store::timelines::Happening;
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

use super::{owner, run};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum TimelineKind {
    /// The record was created.
    Created,
    /// It was routed: segmented, and assigned where a rule says so.
    Routed,
    /// A person gave it to an owner.
    Assigned,
    /// It became inactive and left its segment.
    Closed,
    /// It became active again.
    Reopened,
}

/// One thing that happened to a record.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TimelineEntry {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What.
    #[schema(schema_with = kind)]
    pub kind: TimelineKind,
    /// Who created the record; null for all other entries.
    #[schema(required)]
    pub by: Option<String>,
    /// The run that tells more, for what was routed or assigned.
    #[schema(required, value_type = Option<String>)]
    pub run_id: Option<RunId>,
    /// What set the run going.
    #[schema(required, schema_with = trigger)]
    pub trigger: Option<Trigger>,
    /// The segment it was in afterwards.
    #[schema(required, value_type = Option<String>)]
    pub segment_id: Option<SegmentId>,
    /// The segment it was in before.
    #[schema(required, value_type = Option<String>)]
    pub previous_segment_id: Option<SegmentId>,
    /// How it came into its segment; null when it was in it already.
    #[schema(required, schema_with = run::joined)]
    pub joined: Option<Joined>,
    /// The rule that decided.
    #[schema(required, value_type = Option<String>)]
    pub rule_id: Option<RuleId>,
    /// Whom it was given to.
    #[schema(required, value_type = Option<owner::Owner>)]
    pub owner: Option<Owner>,
    /// Who had it before.
    #[schema(required, value_type = Option<owner::Owner>)]
    pub previous_owner: Option<Owner>,
    /// Why it needs attention.
    #[schema(required, schema_with = run::reason)]
    pub reason: Option<Reason>,
    /// How it was closed.
    #[schema(required)]
    pub status_reason: Option<String>,
}

fn kind() -> RefOr<Schema> {
    super::words(&["created", "routed", "assigned", "closed", "reopened"])
}

fn trigger() -> RefOr<Schema> {
    super::words_or_null(run::TRIGGERS)
}

impl TimelineEntry {
    /// What is shown of something that happened to a record.
    #[must_use]
    pub fn new(happening: Happening, record: &Record) -> Self {
        let blank = |at, kind| Self {
            at,
            kind,
            by: None,
            run_id: None,
            trigger: None,
            segment_id: None,
            previous_segment_id: None,
            joined: None,
            rule_id: None,
            owner: None,
            previous_owner: None,
            reason: None,
            status_reason: None,
        };
        match happening {
            Happening::Created => {
                Self { by: record.created_by.clone(), ..blank(record.created_on, TimelineKind::Created) }
            }
            Happening::StateChange(change) => {
                let kind = match change.state {
                    State::Inactive => TimelineKind::Closed,
                    State::Active => TimelineKind::Reopened,
                };
                Self { previous_segment_id: change.left, status_reason: change.status_reason, ..blank(change.at, kind) }
            }
            Happening::Run(run) => {
                let manual = run.trigger == Trigger::Manual;
                let kind = if manual { TimelineKind::Assigned } else { TimelineKind::Routed };
                let reason = run.reason();
                let RoutingRun { id, trigger, segmentation, assignment, finished_at, .. } = *run;
                Self {
                    run_id: Some(id),
                    trigger: Some(trigger),
                    segment_id: segmentation.segment_id,
                    previous_segment_id: segmentation.previous_segment_id,
                    joined: segmentation.joined,
                    rule_id: assignment.rule_id,
                    owner: assignment.owner,
                    previous_owner: assignment.previous_owner,
                    reason,
                    ..blank(finished_at, kind)
                }
            }
        }
    }
}
