//! The pipeline as a calendar: who arrives and what ends on each day.

use std::collections::BTreeMap;

use jiff::civil::Date;
use local::demo::generate::Opportunity;

/// One day of the pipeline.
#[derive(Debug, Default)]
pub(crate) struct Day<'a> {
    /// The opportunities that come in.
    pub(crate) arrivals: Vec<&'a Opportunity>,
    /// The opportunities that end, with how: `won` or `lost`.
    pub(crate) ends: Vec<(&'a str, &'static str)>,
}

/// The days on which something happens, in order. What has no engage date arrives on the last of them.
pub(crate) fn days(rows: &[Opportunity]) -> BTreeMap<Date, Day<'_>> {
    let mut days: BTreeMap<Date, Day> = BTreeMap::new();
    for row in rows {
        if let Some(date) = row.engage_date {
            days.entry(date).or_default().arrivals.push(row);
        }
        if let Some(date) = row.close_date {
            let outcome = if row.deal_stage == "Won" { "won" } else { "lost" };
            days.entry(date).or_default().ends.push((&row.opportunity_id, outcome));
        }
    }
    if let Some((_, last)) = days.iter_mut().next_back() {
        last.arrivals.extend(rows.iter().filter(|row| row.engage_date.is_none()));
    }
    days
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use local::demo::generate::generate;

    use super::*;

    #[test]
    fn each_opportunity_arrives_once_and_ends_after_it_arrived_or_stays_open() {
        let crm = generate(3, 2_000);
        let mut arrived = BTreeMap::new();
        let mut ended = BTreeMap::new();
        for (date, day) in days(&crm.opportunities) {
            for row in day.arrivals {
                assert!(arrived.insert(row.opportunity_id.clone(), date).is_none());
                assert!(row.engage_date.is_none_or(|engaged| engaged == date));
            }
            for (id, outcome) in day.ends {
                assert!(arrived.contains_key(id), "{id} ends before it arrives");
                assert!(ended.insert(id.to_owned(), outcome).is_none());
            }
        }
        assert_eq!(arrived.len(), crm.opportunities.len());
        for row in &crm.opportunities {
            let outcome = ended.get(row.opportunity_id.as_str()).copied();
            let expected = match row.deal_stage.as_str() {
                "Won" => Some("won"),
                "Lost" => Some("lost"),
                _ => None,
            };
            assert_eq!(outcome, expected, "{row:?}");
        }
    }

    #[test]
    fn who_has_no_engage_date_arrives_on_the_last_day() {
        let mut crm = generate(3, 50);
        let late = crm.opportunities[0].opportunity_id.clone();
        crm.opportunities[0].engage_date = None;
        crm.opportunities[1].close_date = Some(date(2018, 2, 1));
        let days = days(&crm.opportunities);
        let (last, day) = days.iter().next_back().unwrap();
        assert_eq!(*last, date(2018, 2, 1));
        assert!(day.arrivals.iter().any(|row| row.opportunity_id == late));
    }
}
