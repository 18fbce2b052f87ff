//! Races that a walk seldom comes upon, each set up on purpose.

use domain::assignment_rule::Method;
use domain::capacity::MaximumCapacity;
use domain::id::{Owner, SellerId};
use domain::reason::Reason;
use domain::seller::Role;
use domain::settings::Settings;

use crate::Case;
use crate::condition::Test;
use crate::plan::{GroupPlan, Pick, RulePlan, SellerPlan, seller_id};
use crate::step::{Batch, How, SellerChange, Step, Values};
use crate::world::World;

const BATCH: Batch = Batch { take: 99, most: 99, writer: 1, drawn: 1 };

/// Sellers with room for one lead each; any of them may get any lead as long as there is room.
fn organisation(sellers: usize) -> World {
    let seller = SellerPlan {
        role: Role::Salesperson,
        on: true,
        enabled: true,
        region: None,
        languages: vec![],
        hours: None,
        capacity: MaximumCapacity { maximum: Some(1), ..MaximumCapacity::default() },
        unit: None,
    };
    let rule = RulePlan {
        id: "".into(),
        condition: Test::Everything,
        active: true,
        created_within: None,
        pick: Pick::Any,
        method: Method::RoundRobin,
        within: None,
        respect_capacity: true,
    };
    let group = GroupPlan { open: true, region: None, types: [true, true] };
    Case {
        autumn: false,
        settings: Settings::default(),
        sellers: vec![seller; sellers],
        segments: [
            crate::with_default(0, (vec![], (vec![], rule.clone()))),
            crate::with_default(1, (vec![], (vec![], rule))),
        ],
        teams: vec![group.clone(); 3],
        queues: vec![group; 3],
        steps: vec![],
    }
    .world()
}

fn leads(count: usize) -> Step {
    let values = Values { topic: None, rating: None, value: None };
    Step::Arrive { kind: 0, values, count, owner: None, age: 0, how: How::Created }
}

fn take(world: &mut World, step: &Step) {
    world.take(step).and_then(|()| world.check()).unwrap();
}

fn owners(world: &World) -> Vec<Option<&SellerId>> {
    world.records.values().map(|record| record.owner.as_ref().and_then(Owner::seller)).collect()
}

#[test]
fn dist_16_of_two_writers_on_the_same_view_the_second_is_refused_and_decides_again() {
    let mut world = organisation(3);
    take(&mut world, &leads(2));
    let one = Batch { take: 1, ..BATCH };
    // The first has decided both leads when the second assigns one of them to the seller whose turn it is.
    take(&mut world, &Step::Race(BATCH, vec![Step::Deliver(one)]));
    assert_eq!(owners(&world), [Some(&seller_id(0)), Some(&seller_id(1))]);
    assert_eq!((world.figures.refusals, world.figures.runs["assigned"]), (1, 2));
}

#[test]
fn dist_18_who_was_switched_off_between_choice_and_commit_gets_nothing() {
    let mut world = organisation(2);
    take(&mut world, &leads(1));
    take(&mut world, &Step::Race(BATCH, vec![Step::ChangeSeller(0, SellerChange::On(false))]));
    assert_eq!(owners(&world), [Some(&seller_id(1))]);
    assert_eq!(world.figures.refusals, 1);
}

#[test]
fn dist_08_who_is_freed_while_it_is_decided_that_nobody_has_room_gets_the_record_after_all() {
    let mut world = organisation(1);
    take(&mut world, &leads(1));
    take(&mut world, &Step::Deliver(BATCH));
    take(&mut world, &leads(1));
    take(&mut world, &Step::Race(BATCH, vec![Step::Close(0)]));
    assert_eq!((world.figures.refusals, world.figures.marked_again), (0, 1));
    assert_eq!(world.figures.runs[Reason::NoCapacity.code()], 1);
    take(&mut world, &Step::Deliver(BATCH));
    assert_eq!(owners(&world), [Some(&seller_id(0)), Some(&seller_id(0))]);
}

#[test]
fn dist_08_a_reopened_record_takes_the_room_that_a_decision_relied_on() {
    let mut world = organisation(1);
    take(&mut world, &leads(1));
    take(&mut world, &Step::Deliver(BATCH));
    take(&mut world, &Step::Close(0));
    take(&mut world, &leads(1));
    take(&mut world, &Step::Race(BATCH, vec![Step::Reopen(0)]));
    assert_eq!(owners(&world), [Some(&seller_id(0)), None]);
    assert_eq!((world.figures.refusals, world.figures.runs[Reason::NoCapacity.code()]), (1, 1));
}
