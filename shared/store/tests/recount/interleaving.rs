//! Whatever happens before, during and between looks, what is kept right is never taken for wrong.

use domain::recount::Look;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use super::*;

const SELLERS: [&str; 2] = ["miriam", "susana"];

/// What is done to one of a case's records, and whether its index entry is late.
#[derive(Debug, Clone, Copy)]
struct Step {
    record: usize,
    doing: Doing,
    late: bool,
}

#[derive(Debug, Clone, Copy)]
enum Doing {
    Assign(usize),
    Close,
    Reopen,
    Delete,
}

/// What happens in the minute before a look, while it counts, and before it is confirmed.
type Minute = [Vec<Step>; 3];

fn step(late: bool) -> impl Strategy<Value = Step> {
    let doing = prop_oneof![
        3 => (0..SELLERS.len()).prop_map(Doing::Assign),
        4 => Just(Doing::Close),
        4 => Just(Doing::Reopen),
        1 => Just(Doing::Delete),
    ];
    let late = if late { any::<bool>().boxed() } else { Just(false).boxed() };
    (0..3_usize, doing, late).prop_map(|(record, doing, late)| Step { record, doing, late })
}

fn minutes(late: bool) -> impl Strategy<Value = Vec<Minute>> {
    let steps = || prop::collection::vec(step(late), 0..3);
    prop::collection::vec([steps(), steps(), steps()], 2..5)
}

/// One case: its records and sellers are its own.
struct Case<'a> {
    fixture: &'a Fixture,
    number: usize,
    late: Vec<Entry>,
}

impl Case<'_> {
    fn seller(&self, seller: usize) -> String {
        format!("{}-{}", SELLERS[seller], self.number)
    }

    async fn happen(&mut self, steps: &[Step], now: Timestamp) {
        let store = &self.fixture.store;
        for step in steps {
            let id = format!("L-{}-{}", self.number, step.record);
            let before = entry(self.fixture, &id).await;
            // A record that was deleted, or is in the wrong state, stays as it is.
            let _ = match step.doing {
                Doing::Assign(seller) => assign(store, &id, &self.seller(seller), now).await,
                Doing::Close => close(store, &id, now).await,
                Doing::Reopen => reopen(store, &id, now).await,
                Doing::Delete => change(store, &id, now, |_| Change::Deleted).await,
            };
            let (Some(before), Some(after)) = (before, entry(self.fixture, &id).await) else { continue };
            // The index is late with what was written to it: it still shows what was before.
            if step.late && before.owned != after.owned {
                show(self.fixture, Entry { owned: before.owned, ..after.clone() }).await;
                self.late.push(after);
            }
        }
    }

    async fn run(&mut self, minutes: &[Minute]) -> Result<(), TestCaseError> {
        let (store, never_late) = (&self.fixture.store, !minutes.iter().flatten().flatten().any(|step| step.late));
        for record in 0..3 {
            create(store, &format!("L-{}-{record}", self.number), &self.seller(record % 2), at(0)).await;
        }
        let sellers = [self.seller(0), self.seller(1)];
        let sellers = [sellers[0].as_str(), sellers[1].as_str()];
        let mut suspects: BTreeMap<SellerId, Look> = BTreeMap::new();
        for (minute, [before, counting, confirming]) in (1_i64..).zip(minutes) {
            for entry in std::mem::take(&mut self.late) {
                show(self.fixture, entry).await;
            }
            let now = at(60 * minute);
            self.happen(before, now).await;
            let read = states(store, &sellers).await;
            self.happen(counting, now).await;
            let mut looks = Vec::new();
            for (seller, state) in &read {
                let counted = store.count_held(seller, &state.held, &[lead()], now).await.unwrap();
                looks.extend(Look::differing(seller, now, state, &counted));
            }
            self.happen(confirming, now).await;
            let confirmed = states(store, &sellers).await;
            for look in looks.into_iter().filter(|look| look.stands(&confirmed[&look.seller])) {
                prop_assert!(!never_late, "the index shows all, so this look mixed two instants: {look:?}");
                prop_assert!(!suspects.get(&look.seller).is_some_and(|earlier| look.proves(earlier)), "{look:?}");
                suspects.insert(look.seller.clone(), look);
            }
        }
        Ok(())
    }
}

fn check(late: bool, cases: u32) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let fixture = runtime.block_on(Fixture::start());
    let number = std::cell::Cell::new(0);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&minutes(late), |minutes| {
            number.set(number.get() + 1);
            runtime.block_on(Case { fixture: &fixture, number: number.get(), late: vec![] }.run(&minutes))
        })
        .unwrap();
}

#[test]
fn cap_09_no_look_that_stands_differs_whatever_is_done_meanwhile() {
    check(false, 60);
}

#[test]
fn cap_09_no_two_looks_prove_a_drift_whatever_is_done_and_however_late_the_index_is_within_a_minute() {
    check(true, 60);
}
