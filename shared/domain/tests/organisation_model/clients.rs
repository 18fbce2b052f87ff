//! What clients and other programs do to records, one at a time.

use std::collections::BTreeSet;

use domain::id::{Owner, RecordKey, RunId, SellerId};
use domain::mark::Cause;
use domain::record::{NewRecord, Record, State};
use domain::route::manual;
use domain::run::Status;
use domain::turn::Turn;
use jiff::SignedDuration;
use serde_json::{Map, Value, json};

use crate::book::Memory;
use crate::plan::{RATINGS, TOPICS, TYPES, queue_id, team_id};
use crate::reference::kind_of;
use crate::step::{How, Step, To, Values};
use crate::world::{World, one_of};

/// The most records of one organisation: beyond them, none arrive.
const MOST_RECORDS: usize = 120;

impl World {
    /// An assignment that no rule made: it counts for the order (DIST-03).
    fn give(&mut self, record: &Record, seller: &SellerId, writer: u8) {
        let (_, kind) = kind_of(record);
        let state = self.states.entry(seller.clone()).or_default();
        let turn = Turn::after(state.turn(), self.now, writer);
        state.turns.insert(kind.into(), turn);
        self.turns.insert(turn);
        self.desk.entry(seller.clone()).or_default().last.insert(kind, (self.now, 0, writer));
        self.round.clear();
    }

    /// One of the records for which this holds.
    fn record(&self, number: usize, which: impl Fn(&Record) -> bool) -> Option<Record> {
        let records: Vec<&Record> = self.records.values().filter(|record| which(record)).collect();
        one_of(&records, number).cloned()
    }

    pub(crate) fn arrive(&mut self, step: &Step) -> bool {
        let (kind, values, count, owner, age, how) = match step {
            Step::Arrive { kind, values, count, owner, age, how } => (*kind, values, *count, owner, *age, Some(*how)),
            Step::Foreign { kind, values, owner, .. } => (*kind, values, 1, owner, 0, None),
            _ => return false,
        };
        let owner = owner.and_then(|number| self.seller(number));
        let room = MOST_RECORDS.saturating_sub(self.records.len());
        for _ in 0..count.min(room) {
            let id = format!("R-{:04}", self.next());
            let mut fields = values.fields();
            if matches!(step, Step::Foreign { poison: true, .. }) {
                fields.insert("estimatedValue".to_owned(), json!("much"));
            }
            let new = NewRecord {
                key: RecordKey::new(TYPES[kind], id.as_str()),
                fields,
                owner: owner.clone().map(Owner::Seller),
                business_unit: owner.as_ref().and_then(|seller| self.known.unit_of(seller)).map(str::to_owned),
                created_on: Some(self.now - SignedDuration::from_hours(age)),
                route: how != Some(How::NotRouted),
                imported: how == Some(How::Imported),
                created_by: "client".to_owned(),
                tag: None,
            };
            let mut record = new.into_record(self.now);
            let wanted = match how {
                None | Some(How::Created) => Some(Cause::Created),
                Some(How::Imported) => Some(Cause::Imported),
                Some(How::NotRouted) => None,
            };
            if how.is_none() {
                (record.revision, record.counted, record.version, record.mark) = (0, false, 0, None);
            } else if let Some(seller) = &owner {
                self.give(&record, seller, 0);
                self.tick();
            }
            self.memories.insert(record.key.clone(), Memory { wanted, ..Memory::default() });
            self.figures.records += 1;
            self.write(None, Some(record));
        }
        room > 0
    }

    pub(crate) fn change(&mut self, step: &Step) -> bool {
        let active = |record: &Record| record.state == State::Active;
        let found = match step {
            Step::Patch { record, .. } | Step::Delete(record) => self.record(*record, |_| true),
            Step::Close(record) => self.record(*record, active),
            Step::Reopen(record) => self.record(*record, |record| !active(record)),
            Step::Sweep(record) => self.record(*record, Record::waits),
            Step::Ask(record, _) => self.record(*record, |record| active(record) && !record.waits()),
            _ => None,
        };
        let Some(before) = found else { return false };
        let mut memory = self.memories.remove(&before.key).unwrap();
        let after = match step {
            Step::Patch { values, unused, .. } => {
                let (kind, name) = kind_of(&before);
                let mut changes = Map::new();
                for (column, value) in values.columns() {
                    changes.insert(column.to_owned(), value.unwrap_or(Value::Null));
                }
                if *unused {
                    changes = [("stage".to_owned(), json!(format!("Stage {}", self.now)))].into_iter().collect();
                }
                let used = self.known.config.used(kind);
                let touched = changes.iter().filter(|(column, value)| {
                    before.fields.get(*column) != Some(*value).filter(|value| !value.is_null())
                });
                let touched: BTreeSet<&str> = touched.map(|(column, _)| column.as_str()).collect();
                let waits = memory.wanted.is_some();
                if active(&before) && !touched.is_empty() && (waits || touched.iter().any(|one| used.contains(one))) {
                    memory.wanted = memory.wanted.max(Some(Cause::Updated));
                }
                let used = self.known.organisation.rulebooks[&name.into()].used_columns();
                Some(before.clone().patched(&changes, used, self.now))
            }
            Step::Close(_) => {
                (memory.wanted, memory.owner_given) = (None, false);
                Some(before.clone().closed("lost", self.now))
            }
            Step::Reopen(_) => {
                memory.wanted = Some(Cause::Reopened);
                Some(before.clone().reopened(self.now))
            }
            Step::Sweep(_) => Some(before.clone().swept(self.now)),
            Step::Ask(_, cause) => {
                memory.wanted = Some(*cause);
                Some(before.clone().asked(*cause, None, self.now))
            }
            _ => None,
        };
        if after.is_some() {
            self.memories.insert(before.key.clone(), memory);
        }
        self.write(Some(&before), after);
        true
    }

    pub(crate) fn assign(&mut self, record: usize, to: To, writer: u8) -> bool {
        let owner = match to {
            To::Seller(number) => self.seller(number).map(Owner::Seller),
            To::Team(number) => Some(Owner::Team(team_id(number % 3))),
            To::Queue(number) => Some(Owner::Queue(queue_id(number % 3))),
        };
        let found = self.record(record, |record| record.state == State::Active);
        let (Some(before), Some(owner)) = (found, owner) else { return false };
        let mut run = manual(&before, owner.clone(), self.known.config.version, self.now);
        run.id = RunId::new(format!("M{}.0", self.next()));
        let unit = owner.seller().and_then(|seller| self.known.unit_of(seller));
        let after = before.clone().assigned(&run, unit, self.now);
        if let Owner::Seller(seller) = &owner {
            self.give(&before, seller, writer);
        }
        let memory = self.memories.get_mut(&before.key).unwrap();
        if before.revision == 0 {
            memory.wanted = Some(Cause::Created);
        }
        memory.owner_given = memory.wanted.is_some();
        memory.ended = Some(Status::Succeeded);
        memory.runs += 1;
        *self.figures.runs.entry("assigned by hand").or_insert(0) += 1;
        self.write(Some(&before), Some(after));
        true
    }
}

impl Values {
    fn columns(&self) -> [(&'static str, Option<Value>); 3] {
        [
            ("topic", self.topic.map(|topic| json!(TOPICS[topic]))),
            ("rating", self.rating.map(|rating| json!(RATINGS[rating]))),
            ("estimatedValue", self.value.map(|value| json!(value))),
        ]
    }

    fn fields(&self) -> Map<String, Value> {
        let present = self.columns().into_iter().filter_map(|(column, value)| Some((column.to_owned(), value?)));
        present.collect()
    }
}
