//! The rulebook: a record type's active segments and rules, compiled once per version and kept between invocations.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::assignment_rule::{AssignmentRule, RuleState, Target};
use crate::condition::{AttributeValues, CompiledCondition, Condition, Context, Reads, Schema};
use crate::fault::{Fault, Pointer};
use crate::id::{RuleId, SegmentId};
use crate::record_type::{RecordTypeDefinition, RecordTypes};
use crate::run::Tried;
use crate::segment::{Segment, SegmentState};
use crate::subject::Subject;

/// What a rulebook is compiled from, as it is stored.
#[derive(Debug, Clone)]
pub struct RulebookSource {
    /// Counts every change of the type's definition, segments and rules.
    pub version: u64,
    /// The type's columns.
    pub definition: Arc<RecordTypeDefinition>,
    /// All its segments in the order of priority, the default one last.
    pub segments: Vec<SegmentSource>,
}

/// A segment and all its rules in order.
#[derive(Debug, Clone)]
pub struct SegmentSource {
    /// The segment.
    pub segment: Segment,
    /// Its rules, active and inactive.
    pub rules: Vec<AssignmentRule>,
}

/// A condition made ready to be tested, or why it can't be: a column it names may have been removed since it was saved.
#[derive(Debug)]
pub enum Ready {
    /// It can be tested.
    Compiled {
        /// The condition.
        condition: CompiledCondition,
        /// What it reads.
        reads: Reads,
    },
    /// It can't; a record that reaches it can't be decided.
    Broken(String),
}

/// What became of testing a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tested {
    /// It holds.
    Holds,
    /// It does not; where the decision fell.
    FailsOn(Pointer),
    /// It could not be tested, and why.
    Broken(String),
}

impl Ready {
    fn of(condition: &serde_json::Value, schema: &Schema<'_>) -> Self {
        match Condition::parse(condition, &Pointer::root(), schema) {
            Ok(condition) => Self::Compiled { reads: condition.reads(), condition: condition.compile() },
            Err(faults) => Self::Broken(faults.first().map_or_else(String::new, describe)),
        }
    }

    /// Tests it.
    #[must_use]
    pub fn test(&self, subject: &Subject, context: &Context<'_>) -> Tested {
        match self {
            Self::Compiled { condition, .. } => match condition.matches(subject, context) {
                Ok(()) => Tested::Holds,
                Err(pointer) => Tested::FailsOn(pointer.clone()),
            },
            Self::Broken(why) => Tested::Broken(why.clone()),
        }
    }
}

fn describe(fault: &Fault) -> String {
    format!("the condition can no longer be read at '{}': {}", fault.pointer, fault.message)
}

/// An active segment, ready.
#[derive(Debug)]
pub struct ReadySegment {
    /// The segment.
    pub segment: Segment,
    /// Its condition.
    pub condition: Ready,
    /// Its active rules in order.
    pub rules: Vec<ReadyRule>,
    /// Whether it owns any rule, active or not (MON-08, MON-25).
    pub owns_rules: bool,
}

/// An active rule, ready.
#[derive(Debug)]
pub struct ReadyRule {
    /// The rule.
    pub rule: AssignmentRule,
    /// Its condition.
    pub condition: Ready,
    /// The matcher of its target, where it has one.
    pub matcher: Option<Ready>,
}

impl ReadyRule {
    fn of(rule: AssignmentRule, definition: &RecordTypeDefinition, record_types: &RecordTypes) -> Self {
        let matcher = rule.target.matcher().map(|(candidates, matcher)| {
            let Some(subject) = record_types.get(&candidates) else {
                return Ready::Broken(format!("there is no description of {candidates}"));
            };
            let attributes = AttributeValues::new();
            let schema = Schema::new(subject, record_types).routing(definition).with_attributes(&attributes);
            Ready::of(matcher, &schema.of_stored())
        });
        let condition = Ready::of(&rule.condition, &Schema::new(definition, record_types).of_stored());
        Self { rule, condition, matcher }
    }
}

/// A record type's active segments and rules, compiled.
#[derive(Debug)]
pub struct Rulebook {
    /// Counts every change of the type's definition, segments and rules.
    pub version: u64,
    /// The type's columns.
    pub definition: Arc<RecordTypeDefinition>,
    /// Active segments in the order of priority.
    segments: Vec<ReadySegment>,
    names: BTreeMap<SegmentId, String>,
    used_columns: BTreeSet<String>,
    reads: Reads,
    seller_reads: Reads,
    counts: bool,
}

impl Rulebook {
    /// Compiles what is stored. Inactive segments and rules take no part (SEG-25, RULE-13).
    #[must_use]
    pub fn compile(source: RulebookSource, record_types: &RecordTypes) -> Self {
        let definition = Arc::clone(&source.definition);
        let schema = Schema::new(&definition, record_types).of_stored();
        let counts =
            source.segments.iter().flat_map(|source| &source.rules).any(|rule| rule.state == RuleState::Active);
        let names =
            source.segments.iter().map(|source| (source.segment.id.clone(), source.segment.name.clone())).collect();
        let segments: Vec<ReadySegment> = source
            .segments
            .into_iter()
            .filter(|source| source.segment.state == SegmentState::Active)
            .map(|source| ReadySegment {
                condition: Ready::of(&source.segment.condition, &schema),
                segment: source.segment,
                owns_rules: !source.rules.is_empty(),
                rules: source
                    .rules
                    .into_iter()
                    .filter(|rule| rule.state == RuleState::Active)
                    .map(|rule| ReadyRule::of(rule, &definition, record_types))
                    .collect(),
            })
            .collect();
        let mut used_columns = BTreeSet::new();
        let (mut reads, mut seller_reads) = (Reads::default(), Reads::default());
        for segment in &segments {
            if let Ready::Compiled { reads: by_segment, .. } = &segment.condition {
                used_columns.extend(by_segment.columns.iter().cloned());
            }
            for condition in std::iter::once(&segment.condition).chain(segment.rules.iter().map(|rule| &rule.condition))
            {
                if let Ready::Compiled { reads: by_condition, .. } = condition {
                    reads.join(by_condition.clone());
                }
            }
            for rule in segment.rules.iter().filter(|rule| matches!(rule.rule.target, Target::Sellers(_))) {
                if let Some(Ready::Compiled { reads: by_matcher, .. }) = &rule.matcher {
                    seller_reads.join(by_matcher.clone());
                }
            }
        }
        Self {
            version: source.version,
            definition: source.definition,
            segments,
            names,
            used_columns,
            reads,
            seller_reads,
            counts,
        }
    }

    /// The columns of the record that an active segment's condition reads: a change of another one triggers nothing
    /// (SEG-52, SEG-53).
    #[must_use]
    pub fn used_columns(&self) -> &BTreeSet<String> {
        &self.used_columns
    }

    /// All that conditions of segments and rules read: what has to be loaded before a record is routed.
    #[must_use]
    pub fn reads(&self) -> &Reads {
        &self.reads
    }

    /// All that matchers read of sellers: what has to be loaded of them before they are matched.
    #[must_use]
    pub fn seller_reads(&self) -> &Reads {
        &self.seller_reads
    }

    /// Whether the type has an active rule, so that its records count as consumed capacity and as assignments (CAP-03,
    /// DIST-04).
    #[must_use]
    pub fn counts(&self) -> bool {
        self.counts
    }

    /// Whether a segment of this id exists, active or not. A deleted one reads as none (SEG-05).
    #[must_use]
    pub fn knows(&self, id: &SegmentId) -> bool {
        self.names.contains_key(id)
    }

    /// The names of all segments of the type, active and inactive.
    #[must_use]
    pub fn segment_names(&self) -> &BTreeMap<SegmentId, String> {
        &self.names
    }

    /// An active segment of this id.
    #[must_use]
    pub fn segment(&self, id: &SegmentId) -> Option<&ReadySegment> {
        self.segments.iter().find(|ready| ready.segment.id == *id)
    }

    /// The active rules of active segments.
    pub fn rules(&self) -> impl Iterator<Item = &ReadyRule> {
        self.segments.iter().flat_map(|ready| &ready.rules)
    }

    /// An active rule of this id.
    #[must_use]
    pub fn rule(&self, id: &RuleId) -> Option<&ReadyRule> {
        self.rules().find(|ready| ready.rule.id == *id)
    }

    /// The active segment of highest priority that may take the record and whose condition holds, with all that were
    /// tried on the way; an error when one on the way can't be tested.
    ///
    /// The one place where segments are searched: an index for thousands of them goes in here.
    pub fn first_match(
        &self,
        subject: &Subject,
        context: &Context<'_>,
        may_take: impl Fn(&Segment) -> bool,
        tried: &mut Vec<Tried<SegmentId>>,
    ) -> Result<Option<&ReadySegment>, String> {
        for ready in self.segments.iter().filter(|ready| may_take(&ready.segment)) {
            let id = ready.segment.id.clone();
            match ready.condition.test(subject, context) {
                Tested::Holds => {
                    tried.push(Tried { id, matched: true, failed_on: None });
                    return Ok(Some(ready));
                }
                Tested::FailsOn(pointer) => tried.push(Tried { id, matched: false, failed_on: Some(pointer) }),
                Tested::Broken(why) => return Err(format!("segment {id}: {why}")),
            }
        }
        Ok(None)
    }
}
