//! Each kind of damage, and how it is told.

use store::to_do::ToDo;

use super::*;

const OWNER: Invariant = Invariant::OneOwner;
const DECIDED: Invariant = Invariant::DecidedOnce;

fn owner(id: &str) -> AttributeValue {
    AttributeValue::M(texts([("kind", "seller"), ("id", id)]))
}

/// The invariants that are broken, and what is told of each.
fn broken(report: &Report) -> Vec<(Invariant, String)> {
    let mut broken: Vec<_> = told(report).into_iter().map(|(invariant, told)| (invariant, told.to_owned())).collect();
    broken.sort();
    broken
}

/// What a check finds once this has happened.
async fn found(fixture: &Fixture) -> Vec<(Invariant, String)> {
    broken(&check(&fixture.store, at(300)).await)
}

#[tokio::test]
async fn an_owner_whom_no_run_gave_is_found() {
    let fixture = lived().await;
    let run = fixture.runs("given").await.remove(0);
    fixture.set("given", "owner", Some(owner("ben"))).await;
    let created_on = 1_772_445_601_000_i64;
    let shard = store::keys::shard("given");
    let expected = [
        (OWNER, format!("lead#given is owned by seller ben, but its last run {run} left it to team east.")),
        (
            OWNER,
            format!(
                "lead#given stands in the index of owners at team#east#{shard:x} lead#a#{created_on}; by its owner it \
                 is seller#ben lead#a#{created_on}."
            ),
        ),
    ];
    assert_eq!(found(&fixture).await, expected);
    // Two owners in one attribute.
    let both = AttributeValue::L(vec![owner("ana"), owner("ben")]);
    fixture.set("given", "owner", Some(both)).await;
    let told = "The owner of lead#given can't be read; one seller, team or queue is expected, or none.";
    assert_eq!(found(&fixture).await, [(OWNER, told.to_owned())]);
}

#[tokio::test]
async fn a_record_that_the_index_has_at_another_owner_is_found() {
    let fixture = lived().await;
    fixture.set("owned", "ownedBy", Some(AttributeValue::S("seller#ben".to_owned()))).await;
    let expected = "lead#owned stands in the index of owners at seller#ben lead#a#1772445806000; by its owner it is \
                    seller#ana lead#a#1772445806000.";
    let broken = found(&fixture).await;
    assert_eq!(broken[0], (OWNER, expected.to_owned()));
    // Ana is counted through the index.
    assert!(broken[1..].iter().all(|(invariant, _)| *invariant == Invariant::HeldCounters), "{broken:?}");
    fixture.set("owned", "ownedBy", None).await;
    assert!(found(&fixture).await[0].1.contains("at nowhere; by its owner it is seller#ana"));
}

#[tokio::test]
async fn a_change_that_was_decided_twice_is_found() {
    let fixture = lived().await;
    let runs = fixture.runs("again").await;
    fixture.rewrite_chunk(&runs[1], "twin", |run| run["id"] = json!("twin.0")).await;
    let expected = format!("Runs {} and twin.0 of lead#again both follow run {}; only one may.", runs[1], runs[2]);
    assert_eq!(found(&fixture).await, [(DECIDED, expected)]);
}

#[tokio::test]
async fn a_run_that_no_chain_leads_to_is_found() {
    let fixture = lived().await;
    let runs = fixture.runs("again").await;
    fixture.set("again", "run", Some(AttributeValue::S(runs[1].clone()))).await;
    let expected = format!("Run {} is stored for lead#again, last run {}, but no chain leads to it.", runs[0], runs[1]);
    assert_eq!(found(&fixture).await, [(DECIDED, expected)]);
    fixture.set("again", "run", None).await;
    let broken = found(&fixture).await;
    let unreached = broken.iter().filter(|(invariant, told)| *invariant == DECIDED && told.contains("names no run"));
    assert_eq!(unreached.count(), 4, "{broken:?}");
}

#[tokio::test]
async fn a_record_that_names_another_ones_run_is_found() {
    let fixture = lived().await;
    let run = fixture.runs("first").await.remove(0);
    // Created with an owner and never routed, it has no run of its own.
    fixture.set("owned", "runAt", Some(AttributeValue::N("1772445806000".to_owned()))).await;
    fixture.set("owned", "run", Some(AttributeValue::S(run.clone()))).await;
    let expected = format!("lead#owned names {run} as its last run, but no such run of it is stored.");
    let broken = found(&fixture).await;
    assert_eq!(broken[0], (DECIDED, expected));
    let counter = broken[1..]
        .iter()
        .all(|(invariant, told)| *invariant == Invariant::MonitorCounters && told.contains("succeeded"));
    assert!(counter, "it counts as processed now: {broken:?}");
}

#[tokio::test]
async fn a_chain_that_breaks_off_or_goes_in_a_circle_is_found() {
    let fixture = lived().await;
    let runs = fixture.runs("again").await;
    let [last, third, second, first] = runs.try_into().unwrap();
    // The first was decided in a chunk with others, so a later one is taken away.
    fixture.remove_chunk(&second).await;
    let expected = [
        (DECIDED, format!("Run {first} is stored for lead#again, last run {last}, but no chain leads to it.")),
        (DECIDED, format!("Run {third} of lead#again follows run {second}, but no such run of that record is stored.")),
    ];
    assert_eq!(found(&fixture).await, expected);
    fixture.remove_chunk(&last).await;
    let missing = format!("lead#again names {last} as its last run, but no such run of it is stored.");
    assert!(found(&fixture).await.contains(&(DECIDED, missing)));

    let fixture = lived().await;
    let runs = fixture.runs("again").await;
    let [last, third, second, first] = runs.try_into().unwrap();
    fixture.rewrite_chunk(&second, second.rsplit_once('.').unwrap().0, |run| run["previous"] = json!(last)).await;
    // The last run is followed by the second: neither that nor what lies before it is part of the chain.
    let unreached = |run: &str| {
        (DECIDED, format!("Run {run} is stored for lead#again, last run {last}, but no chain leads to it."))
    };
    assert_eq!(found(&fixture).await, [unreached(&first), unreached(&second)], "and not {third}");
}

#[tokio::test]
async fn runs_that_cannot_be_read_are_found() {
    let fixture = lived().await;
    let run = fixture.runs("reopened").await.remove(0);
    fixture.garble(&run).await;
    let chunk = run.rsplit_once('.').unwrap().0;
    let broken = found(&fixture).await;
    assert!(
        broken.contains(&(DECIDED, format!("The runs of chunk {chunk} can't be read; nothing is proved of them.")))
    );
    assert!(broken.iter().any(|(_, told)| told.starts_with("lead#reopened names")), "{broken:?}");
}

#[tokio::test]
async fn cap_09_what_a_seller_is_wrongly_kept_with_is_found() {
    let fixture = lived().await;
    let ids = ["ana".into(), "ben".into()];
    let states = fixture.store.seller_states(&ids).await.unwrap();
    let held = |n: usize| states[&ids[n]].held[&"lead".into()];
    fixture.drift("ana", 3).await;
    fixture.drift("ben", -1).await;
    let sentence = |name: &str, kept: i64, counted: i64| {
        let told =
            format!("Seller {name} is kept with {kept} held records of type lead, but owns {counted} active ones.");
        (Invariant::HeldCounters, told)
    };
    let expected = [sentence("ana", held(0) + 3, held(0)), sentence("ben", held(1) - 1, held(1))];
    assert_eq!(found(&fixture).await, expected);
}

#[tokio::test]
async fn cap_09_a_seller_whose_moving_part_is_gone_is_found() {
    let fixture = lived().await;
    let gone = fixture.client.delete_item().table_name(WORK);
    gone.set_key(Some(texts([("pk", "state#ana"), ("sk", "-")]))).send().await.unwrap();
    let broken = found(&fixture).await;
    assert_eq!(broken.len(), 1, "{broken:?}");
    assert!(broken[0].1.starts_with("Seller ana is kept with 0 held records of type lead, but owns"), "{broken:?}");
}

#[tokio::test]
async fn each_counter_of_the_monitor_is_held_against_the_records() {
    let fixture = lived().await;
    let rows = [
        ("status", "succeeded"),
        ("status", "needsAttention"),
        ("status", "reason.noSellerMatches"),
        ("segment#lead-new", "members"),
        ("segment#lead-new", "unassigned"),
        ("segment#lead-default", "members"),
    ];
    for (row, attribute) in rows {
        fixture.add("counts#lead#7", row, attribute, 5).await;
        let broken = found(&fixture).await;
        assert_eq!(broken.len(), 1, "{attribute}: {broken:?}");
        let (invariant, told) = &broken[0];
        assert_eq!(*invariant, Invariant::MonitorCounters);
        assert!(told.starts_with(&format!("The counter 'lead {row} {attribute}' is kept as")), "{told}");
        // Back, and the same total in other rows: nothing is wrong with that.
        fixture.add("counts#lead#7", row, attribute, -4).await;
        fixture.add("counts#lead#8", row, attribute, -1).await;
        assert_eq!(found(&fixture).await, []);
    }
}

#[tokio::test]
async fn a_mark_that_the_sweep_should_have_seen_to_is_found() {
    let fixture = lived().await;
    let store = &fixture.store;
    let marked = at(213);
    assert_eq!(told(&check(store, marked + jiff::SignedDuration::from_mins(30)).await).len(), 1, "the account");
    let report = check(store, marked + jiff::SignedDuration::from_mins(31)).await;
    let expected = format!("lead#waits has waited since {marked}, for 31 minutes; none may wait for more than 30.");
    assert!(told(&report).contains(&(Invariant::NoOverdueMark, &expected)), "{:?}", told(&report));
    let mut patient = Check::begin(store, 60, marked + jiff::SignedDuration::from_mins(21)).await.unwrap();
    while !patient.is_done() {
        patient.step(store, marked + jiff::SignedDuration::from_mins(22)).await.unwrap();
    }
    assert!(patient.report().is_clean());
}

#[tokio::test]
async fn a_run_without_record_is_found_unless_the_product_deleted_it() {
    let fixture = lived().await;
    let runs = fixture.runs("given").await;
    fixture.remove("given").await;
    let expected: Vec<_> = runs
        .iter()
        .map(|run| format!("Run {run} is of lead#given, which does not exist; its timeline shows no deletion."))
        .collect();
    let broken = found(&fixture).await;
    let of_runs: Vec<_> = broken.iter().filter(|(invariant, _)| *invariant == Invariant::RunHasRecord).collect();
    assert_eq!(of_runs.len(), 3);
    assert!(of_runs.iter().all(|(_, told)| expected.contains(told)), "{of_runs:?}");
}

#[tokio::test]
async fn a_member_of_a_segment_that_does_not_exist_is_found() {
    let fixture = lived().await;
    fixture.store.delete_segment(&"lead-new".into(), |_| Ok::<_, Error>(())).await.unwrap();
    assert_eq!(found(&fixture).await, [], "they are to leave it");
    let ToDo::Leave(former) = fixture.store.to_do_at("formerSegment#lead-new").await.unwrap().unwrap() else {
        panic!("another thing to do")
    };
    fixture.store.forget_former_segment(&former).await.unwrap();
    let broken = found(&fixture).await;
    assert_eq!(broken.len(), 6);
    let expected = "lead#first is a member of segment lead-new, which does not exist.".to_owned();
    assert!(broken.contains(&(Invariant::SegmentExists, expected)), "{broken:?}");
    assert!(broken.iter().all(|(invariant, _)| *invariant == Invariant::SegmentExists), "{broken:?}");
}
