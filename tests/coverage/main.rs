//! Which requirements the tests that just ran prove, as `docs/coverage.md`.
//!
//! `coverage LOG` reads what `cargo test` printed. A requirement is covered by a test whose name holds its id
//! (`seg_52_…`, or `SEG-52 …` for a row of a case table) and that ended `ok`. A requirement without one needs a reason in
//! `requirements.tsv`. With `UPDATE_DOCS=1` the document is written, otherwise it must be what the run makes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::process::ExitCode;
use std::{env, fs};

use anyhow::{Context, bail, ensure};
use regex::Regex;

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/coverage.md");
/// So many tests are named per requirement.
const NAMED: usize = 4;

/// A requirement, in the order of the specification.
struct Requirement {
    id: &'static str,
    title: &'static str,
    /// Why no test proves it.
    reason: Option<&'static str>,
}

fn requirements() -> anyhow::Result<Vec<Requirement>> {
    let lines = include_str!("requirements.tsv").lines();
    let read = |line: &'static str| {
        let mut parts = line.split('\t');
        let (id, title) = parts.next().zip(parts.next()).with_context(|| format!("not a requirement: {line}"))?;
        Ok(Requirement { id, title, reason: parts.next() })
    };
    lines.map(read).collect()
}

/// The tests that ended well, by the ids in their names.
fn proofs(log: &str) -> anyhow::Result<BTreeMap<String, BTreeSet<String>>> {
    let ended = Regex::new(r"(?m)^test (.+?)\s+\.\.\. ok$")?;
    let named = Regex::new(r"(?i)(?:^|[^a-z0-9])([a-z]+)[-_]([0-9]{2}[a-z]?)(?:$|[^a-z0-9])")?;
    let mut proofs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for test in ended.captures_iter(log).map(|found| found[1].to_owned()) {
        let name = test.rsplit("::").next().unwrap_or(&test);
        let mut from = 0;
        while let Some(found) = named.captures_at(name, from) {
            let id = format!("{}-{}", found[1].to_uppercase(), found[2].to_lowercase());
            from = found.get(2).map_or(name.len(), |part| part.end());
            proofs.entry(id).or_default().insert(name.to_owned());
        }
    }
    Ok(proofs)
}

fn document(requirements: &[Requirement], proofs: &BTreeMap<String, BTreeSet<String>>) -> anyhow::Result<String> {
    let covered = requirements.iter().filter(|requirement| proofs.contains_key(requirement.id)).count();
    let mut text = format!(
        "# What the tests prove\n\nMade by `UPDATE_DOCS=1 make test` from the names of the tests that ran; `make test` \
         fails when it is not what they make of it.\n\n{covered} of {} requirements of segments, rules and sellers are \
         proved by a test; the others say why not.\n\n| id | requirement | proved by |\n|---|---|---|\n",
        requirements.len()
    );
    for Requirement { id, title, reason } in requirements {
        let by = match (proofs.get(*id), reason) {
            (Some(tests), _) => {
                let mut named: Vec<String> = tests.iter().take(NAMED).map(|test| format!("`{test}`")).collect();
                if tests.len() > NAMED {
                    named.push(format!("and {} more", tests.len() - NAMED));
                }
                named.join("<br>")
            }
            (None, Some(reason)) => format!("*{reason}*"),
            (None, None) => bail!("no test is named by {id}, and requirements.tsv gives no reason"),
        };
        writeln!(text, "| {id} | {title} | {by} |")?;
    }
    Ok(text)
}

fn run() -> anyhow::Result<String> {
    let log = env::args().nth(1).context("which log?")?;
    let log = fs::read_to_string(&log).with_context(|| format!("{log} can't be read"))?;
    let (requirements, proofs) = (requirements()?, proofs(&log)?);
    let unproved = |requirement: &&Requirement| !proofs.contains_key(requirement.id);
    let open: Vec<&str> = requirements
        .iter()
        .filter(unproved)
        .filter(|requirement| requirement.reason.is_none())
        .map(|requirement| requirement.id)
        .collect();
    ensure!(open.is_empty(), "no test is named by {}, and no reason is given", open.join(", "));
    let stale: Vec<&str> = requirements
        .iter()
        .filter(|requirement| requirement.reason.is_some() && !unproved(requirement))
        .map(|requirement| requirement.id)
        .collect();
    ensure!(stale.is_empty(), "a test proves {}; the reason for having none is out of date", stale.join(", "));
    let document = document(&requirements, &proofs)?;
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(DOCUMENT, &document).context("docs/coverage.md can't be written")?;
    }
    let kept = fs::read_to_string(DOCUMENT).unwrap_or_default();
    ensure!(kept == document, "docs/coverage.md is not what this run makes of it: UPDATE_DOCS=1 make test");
    Ok(format!("{} of {}", requirements.len() - requirements.iter().filter(unproved).count(), requirements.len()))
}

fn main() -> ExitCode {
    match run() {
        Ok(covered) => {
            println!("requirements proved by a test: {covered}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_ended_well_proves_every_id_of_its_name() {
        let log = "test seg_52_seg_53_only_what_is_used ... ok\n\
                   test EX-07 DIST-06 the most room ... ok\n\
                   test module::cap_01_x ... FAILED\n\
                   test module::tests::cap_02_x        ... ok\n\
                   test sixteen_20 ... ok\n";
        let found = proofs(log).unwrap();
        let ids: Vec<&str> = found.keys().map(String::as_str).collect();
        assert_eq!(ids, ["CAP-02", "DIST-06", "EX-07", "SEG-52", "SEG-53", "SIXTEEN-20"]);
    }

    #[test]
    fn every_requirement_stands_once() {
        let requirements = requirements().unwrap();
        let ids: BTreeSet<&str> = requirements.iter().map(|requirement| requirement.id).collect();
        assert_eq!(ids.len(), requirements.len());
        assert!(requirements.iter().all(|requirement| !requirement.title.is_empty()));
    }
}
