//! The monitor's counters against a count of the records, while records move.
//!
//! A look reads what is kept, counts all records, and reads what is kept once more. A counter whose shards were not the
//! same before and after has moved, and the look proves nothing of it. A counter is wrong when two looks found the same
//! difference and no shard of it moved from the beginning of the first to the end of the second. A shard could have moved
//! there and back; that both looks meet that and find the same difference is as good as impossible.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Breach, Invariant};

/// Counters as they are kept, shard by shard, by their names: `lead segment#lead-default members`.
pub type Kept = BTreeMap<String, Vec<i64>>;

/// Counters as the records say.
pub type Counted = BTreeMap<String, i64>;

/// A counter of which a look did not prove that it is right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsettled {
    kept: Vec<i64>,
    counted: i64,
    moved: bool,
}

/// How many counters there are, as kept or as counted; those that are zero both ways are none.
#[must_use]
pub fn how_many(kept: &Kept, counted: &Counted) -> u64 {
    let kept = kept.iter().filter(|(_, shards)| shards.iter().any(|count| *count != 0)).map(|(name, _)| name);
    let names: BTreeSet<&String> = kept.chain(counted.keys()).collect();
    u64::try_from(names.len()).unwrap_or(u64::MAX)
}

/// What a look left open.
#[must_use]
pub fn look(before: &Kept, counted: &Counted, after: &Kept) -> BTreeMap<String, Unsettled> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).chain(counted.keys()).collect();
    let unsettled = names.into_iter().filter_map(|name| {
        let of = |kept: &Kept| kept.get(name).cloned().unwrap_or_default();
        let (kept, counted, moved) = (of(after), counted.get(name).copied().unwrap_or(0), of(before) != of(after));
        let right = !moved && kept.iter().sum::<i64>() == counted;
        (!right).then(|| (name.clone(), Unsettled { kept, counted, moved }))
    });
    unsettled.collect()
}

/// What two looks prove of the counters that the first left open, and how many stay open.
#[must_use]
pub fn judge(first: &BTreeMap<String, Unsettled>, second: &BTreeMap<String, Unsettled>) -> (Vec<Breach>, u64) {
    let (mut breaches, mut void) = (Vec::new(), 0);
    for (name, earlier) in first {
        match second.get(name) {
            None => {}
            Some(later) if later == earlier && !later.moved => {
                let kept: i64 = later.kept.iter().sum();
                let sentence =
                    format!("The counter '{name}' is kept as {kept}, but {} records count in it.", later.counted);
                breaches.push(Breach::of(Invariant::MonitorCounters, name.clone(), sentence));
            }
            Some(_) => void += 1,
        }
    }
    (breaches, void)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "lead status succeeded";

    fn kept(shards: &[i64]) -> Kept {
        [(NAME.to_owned(), shards.to_vec())].into()
    }

    fn counted(count: i64) -> Counted {
        [(NAME.to_owned(), count)].into()
    }

    fn told(first: [&[i64]; 2], counts: [i64; 2], second: [&[i64]; 2]) -> (Vec<String>, u64) {
        let first = look(&kept(first[0]), &counted(counts[0]), &kept(first[1]));
        let second = look(&kept(second[0]), &counted(counts[1]), &kept(second[1]));
        let (breaches, void) = judge(&first, &second);
        (breaches.into_iter().map(|breach| breach.sentence).collect(), void)
    }

    #[test]
    fn a_counter_that_equals_its_count_is_right_and_one_that_does_not_move_is_wrong() {
        let still: [&[i64]; 2] = [&[2, 1], &[2, 1]];
        assert_eq!(told(still, [3, 3], still), (vec![], 0));
        let sentence = "The counter 'lead status succeeded' is kept as 3, but 2 records count in it.".to_owned();
        assert_eq!(told(still, [2, 2], still), (vec![sentence], 0));
    }

    #[test]
    fn a_counter_that_moves_is_never_wrong() {
        let (still, moved): ([&[i64]; 2], [&[i64]; 2]) = ([&[2, 1], &[2, 1]], [&[2, 1], &[2, 2]]);
        assert_eq!(told(moved, [2, 2], moved), (vec![], 1), "during both looks");
        assert_eq!(told(moved, [2, 2], still), (vec![], 1), "during the first");
        assert_eq!(told(still, [2, 2], moved), (vec![], 1), "during the second");
        assert_eq!(told(still, [2, 2], [&[1, 2], &[1, 2]]), (vec![], 1), "in between, with the same sum");
        assert_eq!(told(still, [2, 4], still), (vec![], 1), "the records moved");
        assert_eq!(told(moved, [2, 3], still), (vec![], 0), "the second look found it right");
    }

    #[test]
    fn what_is_kept_or_counted_alone_is_looked_at_and_zero_is_none() {
        let (nothing, none) = (Kept::new(), Counted::new());
        assert_eq!(how_many(&kept(&[0, 0]), &none), 0);
        assert_eq!(how_many(&kept(&[1, -1]), &none), 1);
        assert_eq!(how_many(&nothing, &counted(1)), 1);
        assert!(look(&kept(&[1, -1]), &none, &kept(&[1, -1])).is_empty());
        let only_counted = look(&nothing, &counted(1), &nothing);
        assert_eq!(judge(&only_counted, &only_counted).0.len(), 1);
        let only_kept = look(&kept(&[1]), &none, &kept(&[1]));
        assert_eq!(judge(&only_kept, &only_kept).0.len(), 1);
    }
}
