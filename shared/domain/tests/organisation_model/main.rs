//! A whole organisation that lives: records arrive, change and leave, managers change what is configured, time passes,
//! batches are handed over, twice, too late or two at a time; and after each step every promise is kept. The decisions
//! are those of the domain, the commits those of a store in memory, and both are held against a reference that reads the
//! specification off what was configured.
//!
//! `make soak` walks a million steps. A failure is printed as the few steps that lead to it and kept in the file `failures`,
//! from which the next run begins.

#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it set it up")]

use std::cell::RefCell;
use std::env;
use std::str::FromStr;

use domain::segment::default_id;
use domain::settings::Settings;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, RngSeed, TestError, TestRunner};

use condition::Test;
use figures::{Figures, promise};
use plan::{
    Config, GroupPlan, Pick, RulePlan, SegmentPlan, SellerPlan, TYPES, group_plan, rule_plan, segment_plan, seller_id,
    seller_plan, settings,
};
use step::{Batch, Step, step};
use world::{Outcome, World};

mod book;
mod clients;
mod condition;
mod delivery;
mod figures;
mod hours;
mod known;
mod managers;
mod plan;
mod promises;
mod races;
mod reference;
mod step;
#[path = "../support/mod.rs"]
mod support;
mod world;

/// Steps of the normal suite.
const STEPS: u64 = 10_000;

/// Organisations that one run of proptest brings; the next has another seed.
const AT_ONCE: u32 = 20;

/// An organisation as it is founded, and what happens to it.
#[derive(Debug, Clone)]
struct Case {
    autumn: bool,
    settings: Settings,
    sellers: Vec<SellerPlan>,
    segments: [Vec<SegmentPlan>; 2],
    teams: Vec<GroupPlan>,
    queues: Vec<GroupPlan>,
    steps: Vec<Step>,
}

fn case() -> impl Strategy<Value = Case> {
    let sellers = prop_oneof![
        19 => prop::collection::vec(seller_plan(), 1..9),
        1 => prop::collection::vec(seller_plan(), 49..56),
    ];
    let segments = || {
        let of_default = (prop::collection::vec(rule_plan(), 0..2), rule_plan());
        (prop::collection::vec(segment_plan(), 0..4), of_default)
    };
    let groups = || prop::collection::vec(group_plan(), 3);
    let settings = prop_oneof![1 => Just(Settings::default()), 1 => settings()];
    let steps = prop::collection::vec(step(), 1..=250);
    ((any::<bool>(), settings), sellers, (segments(), segments()), groups(), groups(), steps).prop_map(
        |((autumn, settings), sellers, (leads, opportunities), teams, queues, steps)| Case {
            autumn,
            settings,
            sellers,
            segments: [with_default(0, leads), with_default(1, opportunities)],
            teams,
            queues,
            steps,
        },
    )
}

/// Segments, and the rules of the default one with the last of them.
type Founded = (Vec<SegmentPlan>, (Vec<RulePlan>, RulePlan));

/// The default segment comes last, and its last rule lets any seller have whatever there is.
fn with_default(kind: usize, (mut segments, (mut rules, last)): Founded) -> Vec<SegmentPlan> {
    rules.push(RulePlan { condition: Test::Everything, active: true, created_within: None, pick: Pick::Any, ..last });
    segments.push(SegmentPlan {
        id: default_id(&TYPES[kind].into()),
        condition: Test::Everything,
        active: true,
        takes_members: false,
        runs_rules_on_move: false,
        rules,
    });
    segments
}

impl Case {
    /// The organisation begins to work a week before clocks change in Europe.
    fn world(&self) -> World {
        let now = if self.autumn { "2026-10-18T09:07:00Z" } else { "2026-03-22T09:07:00Z" };
        let now: Timestamp = now.parse().unwrap();
        let config = Config {
            version: 1,
            start: now.to_zoned(TimeZone::UTC).date(),
            settings: self.settings.clone(),
            segments: self.segments.clone(),
            sellers: self.sellers.iter().enumerate().map(|(n, plan)| (seller_id(n), plan.clone())).collect(),
            teams: self.teams.clone(),
            queues: self.queues.clone(),
        };
        World::new(config, now)
    }

    /// Takes every step, and in the end processes what still waits.
    fn walk(&self) -> Outcome<Figures> {
        let mut world = self.world();
        for (number, step) in self.steps.iter().enumerate() {
            world.take(step).and_then(|()| world.check()).map_err(|broken| format!("step {number}: {broken}"))?;
        }
        let batch = Batch { take: usize::MAX, most: 99, writer: 1, drawn: 1 };
        for _ in 0..20 {
            let waiting = world.waiting(batch.take);
            world.deliver(&waiting, batch, false)?;
            world.check()?;
        }
        let waiting = world.waiting(batch.take);
        promise!(world.figures, waiting.is_empty(), "nothing waits for ever: {waiting:?}");
        Ok(world.figures)
    }
}

fn number<T: FromStr>(name: &str, otherwise: T) -> T {
    env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Walks until so many steps are taken; seeds follow from the first one, so a walk can be repeated.
fn walk(steps: u64, seed: u64) -> Figures {
    let figures = RefCell::new(Figures::default());
    let mut told = 0;
    for n in 0.. {
        let config = ProptestConfig {
            cases: AT_ONCE,
            rng_seed: RngSeed::Fixed(seed + n),
            max_shrink_iters: 5_000,
            max_shrink_time: 60_000,
            failure_persistence: Some(Box::new(FileFailurePersistence::Direct("tests/organisation_model/failures"))),
            ..ProptestConfig::default()
        };
        let outcome = TestRunner::new(config).run(&case(), |case| {
            let walked = case.walk().map_err(TestCaseError::fail)?;
            figures.borrow_mut().add(&walked);
            Ok(())
        });
        if let Err(TestError::Fail(broken, case)) = outcome {
            panic!("seed {}: {broken}\n{case:#?}", seed + n);
        }
        outcome.unwrap();
        let taken = figures.borrow().all_steps();
        while told < 20 && taken * 20 >= steps * (told + 1) {
            told += 1;
            eprintln!("{:>3} % of {steps} steps", told * 5);
        }
        if taken >= steps {
            break;
        }
    }
    figures.into_inner()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "how fast the model walks is a figure of its own")]
fn seg_20_seg_53_seg_54_seg_55_seg_60_seg_62_rule_11_rule_12_rule_50_rule_51_dist_01_dist_08_dist_15_dist_16_dist_18_cap_01_cap_11_elig_03_mon_10_every_promise_is_kept_after_every_step()
 {
    let began = std::time::Instant::now();
    let figures = walk(number("BATON_SOAK_STEPS", STEPS), number("BATON_SOAK_SEED", 1));
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{figures}{:.0} steps a second, {seconds:.1} s",
        f64::from(u32::try_from(figures.all_steps()).unwrap()) / seconds
    );
    assert!(figures.refusals > 0, "commits were refused");
    assert!(figures.longest_round > 5, "rounds were long enough to be uneven");
}
