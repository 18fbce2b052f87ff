//! Who of several sellers gets a lead: the worked examples and the rules of distribution as stories (SPEC.md section
//! 4.7, DIST-*, CAP-*).

mod support;

use support::story;

/// EX-07, EX-10, DIST-05…DIST-07.
#[test]
fn load_balancing_gives_to_who_has_the_most_room() {
    story::check(include_str!("stories/load-balancing.json"));
}

/// EX-08, EX-14, EX-15, DIST-08, DIST-17, CAP-01…CAP-08, CAP-11.
#[test]
fn capacity_is_what_the_maximum_leaves_of_what_counts() {
    story::check(include_str!("stories/capacity.json"));
}

/// EX-09, EX-11…EX-13, DIST-09…DIST-15.
#[test]
fn availability_prefers_who_works_soonest() {
    story::check(include_str!("stories/availability.json"));
}
