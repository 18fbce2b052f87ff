//! Imports: each row of a table becomes a record or a failure, and how far it has come can be read meanwhile.

use std::sync::Arc;

use api::shapes::record::{Import as Shape, ImportFailure, ImportResult};
use api::{Authorized, Csv, Filters, Page, Paging, Path, Problem, Seed};
use axum::Json;
use axum::extract::State;
use axum::http::header::{HeaderName, LOCATION};
use csv::{ByteRecord, Reader, ReaderBuilder};
use domain::fault::{Fault, Pointer};
use domain::id::RecordType;
use domain::import::{ColumnMap, Import, ImportStatus};
use domain::record::NewRecord;
use domain::record_type::RecordTypeDefinition;

use crate::Records;
use crate::create::{Maker, believe};
use crate::scope::definition;

/// So many rows are written before the progress is.
const ROWS_AT_ONCE: usize = 1_000;

/// The most rows of one import: as many as can be written while the gateway waits.
const MOST_ROWS: usize = 50_000;

/// So many failures are told one by one.
const MOST_FAILURES: usize = 1_000;

/// What an import is answered with: where its progress can be read, and how its rows fared.
type Answer = ([(HeaderName, String); 1], Json<ImportResult>);

/// `POST /v1/records/{type}/import`.
pub(crate) async fn import(
    State(records): State<Arc<Records>>,
    Path(record_type): Path<String>,
    authorized: Authorized,
    seed: Seed,
    filters: Filters,
    Csv(bytes): Csv,
) -> api::Result<Answer> {
    let record_type = RecordType::new(record_type);
    let knowledge = records.knowledge().await?;
    let definition = definition(&knowledge, &record_type)?;
    let table = Table::read(&bytes, filters.get("map"), definition)?;
    let route = filters.get("route").map(|word| word == "true");
    let mut maker = Maker::new(&record_type, &authorized, &knowledge, &seed);
    let mut progress = Import {
        id: seed.id(0),
        record_type: record_type.clone(),
        status: ImportStatus::Running,
        received: table.rows.len() as u64,
        created: 0,
        failed: 0,
        created_by: authorized.caller.sub.clone(),
        started_at: seed.at,
        updated_at: records.clock.now(),
        finished_at: None,
    };
    records.store.put_import(&progress).await?;
    let mut failures = Vec::new();
    let mut numbered = table.rows.iter().enumerate().zip(1..).peekable();
    while numbered.peek().is_some() {
        let (mut places, mut new): (Vec<usize>, Vec<NewRecord>) = (Vec::new(), Vec::new());
        for ((index, row), number) in numbered.by_ref().take(ROWS_AT_ONCE) {
            let believed = table.body(row).and_then(|body| believe(&body, &Pointer::root(), definition, &knowledge));
            let record = believed.and_then(|mut draft| {
                draft.route = route.unwrap_or(draft.owner.is_none());
                maker.record(draft, number, true)
            });
            match record {
                Ok(record) => {
                    places.push(index);
                    new.push(record);
                }
                Err(problem) => failures.push(ImportFailure { index, problem }),
            }
        }
        let created = records.store.create_records(new, records.clock.now()).await;
        for (index, outcome) in places.into_iter().zip(created) {
            match outcome {
                Ok(_) => progress.created += 1,
                Err(error) => failures.push(ImportFailure { index, problem: error.into() }),
            }
        }
        progress.failed = failures.len() as u64;
        progress.updated_at = records.clock.now();
        records.store.put_import(&progress).await?;
    }
    progress.status = ImportStatus::Done;
    progress.finished_at = Some(records.clock.now());
    records.store.put_import(&progress).await?;
    failures.sort_by_key(|failure| failure.index);
    let failed = failures.len();
    failures.truncate(MOST_FAILURES);
    let location = [(LOCATION, format!("/v1/records/{record_type}/import/{}", progress.id))];
    Ok((
        location,
        Json(ImportResult { received: table.rows.len(), created: table.rows.len() - failed, failed, failures }),
    ))
}

/// A table of text and what its columns fill.
struct Table {
    map: ColumnMap,
    rows: Vec<ByteRecord>,
}

impl Table {
    fn read(bytes: &[u8], map: Option<&str>, definition: &RecordTypeDefinition) -> api::Result<Self> {
        let mut reader = reader(bytes);
        let header = match reader.headers() {
            Ok(header) => header.iter().map(|name| name.trim().to_owned()).collect::<Vec<_>>(),
            Err(_) => {
                return Err(vec![Fault::new(&Pointer::root().join("header"), "wrongType", "must be UTF-8")].into());
            }
        };
        let map = ColumnMap::parse(&header, map.map(pairs).as_deref(), definition)?;
        let rows = rows(&mut reader);
        if rows.len() > MOST_ROWS {
            let message = format!("must have at most {MOST_ROWS} rows, has {}", rows.len());
            return Err(vec![Fault::new(&Pointer::root(), "tooManyRows", message)].into());
        }
        Ok(Self { map, rows })
    }

    fn body(&self, row: &ByteRecord) -> api::Result<serde_json::Value> {
        let cells: Result<Vec<&str>, _> = row.iter().map(std::str::from_utf8).collect();
        let cells = cells.map_err(|_| vec![Fault::new(&Pointer::root(), "wrongType", "must be UTF-8")])?;
        self.map.body(&cells).map_err(|fault| vec![fault].into())
    }
}

fn reader(bytes: &[u8]) -> Reader<&[u8]> {
    ReaderBuilder::new().flexible(true).from_reader(bytes)
}

/// What stands below the header. Whatever the bytes are, they are rows: a quote that is never closed ends with them.
fn rows(reader: &mut Reader<&[u8]>) -> Vec<ByteRecord> {
    let rows: Result<Vec<_>, _> = reader.byte_records().collect();
    rows.expect("bytes at hand can be read, and the rows of a flexible reader may differ in length")
}

/// The pairs of a map, which is a line of CSV itself, so that a column's name may hold a comma.
fn pairs(map: &str) -> Vec<String> {
    let mut reader = ReaderBuilder::new().has_headers(false).from_reader(map.as_bytes());
    let line = reader.records().next().and_then(Result::ok);
    line.map(|line| line.iter().map(ToOwned::to_owned).collect()).unwrap_or_default()
}

/// `GET /v1/records/{type}/import`.
pub(crate) async fn list(
    State(records): State<Arc<Records>>,
    Path(record_type): Path<String>,
    paging: Paging,
) -> api::Result<Page<Shape>> {
    let record_type = RecordType::new(record_type);
    definition(&*records.knowledge().await?, &record_type)?;
    let behind: Option<String> = paging.position()?;
    let now = records.clock.now();
    let mut found = records.store.imports(&record_type, behind.as_deref(), paging.limit + 1, now).await?;
    let next = paging.cut(&mut found, |import| import.id.clone());
    Ok(paging.page(found.into_iter().map(Shape::from).collect(), next.as_ref()))
}

/// `GET /v1/records/{type}/import/{importId}`.
pub(crate) async fn read(
    State(records): State<Arc<Records>>,
    Path((record_type, id)): Path<(String, String)>,
) -> api::Result<Json<Shape>> {
    let found = records.store.import(&RecordType::new(record_type), &id, records.clock.now()).await?;
    Ok(Json(found.ok_or_else(Problem::not_found)?.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong with a row is that row's failure.
    #[test]
    fn whatever_the_bytes_are_they_are_rows() {
        let tables: [(&[u8], usize); 8] = [
            (b"", 0),
            (b"city\n", 0),
            (b"city\nOslo,Rome\n\nBern\n", 2),
            (b"city,topic\nOslo\n", 1),
            (b"city\n\"Oslo\nRome", 1),
            (b"city\nOs\"lo\"\"\n\"a\"b\n", 2),
            (b"city\n\xff\xfe\n\0\n", 2),
            (b"city\rOslo\rRome", 2),
        ];
        for (table, expected) in tables {
            assert_eq!(rows(&mut reader(table)).len(), expected, "{}", table.escape_ascii());
        }
    }
}
