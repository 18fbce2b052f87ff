//! An import of records from a table of text: which column of it fills which field, what a row proposes, and how far
//! the import has come. Not reading the file, and not believing what a row proposes (`record_draft`).

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value, json};

use crate::column::ColumnType;
use crate::fault::{Fault, Pointer};
use crate::id::RecordType;
use crate::record_type::RecordTypeDefinition;

/// How far an import has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Import {
    /// Its id; ids sort by the instant it began.
    pub id: String,
    /// What it imports.
    pub record_type: RecordType,
    /// Where it stands.
    pub status: ImportStatus,
    /// How many rows there are.
    pub received: u64,
    /// How many of them became records so far.
    pub created: u64,
    /// How many of them were refused so far.
    pub failed: u64,
    /// Who began it.
    pub created_by: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When this was written.
    pub updated_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

/// Where an import stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ImportStatus {
    /// Rows are still to be written.
    Running,
    /// Every row was written or refused.
    Done,
    /// Nothing was heard of it for too long. The same request under its `Idempotency-Key` completes it.
    Interrupted,
}

/// An import that says nothing for so long is interrupted.
const SILENCE: SignedDuration = SignedDuration::from_secs(60);

impl Import {
    /// As it stands at an instant: one that has been silent for too long is interrupted.
    #[must_use]
    pub fn at(mut self, now: Timestamp) -> Self {
        if self.status == ImportStatus::Running && now.duration_since(self.updated_at) > SILENCE {
            self.status = ImportStatus::Interrupted;
        }
        self
    }
}

/// What a cell of a row fills.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Id,
    Owner,
    CreatedOn,
    Field(String, ColumnType),
}

/// Which column of the table fills what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnMap {
    header: Vec<String>,
    places: Vec<Option<Place>>,
}

/// The columns that stand beside the fields, as in the body of a POST.
const BESIDE: [(&str, Place); 3] = [("id", Place::Id), ("owner", Place::Owner), ("createdOn", Place::CreatedOn)];

impl ColumnMap {
    /// Believes the header of a table and the pairs `column:field` that a client gave, or names everything that is wrong
    /// with them.
    ///
    /// A column that no pair names fills the field of its own name. Where there is none, it is left out if the client
    /// gave pairs at all, and refused if not, so that nothing is lost unnoticed.
    pub fn parse(
        header: &[String],
        pairs: Option<&[String]>,
        definition: &RecordTypeDefinition,
    ) -> Result<Self, Vec<Fault>> {
        let at_map = Pointer::root().join("map");
        let at_header = Pointer::root().join("header");
        let mut faults = vec![];
        let mut named: Vec<(&str, &str)> = vec![];
        for (index, pair) in pairs.into_iter().flatten().enumerate() {
            let at = at_map.join(index);
            match pair.rsplit_once(':').map(|(column, field)| (column.trim(), field.trim())) {
                Some((column, field)) if !column.is_empty() && !field.is_empty() => {
                    if !header.iter().any(|known| known == column) {
                        faults.push(Fault::new(&at, "unknownColumn", format!("the header has no column {column}")));
                    } else if named.iter().any(|(known, _)| *known == column) {
                        faults.push(Fault::new(&at, "repeated", format!("{column} stands twice")));
                    } else if place(field, definition).is_none() {
                        let message = format!("{} has no column {field}", definition.record_type);
                        faults.push(Fault::new(&at, "unknownField", message));
                    } else {
                        named.push((column, field));
                    }
                }
                _ => faults.push(Fault::new(&at, "wrongType", "must be column:field")),
            }
        }
        let mut places: Vec<Option<Place>> = vec![];
        for (index, column) in header.iter().enumerate() {
            let at = at_header.join(index);
            let pair = named.iter().find(|(known, _)| known == column);
            let found = place(pair.map_or(column.as_str(), |(_, field)| field), definition);
            if header[..index].contains(column) {
                faults.push(Fault::new(&at, "repeated", format!("the column {column} stands twice")));
            } else if found.is_some() && places.contains(&found) {
                faults.push(Fault::new(&at, "repeated", "fills what another column fills"));
            } else if found.is_none() && pairs.is_none() {
                let message =
                    format!("{} has no column {column}; map it, or leave it out with a map", definition.record_type);
                faults.push(Fault::new(&at, "unknownColumn", message));
            }
            places.push(found);
        }
        if header.is_empty() {
            faults.push(Fault::new(&at_header, "required", "the first line must name the columns"));
        } else if faults.is_empty() && places.iter().all(Option::is_none) {
            faults.push(Fault::new(&at_header, "required", "no column fills anything"));
        }
        if faults.is_empty() { Ok(Self { header: header.to_vec(), places }) } else { Err(faults) }
    }

    /// What a row proposes: the body of a POST, as far as text can say it. A cell that can't be read as its column's
    /// type stays text, for whoever believes the body to refuse.
    pub fn body(&self, cells: &[&str]) -> Result<Value, Fault> {
        if cells.len() != self.places.len() {
            let message = format!("has {} cells where the header has {}", cells.len(), self.places.len());
            return Err(Fault::new(&Pointer::root(), "wrongLength", message));
        }
        let mut fields = Map::new();
        let mut body = Map::new();
        for (place, cell) in self.places.iter().zip(cells) {
            match place {
                _ if cell.is_empty() => {}
                None => {}
                Some(Place::Id) => drop(body.insert("id".to_owned(), json!(cell))),
                Some(Place::CreatedOn) => drop(body.insert("createdOn".to_owned(), json!(cell))),
                Some(Place::Owner) => drop(body.insert("owner".to_owned(), owner(cell))),
                Some(Place::Field(name, column_type)) => drop(fields.insert(name.clone(), value(*column_type, cell))),
            }
        }
        body.insert("fields".to_owned(), Value::Object(fields));
        Ok(Value::Object(body))
    }
}

fn place(field: &str, definition: &RecordTypeDefinition) -> Option<Place> {
    let declared = definition.columns.iter().find(|column| column.name == field);
    let declared = declared.map(|column| Place::Field(column.name.clone(), column.column_type));
    declared.or_else(|| BESIDE.into_iter().find(|(name, _)| *name == field).map(|(_, place)| place))
}

/// `susana`, or `seller:susana`, `team:north`, `queue:desk`.
fn owner(cell: &str) -> Value {
    let (kind, id) = cell.split_once(':').unwrap_or(("seller", cell));
    json!({"kind": kind, "id": id})
}

fn value(column_type: ColumnType, cell: &str) -> Value {
    let text = || json!(cell);
    match column_type {
        ColumnType::Whole | ColumnType::Decimal | ColumnType::Money => {
            serde_json::from_str::<Number>(cell.trim()).map_or_else(|_| text(), Value::Number)
        }
        ColumnType::YesNo => match cell.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" => json!(true),
            "false" | "no" | "0" => json!(false),
            _ => text(),
        },
        ColumnType::MultiChoice => cell.split(';').map(|choice| json!(choice.trim())).collect(),
        ColumnType::Owner => owner(cell),
        ColumnType::Text
        | ColumnType::MultilineText
        | ColumnType::Choice
        | ColumnType::Lookup
        | ColumnType::Date
        | ColumnType::Id => text(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record_type::RecordTypes;

    fn map(header: &[&str], pairs: Option<&[&str]>) -> Result<ColumnMap, Vec<String>> {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let known = RecordTypes::built_in();
        let definition = known.get(&"lead".into()).unwrap();
        let faults =
            |faults: Vec<Fault>| faults.iter().map(|fault| format!("{} {}", fault.pointer, fault.code)).collect();
        ColumnMap::parse(&texts(header), pairs.map(texts).as_deref(), definition).map_err(faults)
    }

    #[test]
    fn a_column_fills_the_field_of_its_name_or_the_one_it_is_mapped_to() {
        let plain = map(&["id", "city", "employees"], None).unwrap();
        let body = plain.body(&["L-1", "Oslo", "12"]).unwrap();
        assert_eq!(body, json!({"id": "L-1", "fields": {"city": "Oslo", "employees": 12}}));
        let mapped = map(&["Company: name", "Rep", "city", "Notes"], Some(&["Company: name:companyName", "Rep:owner"]));
        let body = mapped.unwrap().body(&["Acme", "team:north", "", "later"]).unwrap();
        assert_eq!(body, json!({"owner": {"kind": "team", "id": "north"}, "fields": {"companyName": "Acme"}}));
    }

    #[test]
    fn every_fault_of_a_header_and_of_a_map_is_named_at_once() {
        let found = map(&["Company", "city", "city"], None).unwrap_err();
        assert_eq!(found, ["/header/0 unknownColumn", "/header/2 repeated"]);
        let pairs = ["Town:city", "Company:colour", "Company", "Company:topic", "Company:topic"];
        let found = map(&["Company", "topic"], Some(&pairs)).unwrap_err();
        let expected = [
            "/map/0 unknownColumn",
            "/map/1 unknownField",
            "/map/2 wrongType",
            "/map/4 repeated",
            "/header/1 repeated",
        ];
        assert_eq!(found, expected);
        assert_eq!(map(&["a", "b"], Some(&[])).unwrap_err(), ["/header required"]);
        assert_eq!(map(&[], None).unwrap_err(), ["/header required"]);
    }

    #[test]
    fn cells_are_read_as_their_columns_types() {
        let header = ["estimatedValue", "doNotCall", "lastActivityOn", "employees", "createdOn"];
        let map = map(&header, None).unwrap();
        let body = map.body(&["1200.50", "Yes", "2026-03-02", "many", "2026-03-02T08:00:00Z"]).unwrap();
        let fields = json!({
            "estimatedValue": serde_json::from_str::<Value>("1200.50").unwrap(), "doNotCall": true,
            "lastActivityOn": "2026-03-02", "employees": "many"
        });
        assert_eq!(body, json!({"createdOn": "2026-03-02T08:00:00Z", "fields": fields}));
        assert_eq!(map.body(&["1"]).unwrap_err().code, "wrongLength");
    }

    #[test]
    fn an_import_that_says_nothing_for_a_minute_is_interrupted() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let import = Import {
            id: "I".to_owned(),
            record_type: "lead".into(),
            status: ImportStatus::Running,
            received: 10,
            created: 3,
            failed: 1,
            created_by: "boris".to_owned(),
            started_at: at(0),
            updated_at: at(10),
            finished_at: None,
        };
        assert_eq!(import.clone().at(at(70)).status, ImportStatus::Running);
        assert_eq!(import.clone().at(at(71)).status, ImportStatus::Interrupted);
        assert_eq!(Import { status: ImportStatus::Done, ..import }.at(at(100)).status, ImportStatus::Done);
    }
}
