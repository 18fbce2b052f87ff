//! Routing: a fold over a batch that gives one run per record, with its outcomes, reasons and trace.
//!
//! Deciding can't fail. Each record meets the roster as the earlier ones left it, so a batch of a hundred is spread
//! exactly as if they had come one by one (DESIGN.md "The journey of a lead", step 4).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::assignment_rule::{SellerPick, Target};
use crate::condition::{Context, Moment};
use crate::distribution::Choice;
use crate::group::{self, Chance, Found, Group};
use crate::id::{Owner, RecordType, RunId, SegmentId, SellerId};
use crate::in_periods::InPeriods;
use crate::lineup::Lineup;
use crate::mark::{Cause, Mark};
use crate::obstacle::Obstacle;
use crate::queue::Queue;
use crate::reason::Reason;
use crate::record::{LastRun, Record, State};
use crate::record_type::RecordTypeDefinition;
use crate::roster::Roster;
use crate::rulebook::{ReadyRule, ReadySegment, Rulebook, Tested};
use crate::run::{Assignment, Joined, RoutingRun, Segmentation, SequenceConnection, Status, Trace, Tried, Trigger};
use crate::segment::Segment;
use crate::seller::Role;
use crate::settings::Settings;
use crate::subject::Subject;
use crate::tally::Held;
use crate::team::Team;
use crate::turn::Turn;

/// What decisions are made by: what managers configured, compiled.
#[derive(Debug, Clone)]
pub struct Organisation {
    /// Settings in force.
    pub settings: Arc<Settings>,
    /// The roles whose holders may be given records (SEC-47).
    pub receiving: BTreeSet<Role>,
    /// The rulebook of every configured record type.
    pub rulebooks: BTreeMap<RecordType, Arc<Rulebook>>,
    /// The teams.
    pub teams: Arc<[Candidates<Team>]>,
    /// The queues.
    pub queues: Arc<[Candidates<Queue>]>,
}

/// A team or queue and how matchers see it.
#[derive(Debug, Clone)]
pub struct Candidates<T> {
    /// What is configured.
    pub group: Arc<T>,
    /// None when a stored value is not of its column's type any more.
    pub subject: Option<Subject>,
}

/// Relations of sellers to what they own ([`Organisation::owned_relations`]).
pub type OwnedRelations = BTreeMap<RecordType, BTreeMap<String, BTreeSet<String>>>;

impl Organisation {
    /// The types whose records count as assignments and as consumed capacity: those with an active rule (DIST-04,
    /// CAP-03).
    #[must_use]
    pub fn counting(&self) -> BTreeSet<RecordType> {
        self.rulebooks.iter().filter(|(_, rulebook)| rulebook.counts()).map(|(name, _)| name.clone()).collect()
    }

    /// Whether somebody with these roles may be given records: one of them may read them (SEC-47).
    #[must_use]
    pub fn receives(&self, roles: &[Role]) -> bool {
        roles.iter().any(|role| self.receiving.contains(role))
    }

    /// Whether a team may be given records (SEC-47). One without roles of its own may where a member may, or as long as it
    /// has none.
    #[must_use]
    pub fn team_receives<'a>(&self, team: &Team, roles_of: impl Fn(&SellerId) -> Option<&'a [Role]>) -> bool {
        let members = || team.member_ids.iter().filter_map(&roles_of);
        self.receives(&team.roles)
            || team.roles.is_empty() && (team.member_ids.is_empty() || members().any(|roles| self.receives(roles)))
    }

    /// The relations of sellers to what they own that some matcher looks at, by the type of what they own: each with the
    /// columns of it whose names are compared.
    #[must_use]
    pub fn owned_relations(&self, sellers: &RecordTypeDefinition) -> OwnedRelations {
        let mut relations = OwnedRelations::new();
        for (name, columns) in self.rulebooks.values().flat_map(|rulebook| &rulebook.seller_reads().relations) {
            let relation = sellers.relation(name).map(|(_, relation)| relation);
            if let Some(relation) = relation.filter(|relation| relation.lookup_column().is_none()) {
                let of_type = relations.entry(relation.record_type.clone()).or_default();
                of_type.entry(name.clone()).or_default().extend(columns.iter().cloned());
            }
        }
        relations
    }
}

/// A record that waits, and what conditions see of it.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// The record as it is now.
    pub record: Record,
    /// The record made ready for conditions, or why it can't be.
    pub subject: Result<Subject, Obstacle>,
}

/// The instant at which a batch is decided, and by whom.
#[derive(Debug, Clone, Copy)]
pub struct Present {
    /// The present.
    pub now: Timestamp,
    /// A byte that tells this writer's turns from those of another at the same millisecond.
    pub writer: u8,
    /// A number drawn for the batch: what is left to chance follows from it (RULE-40).
    pub drawn: u64,
}

/// What was decided about one record.
#[derive(Debug, Clone)]
pub struct Decision {
    /// The run; its id is given when it is committed.
    pub run: RoutingRun,
    /// The seller who was chosen, as read and as to be written.
    pub touched: Option<Touched>,
}

/// An assignment of a seller: what a commit relies on and what it writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touched {
    /// Who.
    pub seller: SellerId,
    /// The seller's last assignment as the decision saw it.
    pub seen_turn: Option<Turn>,
    /// The seller's generation as the decision saw it (DIST-18).
    pub seen_generation: u64,
    /// The records of counting types that the seller held as the decision saw it.
    pub seen_held: Held,
    /// The decision relied on the seller holding no more than that (DIST-08).
    pub capacity_mattered: bool,
    /// The new mark of the last assignment.
    pub turn: Turn,
    /// What the latest periods have brought, with this assignment (CAP-11).
    pub in_periods: InPeriods,
    /// The seller's business unit.
    pub business_unit: Option<String>,
}

/// Routes a batch in its order. The roster is left as the batch leaves it.
#[must_use]
pub fn route(
    organisation: &Organisation,
    roster: &mut Roster,
    arrivals: &[Arrival],
    present: Present,
) -> Vec<Decision> {
    let counting = organisation.counting();
    let settings = &organisation.settings;
    let moment = Moment::new(present.now, settings.time_zone.clone(), settings.first_weekday);
    let mut lineup = Lineup::new(organisation, &counting, &moment, roster.members().len());
    let sellers = roster.members().iter().find_map(|member| member.subject.as_ref());
    let relations = sellers.map(|seller| organisation.owned_relations(seller.definition())).unwrap_or_default();
    let mut largest_turn = roster.largest_turn();
    arrivals
        .iter()
        .map(|arrival| {
            let decision = decide(organisation, &lineup, roster, arrival, present, largest_turn);
            if let Some(touched) = &decision.touched {
                largest_turn = Some(touched.turn);
            }
            apply(roster, &mut lineup, &arrival.record, &decision);
            if let (Some(relations), Ok(subject)) = (relations.get(&arrival.record.key.record_type), &arrival.subject) {
                hand_over(roster, relations.keys(), subject, &arrival.record, &decision);
            }
            decision
        })
        .collect()
}

/// Moves the roster on by one decision: one record fewer for who had it and one more for who has it now, as their tallies
/// will say, and the turn of who was chosen.
fn apply(roster: &mut Roster, lineup: &mut Lineup<'_>, record: &Record, decision: &Decision) {
    // Another program's item counts from its adoption on, which is this run.
    if record.state == State::Inactive {
        return;
    }
    let before = record.owner.as_ref().filter(|_| record.counted);
    let after = owner_after(record, decision);
    for (owner, change) in [(before, -1), (after, 1)] {
        if let Some(position) = roster.hold(owner, &record.key.record_type, change) {
            lineup.forget(position);
        }
    }
    let Some(touched) = &decision.touched else { return };
    let Some(position) = roster.position(&touched.seller) else { return };
    lineup.forget(position);
    let state = roster.state_mut(position);
    state.turns.insert(record.key.record_type.clone(), touched.turn);
    state.in_periods.clone_from(&touched.in_periods);
}

/// Moves what matchers see of sellers on by one decision: the record is related to who has it now (COND-03).
fn hand_over<'a>(
    roster: &mut Roster,
    relations: impl Iterator<Item = &'a String>,
    subject: &Subject,
    record: &Record,
    decision: &Decision,
) {
    let (before, after) = (record.owner.as_ref(), owner_after(record, decision));
    if before == after || record.state == State::Inactive {
        return;
    }
    for relation in relations {
        if let Some(seller) = before.and_then(|owner| roster.subject_mut(owner)) {
            seller.remove_related(relation, record.key.id.as_str());
        }
        if let Some((owner, seller)) = after.and_then(|owner| Some((owner, roster.subject_mut(owner)?))) {
            seller.add_related(relation, Arc::new(subject.owned_by(owner)));
        }
    }
}

/// Who has a record after a decision. One that goes to a queue keeps its owner (RULE-41).
fn owner_after<'a>(record: &'a Record, decision: &'a Decision) -> Option<&'a Owner> {
    match &decision.run.assignment.owner {
        None | Some(Owner::Queue(_)) => record.owner.as_ref(),
        given => given.as_ref(),
    }
}

/// The run of an assignment by a person (MON-63): no rule, no check of capacity or availability.
#[must_use]
pub fn manual(record: &Record, owner: Owner, rulebook_version: u64, now: Timestamp) -> RoutingRun {
    RoutingRun {
        trigger: Trigger::Manual,
        segmentation: Segmentation::not_applicable(record.segment.clone()),
        assignment: Assignment {
            status: Status::Succeeded,
            reason: None,
            owner: Some(owner),
            ..Assignment::not_applicable(record.owner.clone())
        },
        error_details: None,
        ..undecidable(record, rulebook_version, Present { now, writer: 0, drawn: 0 }, String::new())
    }
}

/// The run of a record that can't be decided because something of ours is broken: it ends as a failure that people see,
/// and the batch goes on.
#[must_use]
pub fn undecidable(record: &Record, rulebook_version: u64, present: Present, details: String) -> RoutingRun {
    hindered(record, rulebook_version, present, Obstacle::broken(details))
}

/// The run of a record that can't be decided because of this.
#[must_use]
pub fn hindered(record: &Record, rulebook_version: u64, present: Present, obstacle: Obstacle) -> RoutingRun {
    RoutingRun {
        id: RunId::new(""),
        record_id: record.key.id.clone(),
        record_type: record.key.record_type.clone(),
        trigger: record.mark_or_adoption(present.now).cause.into(),
        rulebook_version,
        segmentation: Segmentation::not_applicable(record.segment.clone()),
        assignment: Assignment::failed(obstacle.reason, record.owner.clone()),
        sequence: SequenceConnection::not_applicable(),
        started_at: present.now,
        finished_at: present.now,
        error_details: Some(obstacle.details),
        trace: Trace::default(),
        previous: record.last.as_ref().map(|last| last.id.clone()),
    }
}

/// The run of an inactive record that another program asked for: it is in no segment, and its owner stays (SEG-60).
fn at_rest(record: &Record, rulebook_version: u64, present: Present) -> RoutingRun {
    RoutingRun {
        segmentation: Segmentation::not_applicable(None),
        assignment: Assignment::not_applicable(record.owner.clone()),
        error_details: None,
        ..undecidable(record, rulebook_version, present, String::new())
    }
}

fn decide(
    organisation: &Organisation,
    lineup: &Lineup<'_>,
    roster: &Roster,
    arrival: &Arrival,
    present: Present,
    largest_turn: Option<Turn>,
) -> Decision {
    let record = &arrival.record;
    let mark = record.mark_or_adoption(present.now);
    let rulebook = organisation.rulebooks.get(&record.key.record_type);
    let version = rulebook.map_or(0, |rulebook| rulebook.version);
    if record.state == State::Inactive {
        return Decision { run: at_rest(record, version, present), touched: None };
    }
    let (rulebook, subject) = match (rulebook, &arrival.subject) {
        (Some(rulebook), Ok(subject)) => (rulebook, subject),
        (_, Err(obstacle)) => return undecided(record, version, present, obstacle.clone()),
        (None, _) => {
            return undecided(record, version, present, Obstacle::broken("this record type is not configured"));
        }
    };
    let context = Context::at(lineup.moment);
    let mut trace = Trace::default();
    let mut error_details = None;
    let (segmentation, entered) = match segment(rulebook, record, &mark, subject, &context, &mut trace) {
        Ok(Segmented::Into(ready, entered)) => {
            let previous = record.segment.as_ref().filter(|id| rulebook.knows(id)).cloned();
            (entered.segmentation(&ready.segment, previous), Some((ready, entered)))
        }
        Ok(Segmented::StaysInactive(id)) => {
            (Segmentation::stays(id.clone(), rulebook.segment_names().get(id).cloned()), None)
        }
        Ok(Segmented::Nowhere) => (Segmentation::failed(Reason::NoSegment, None), None),
        Err(why) => {
            error_details = Some(why);
            (Segmentation::failed(Reason::SegmentError, record.segment.clone()), None)
        }
    };
    let mut touched = None;
    let assignment = match entered {
        // Segmentation failure stops the rest (MON-10), and an inactive segment runs no rules.
        None => Assignment::not_applicable(record.owner.clone()),
        // A person gave the owner while the record waited.
        Some(_) if mark.owner_given => Assignment::not_applicable(record.owner.clone()),
        Some((segment, entered)) => {
            let mut desk = Desk { organisation, lineup, roster, present, largest_turn, trace: &mut trace };
            match desk.assign(segment, entered, record, subject, &context) {
                Ok((assignment, chosen)) => {
                    touched = chosen;
                    assignment
                }
                Err(why) => {
                    error_details = Some(why);
                    Assignment::failed(Reason::ServerError, record.owner.clone())
                }
            }
        }
    };
    let moved = segmentation.joined == Some(Joined::Moved);
    let run = RoutingRun {
        id: RunId::new(""),
        record_id: record.key.id.clone(),
        record_type: record.key.record_type.clone(),
        trigger: if moved { Trigger::Moved } else { mark.cause.into() },
        rulebook_version: version,
        segmentation,
        assignment,
        sequence: SequenceConnection::not_applicable(),
        started_at: present.now,
        finished_at: present.now,
        error_details,
        trace,
        previous: record.last.as_ref().map(|last| last.id.clone()),
    };
    Decision { run, touched }
}

fn undecided(record: &Record, version: u64, present: Present, obstacle: Obstacle) -> Decision {
    Decision { run: hindered(record, version, present, obstacle), touched: None }
}

/// How a record comes to the segment it is in after the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entered {
    /// It is new to work assignment.
    Created,
    /// An update puts it into a segment; it was in none.
    Updated,
    /// It was in another one (SEG-54).
    Moved,
    /// It stays.
    Stays,
}

impl Entered {
    fn segmentation(self, segment: &Segment, previous: Option<SegmentId>) -> Segmentation {
        let (id, name) = (segment.id.clone(), segment.name.clone());
        match self {
            Self::Created => Segmentation::joined(id, name, previous, Joined::Created),
            Self::Updated => Segmentation::joined(id, name, previous, Joined::Updated),
            Self::Moved => Segmentation::joined(id, name, previous, Joined::Moved),
            Self::Stays => Segmentation::stays(id, Some(name)),
        }
    }
}

/// What segmentation says of a record.
enum Segmented<'a> {
    /// It is in this active segment.
    Into(&'a ReadySegment, Entered),
    /// It stays in a segment that was deactivated (SEG-03).
    StaysInactive(&'a SegmentId),
    /// No active segment matches (MON-41).
    Nowhere,
}

/// SEG-51 for a record without a segment; SEG-52…55 for a member that was updated.
fn segment<'a>(
    rulebook: &'a Rulebook,
    record: &'a Record,
    mark: &Mark,
    subject: &Subject,
    context: &Context<'_>,
    trace: &mut Trace,
) -> Result<Segmented<'a>, String> {
    let standing = record.segment.as_ref().filter(|id| rulebook.knows(id));
    let (standing, first) = match mark.cause {
        Cause::Created | Cause::Imported | Cause::Reopened => (None, Entered::Created),
        Cause::Updated | Cause::RunNow | Cause::Scheduled | Cause::Retried | Cause::CapacityFreed => {
            (standing, Entered::Updated)
        }
    };
    // Nothing of the record has changed: where it was put it stays, unless putting it there is what failed.
    let stays = mark.cause.is_asked() && !record.last.as_ref().is_some_and(LastRun::segmentation_failed);
    if let Some(standing) = standing.filter(|_| stays) {
        return Ok(match rulebook.segment(standing) {
            Some(ready) => Segmented::Into(ready, Entered::Stays),
            None => Segmented::StaysInactive(standing),
        });
    }
    let may_take = |segment: &Segment| {
        standing.is_none_or(|standing| segment.id == *standing || segment.move_previously_segmented)
    };
    let best = rulebook.first_match(subject, context, may_take, &mut trace.segments)?;
    Ok(match (best, standing) {
        (Some(best), None) => Segmented::Into(best, first),
        (None, None) => Segmented::Nowhere,
        (Some(best), Some(standing)) if best.segment.id != *standing => Segmented::Into(best, Entered::Moved),
        // SEG-55: it still matches, or nothing does and it keeps its membership.
        (_, Some(standing)) => match rulebook.segment(standing) {
            Some(ready) => Segmented::Into(ready, Entered::Stays),
            None => Segmented::StaysInactive(standing),
        },
    })
}

/// What choosing a seller needs, besides the record.
struct Desk<'a> {
    organisation: &'a Organisation,
    lineup: &'a Lineup<'a>,
    roster: &'a Roster,
    present: Present,
    largest_turn: Option<Turn>,
    trace: &'a mut Trace,
}

impl Desk<'_> {
    /// When rules run at all (RULE-50), which one is applied (RULE-11), and what it decides.
    fn assign(
        &mut self,
        segment: &ReadySegment,
        entered: Entered,
        record: &Record,
        subject: &Subject,
        context: &Context<'_>,
    ) -> Result<(Assignment, Option<Touched>), String> {
        let previous_owner = record.owner.clone();
        match entered {
            // An update takes a record from nobody (RULE-50, RULE-51).
            Entered::Stays | Entered::Updated if !record.is_unassigned() => {
                return Ok((Assignment::not_applicable(previous_owner), None));
            }
            _ if !segment.owns_rules => return Ok((Assignment::not_applicable(previous_owner), None)),
            Entered::Moved if !segment.segment.run_rules_on_move => {
                return Ok((Assignment::failed(Reason::RulesDoNotRunOnMove, previous_owner), None));
            }
            Entered::Created | Entered::Updated | Entered::Moved | Entered::Stays => {}
        }
        if segment.rules.is_empty() {
            return Ok((Assignment::failed(Reason::NoActiveRule, previous_owner), None));
        }
        for ready in &segment.rules {
            let rule = &ready.rule;
            let failed_on = match ready.condition.test(subject, context) {
                Tested::Holds => None,
                Tested::FailsOn(pointer) => Some(pointer),
                Tested::Broken(why) => return Err(format!("rule {}: {why}", rule.id)),
            };
            let matched = failed_on.is_none();
            self.trace.rules.push(Tried { id: rule.id.clone(), matched, failed_on });
            if matched {
                let applied = self.apply(ready, record, subject, context);
                return applied.map_err(|why| format!("rule {}: {why}", rule.id));
            }
        }
        Ok((Assignment::failed(Reason::NoConditionMet, previous_owner), None))
    }

    /// The applied rule decides, whether or not it finds somebody (RULE-12).
    fn apply(
        &mut self,
        ready: &ReadyRule,
        record: &Record,
        subject: &Subject,
        context: &Context<'_>,
    ) -> Result<(Assignment, Option<Touched>), String> {
        let rule = &ready.rule;
        let due_at = rule.created_within_hours.map(|hours| {
            let window = SignedDuration::from_hours(i64::from(hours));
            record.created_on.checked_add(window).unwrap_or(Timestamp::MAX)
        });
        let now = self.present.now;
        let ended = |outcome: Result<Owner, Reason>| Assignment {
            status: if outcome.is_ok() { Status::Succeeded } else { Status::Failed },
            reason: outcome.as_ref().err().copied(),
            rule_id: Some(rule.id.clone()),
            previous_owner: record.owner.clone(),
            // Past due and still unassigned; and nobody works within the window (DIST-09).
            overdue: outcome
                .as_ref()
                .is_err_and(|reason| *reason == Reason::NoAvailability || due_at.is_some_and(|due| due < now)),
            owner: outcome.ok(),
            due_at,
        };
        if due_at.is_some_and(|due| due < now) {
            return Ok((ended(Err(Reason::RecordTooOld)), None));
        }
        let context = context.routing(subject);
        let chance = Chance { drawn: self.present.drawn, record: &record.key };
        let outcome = match &rule.target {
            Target::Sellers(pick) => {
                let touched = self.seller(ready, pick, due_at, context)?;
                let owner = touched.as_ref().map(|touched| Owner::Seller(touched.seller.clone()));
                return Ok((ended(owner.map_err(|reason| *reason)), touched.ok()));
            }
            Target::Teams(pick) => {
                let settings = &self.organisation.settings;
                let eligible = |team: &&Candidates<Team>| settings.eligible_roles.admit(&team.group.roles);
                let teams = self.organisation.teams.iter().filter(eligible);
                let teams = teams.map(|team| Group {
                    id: &team.group.id,
                    subject: team.subject.as_ref(),
                    permitted: self.may_read(&team.group),
                });
                match group::find(pick, ready.matcher.as_ref(), teams, &context, &chance)? {
                    Found::One(id) => Ok(Owner::Team(id.clone())),
                    Found::Nobody => Err(Reason::NoTeam),
                    Found::NotPermitted => Err(Reason::SellerLacksPermission),
                    Found::Several => Err(Reason::SeveralTeams),
                }
            }
            Target::Queues(pick) => {
                // A type may have been disabled for queues since a queue and this rule named it (RULE-36).
                let any_takes = subject.definition().enabled_for_queues;
                let takes = |queue: &&Candidates<Queue>| {
                    any_takes && queue.group.enabled && queue.group.record_types.contains(&record.key.record_type)
                };
                let queues = self.organisation.queues.iter().filter(takes);
                let queues =
                    queues.map(|queue| Group { id: &queue.group.id, subject: queue.subject.as_ref(), permitted: true });
                match group::find(pick, ready.matcher.as_ref(), queues, &context, &chance)? {
                    Found::One(id) => Ok(Owner::Queue(id.clone())),
                    Found::Nobody | Found::NotPermitted => Err(Reason::NoQueue),
                    Found::Several => Err(Reason::SeveralQueues),
                }
            }
        };
        Ok((ended(outcome), None))
    }

    fn may_read(&self, team: &Team) -> bool {
        let member =
            |id: &SellerId| self.roster.position(id).map(|at| self.roster.members()[at].seller.roles.as_slice());
        self.organisation.team_receives(team, member)
    }

    /// The seller who gets the record, and the trace of everyone considered.
    fn seller(
        &mut self,
        ready: &ReadyRule,
        pick: &SellerPick,
        due: Option<Timestamp>,
        context: Context<'_>,
    ) -> Result<Result<Touched, Reason>, String> {
        let distribution = ready.rule.distribution.ok_or("a rule for sellers without a distribution")?;
        let matcher = ready.matcher.as_ref();
        let choice = Choice { lineup: self.lineup, context, pick, matcher, distribution, due };
        let (considered, reason) = choice.among(self.roster)?;
        considered.record(self.trace, self.lineup);
        let Some(member) = considered.chosen() else { return Ok(Err(reason.unwrap_or(Reason::NoSellerMatches))) };
        let state = &member.state;
        let of_counting =
            |record_type: &RecordType| (record_type.clone(), state.held.get(record_type).copied().unwrap_or(0));
        Ok(Ok(Touched {
            seller: member.seller.id.clone(),
            business_unit: member.seller.business_unit().map(str::to_owned),
            seen_turn: state.turn(),
            seen_generation: state.generation,
            seen_held: self.lineup.counting.iter().map(of_counting).collect(),
            capacity_mattered: distribution.respect_capacity,
            turn: Turn::after(self.largest_turn, self.present.now, self.present.writer),
            in_periods: state.in_periods.with_one_more(self.lineup.periods()),
        }))
    }
}
