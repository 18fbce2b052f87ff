//! The matrix of roles: every operation of the OpenAPI document as every role, as somebody without a known one and as
//! nobody, each answered as `docs/privileges.md` says (SEC-03, SEC-60 to SEC-79a).

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use anyhow::{Context as _, ensure};
use journeys::client::{Answer, Client};
use journeys::running_stack::RunningStack;
use reqwest::Method;
use serde_json::{Value, json};

const TABLE: &str = include_str!("../../../docs/privileges.md");
const DOCUMENT: &str = include_str!("../../../shared/api/openapi.json");

const NO_KNOWN_ROLE: &str = "no known role";
const NOBODY: &str = "nobody";

/// How far a role goes with an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    No,
    Own,
    BusinessUnit,
    Yes,
}

/// A row of the table of operations.
struct Row {
    id: String,
    /// It speaks of the members of a body that take more than the operation itself.
    beyond: bool,
    method: Method,
    path: String,
    levels: BTreeMap<String, Level>,
}

fn rows() -> anyhow::Result<Vec<Row>> {
    let lines = TABLE.lines().skip_while(|line| !line.starts_with("| Operation")).take_while(|line| !line.is_empty());
    let mut lines = lines.map(|line| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>());
    let columns = lines.next().context("docs/privileges.md has no table of operations")?;
    let of_line = |cells: Vec<&str>| {
        let level = |cell: &str| match cell {
            "yes" => Ok(Level::Yes),
            "business unit" => Ok(Level::BusinessUnit),
            "own" => Ok(Level::Own),
            "–" => Ok(Level::No),
            other => Err(anyhow::anyhow!("{other} is no level")),
        };
        let levels = columns[4..].iter().zip(&cells[4..]).map(|(name, cell)| Ok(((*name).to_owned(), level(cell)?)));
        let (id, beyond) = cells[0].split_once(' ').map_or((cells[0], false), |(id, _)| (id, true));
        let (method, path) = (cells[1].parse()?, cells[2].trim_matches('`').to_owned());
        Ok(Row { id: id.to_owned(), beyond, method, path, levels: levels.collect::<anyhow::Result<_>>()? })
    };
    lines.skip(1).map(of_line).collect()
}

/// What is sent and which answers are right.
struct Attempt {
    what: &'static str,
    path: String,
    body: Option<Value>,
    /// The statuses that are right; empty when any is that shows that the caller was let pass.
    statuses: &'static [u16],
    /// How many items the list must hold, if it is one.
    items: Option<usize>,
}

impl Attempt {
    fn new(what: &'static str, path: String, body: Option<Value>, statuses: &'static [u16]) -> Self {
        Self { what, path, body, statuses, items: None }
    }

    /// What is wrong with an answer.
    fn wrong(&self, answer: &Answer) -> Option<String> {
        let passed = (200..300).contains(&answer.status) || [404, 409, 412, 415, 422].contains(&answer.status);
        let right = if self.statuses.is_empty() { passed } else { self.statuses.contains(&answer.status) };
        let found = answer.body["items"].as_array().map(Vec::len);
        match self.items {
            _ if !right => {
                Some(format!("{}: {} instead of {:?}: {}", self.what, answer.status, self.statuses, answer.body))
            }
            Some(items) if found != Some(items) => Some(format!("{}: {found:?} items instead of {items}", self.what)),
            _ => None,
        }
    }
}

const LET_PASS: &[u16] = &[];
const ALLOWED: &[u16] = &[200, 201, 204, 409, 422];
const LISTED: &[u16] = &[200];
const FORBIDDEN: &[u16] = &[403];
const ABSENT: &[u16] = &[404];
const REFUSED: &[u16] = &[403, 404];
const UNAUTHORIZED: &[u16] = &[401];

/// A stack with an organisation in which everybody has a colleague and a stranger.
struct World {
    stack: RunningStack,
    administrator: Client,
    document: Value,
    rows: Vec<Row>,
    made: usize,
}

impl World {
    async fn prepare() -> anyhow::Result<Self> {
        let stack = RunningStack::start().await?;
        let (document, administrator) = (serde_json::from_str(DOCUMENT)?, stack.administrator());
        let world = Self { stack, administrator, document, rows: rows()?, made: 0 };
        // The people of the document's examples, and the stranger.
        for id in ["susana", "alan", "stranger"] {
            world.seller(id, "south", "").await?;
        }
        for role in world.rows[0].levels.keys().filter(|role| !role.contains(' ') && *role != NOBODY) {
            world.seller(&format!("me-{role}"), "north", "").await?;
            world.seller(&format!("mate-{role}"), "north", &format!("me-{role}")).await?;
        }
        let covered: BTreeSet<(String, String)> =
            world.rows.iter().map(|row| (row.method.to_string().to_lowercase(), row.path.clone())).collect();
        let paths = world.document["paths"].as_object().context("the document has no paths")?;
        let documented = paths.iter().flat_map(|(path, item)| {
            let methods = item.as_object().into_iter().flatten().map(|(method, _)| method.clone());
            methods.map(move |method| (method, path.clone()))
        });
        let documented: BTreeSet<_> = documented.collect();
        ensure!(documented == covered, "openapi.json and docs/privileges.md name different operations");
        Ok(world)
    }

    async fn seller(&self, id: &str, unit: &str, manager: &str) -> anyhow::Result<()> {
        let body = seller(id, unit, manager);
        self.administrator.post("/v1/sellers", &body).await?.expect(201).map(drop)
    }

    async fn record_of(&self, owner: &str) -> anyhow::Result<String> {
        let body = json!({"fields": {}, "owner": {"kind": "seller", "id": owner}, "route": false});
        let record = self.administrator.post("/v1/records/lead", &body).await?.expect(201)?;
        Ok(record["id"].as_str().unwrap_or_default().to_owned())
    }

    fn client(&self, column: &str) -> Client {
        match column {
            NOBODY => self.stack.nobody(),
            NO_KNOWN_ROLE => self.stack.client("janitor", "janitor"),
            role => self.stack.client(role, &format!("me-{role}")),
        }
    }

    fn level(&self, method: &Method, path: &str, role: &str) -> Level {
        let row = self.rows.iter().find(|row| row.method == *method && row.path == path && !row.beyond);
        row.and_then(|row| row.levels.get(role).copied()).unwrap_or(Level::No)
    }

    /// The example of an operation's body.
    fn example(&self, method: &str, path: &str) -> anyhow::Result<Option<Value>> {
        let body = &self.document["paths"][path][method]["requestBody"];
        if body.is_null() {
            return Ok(None);
        }
        // Another kind of body is refused as no JSON (415), but only to who was let pass.
        let Some(json) = body["content"].get("application/json") else { return Ok(Some(json!({}))) };
        let reference = json["schema"]["$ref"].as_str().unwrap_or_default();
        let example = self.document.pointer(&format!("{}/example", reference.trim_start_matches('#')));
        example.cloned().map(Some).with_context(|| format!("the body of {method} {path} has no example"))
    }

    /// The id of something new below a collection; of something absent where the example can't be created.
    async fn instance(&mut self, collection: &str) -> anyhow::Result<String> {
        self.made += 1;
        let (made, path) = (self.made, collection);
        if path == "/v1/monitor/{type}/records" {
            return self.record_of("stranger").await;
        }
        let path = if path == "/v1/rules" { "/v1/segments/{id}/rules" } else { path };
        let Ok(Some(mut body)) = self.example("post", path) else { return Ok("absent".to_owned()) };
        match path {
            "/v1/sellers" => body = seller(&format!("made-{made}"), "south", ""),
            "/v1/segments/{id}/rules" => body["state"] = json!("inactive"),
            "/v1/records/{type}" => return self.record_of("stranger").await,
            _ => {}
        }
        if let Some(id) = body.get_mut("id") {
            *id = json!(format!("made-{made}"));
        }
        let path = path.replace("{type}", "lead").replace("{id}", "lead-default");
        let answer = self.administrator.post(&path, &body).await?;
        let named = answer.body["id"].as_str().or_else(|| body["name"].as_str()).unwrap_or("absent");
        Ok(named.to_owned())
    }

    /// The path with something in the place of what varies.
    async fn address(&mut self, path: &str) -> anyhow::Result<String> {
        let mut address = String::new();
        for part in path.split('/').skip(1) {
            let part = match (part, address.as_str()) {
                ("{type}", _) => "lead".to_owned(),
                // The one whose definition nobody needs here.
                ("{name}", "/v1/roles") => "sales-team-member".to_owned(),
                (varies, collection) if varies.starts_with('{') => {
                    let collection = collection.replace("/lead", "/{type}");
                    self.instance(&collection).await?
                }
                (fixed, _) => fixed.to_owned(),
            };
            address = format!("{address}/{part}");
        }
        Ok(address)
    }

    async fn body(&self, row: &Row, address: &str) -> anyhow::Result<Option<Value>> {
        match row.id.as_str() {
            "changeSettings" if row.beyond => Ok(Some(json!({"timeZone": "UTC"}))),
            "changeSettings" => Ok(Some(json!({"eligibleRoles": "all"}))),
            // The example closes an opportunity.
            "closeRecord" => Ok(Some(json!({"outcome": "deactivated"}))),
            "replaceRole" => Ok(Some(self.administrator.get(address).await?.expect(200)?)),
            _ => {
                let mut body = self.example(row.method.as_str().to_lowercase().as_str(), &row.path)?;
                // Something is replaced as what it is, and what is created has an id of its own.
                if let Some(members) = body.as_mut().and_then(Value::as_object_mut) {
                    members.remove("id");
                }
                Ok(body)
            }
        }
    }

    /// What one role tries with one operation.
    async fn attempts(&mut self, index: usize, column: &str) -> anyhow::Result<Vec<Attempt>> {
        let row = &self.rows[index];
        let (level, path) = (row.levels[column], row.path.clone());
        if matches!(level, Level::Own | Level::BusinessUnit) {
            return self.limited(index, column, level).await;
        }
        let address = self.address(&path).await?;
        let body = self.body(&self.rows[index], &address).await?;
        let (what, statuses) = match (level, column) {
            (Level::Yes, _) => ("anything", LET_PASS),
            (_, NOBODY) => ("anything", UNAUTHORIZED),
            _ => ("anything", FORBIDDEN),
        };
        Ok(vec![Attempt::new(what, address, body, statuses)])
    }

    /// One's own, a colleague's in the same business unit, a stranger's.
    async fn limited(&mut self, index: usize, role: &str, level: Level) -> anyhow::Result<Vec<Attempt>> {
        let (method, path) = (self.rows[index].method.clone(), self.rows[index].path.clone());
        let (me, mate, stranger) = (format!("me-{role}"), format!("mate-{role}"), "stranger".to_owned());
        let instances = [
            ("own", me.clone(), Level::Own),
            ("a colleague's", mate, Level::BusinessUnit),
            ("a stranger's", stranger, Level::Yes),
        ];
        let mut attempts = vec![];
        for (what, owner, distance) in instances {
            let covered = distance <= level;
            let attempt = match (&method, path.as_str()) {
                (&Method::POST, "/v1/records/{type}") => {
                    let body = json!({"fields": {}, "owner": {"kind": "seller", "id": owner}});
                    let statuses = if distance == Level::Own { ALLOWED } else { FORBIDDEN };
                    Attempt::new(what, "/v1/records/lead".to_owned(), Some(body), statuses)
                }
                (&Method::GET, "/v1/records/{type}") => {
                    // A type of its own, so that what others are tried with is not in the list.
                    let body = json!({"fields": {}, "owner": {"kind": "seller", "id": owner}, "route": false});
                    let created = self.administrator.post("/v1/records/contact", &body).await?;
                    created.expect(201)?;
                    let path = format!("/v1/records/contact?owner={owner}&limit=1");
                    let items = Some(usize::from(covered));
                    Attempt { items, ..Attempt::new(what, path, None, LISTED) }
                }
                (_, one) if one.starts_with("/v1/records/{type}/{id}") => {
                    let id = self.record_of(&owner).await?;
                    let readable = distance <= self.level(&Method::GET, "/v1/records/{type}/{id}", role);
                    let statuses = match (covered, readable) {
                        (true, _) => ALLOWED,
                        (false, true) => FORBIDDEN,
                        (false, false) => ABSENT,
                    };
                    let mut address = one.replace("{type}", "lead").replacen("{id}", &id, 1);
                    if one.ends_with("{runId}") {
                        let given = json!({"owner": {"kind": "seller", "id": owner}});
                        let given = self.administrator.post(&format!("/v1/records/lead/{id}/assign"), &given).await?;
                        let run = given.expect(200)?["work"]["runId"].as_str().unwrap_or_default().to_owned();
                        address = address.replace("{runId}", &run);
                    }
                    Attempt::new(what, address, self.body(&self.rows[index], "").await?, statuses)
                }
                // Of sellers those below are managed, whoever's colleagues they are; oneself is not below oneself.
                (&Method::POST, "/v1/sellers") => {
                    self.made += 1;
                    let manager = if distance == Level::BusinessUnit { me.as_str() } else { "alan" };
                    let statuses = if distance == Level::BusinessUnit { ALLOWED } else { FORBIDDEN };
                    let body = seller(&format!("made-{}", self.made), "north", manager);
                    Attempt::new(what, path.clone(), Some(body), statuses)
                }
                (_, one) if one.starts_with("/v1/sellers/{id}") => {
                    self.made += 1;
                    let id = match distance {
                        Level::Own => me.clone(),
                        _ => format!("made-{}", self.made),
                    };
                    let manager = if distance == Level::BusinessUnit { me.as_str() } else { "" };
                    if id != me {
                        self.seller(&id, "north", manager).await?;
                    }
                    let calendar = one.contains("/calendar");
                    let mut body = self.body(&self.rows[index], "").await?;
                    if one == "/v1/sellers/{id}" && body.is_some() {
                        body = Some(seller(&id, "north", manager));
                    }
                    let statuses = match distance {
                        Level::Own if calendar => LET_PASS,
                        Level::BusinessUnit if covered => LET_PASS,
                        _ if calendar => REFUSED,
                        _ => FORBIDDEN,
                    };
                    Attempt::new(what, one.replacen("{id}", &id, 1).replace("{entryId}", "absent"), body, statuses)
                }
                _ => anyhow::bail!("{method} {path} has levels, and nothing here knows how to try them"),
            };
            attempts.push(attempt);
        }
        Ok(attempts)
    }
}

fn seller(id: &str, unit: &str, manager: &str) -> Value {
    json!({
        "id": id, "name": id, "email": format!("{id}@example.com"), "roles": ["salesperson"],
        "fields": {"businessUnit": unit, "managerId": manager}
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_role_may_call_what_the_table_says_and_nothing_else() -> anyhow::Result<()> {
    let mut world = World::prepare().await?;
    let (mut cells, mut requests, mut succeeded, mut surprises) = (0, 0, BTreeSet::new(), vec![]);
    for index in 0..world.rows.len() {
        let (id, method) = (world.rows[index].id.clone(), world.rows[index].method.clone());
        let columns: Vec<String> = world.rows[index].levels.keys().cloned().collect();
        for column in columns {
            cells += 1;
            let client = world.client(&column);
            for attempt in world.attempts(index, &column).await? {
                requests += 1;
                let body = attempt.body.as_ref().map(Value::to_string);
                let answer = client.send(method.clone(), &attempt.path, &[], body).await?;
                if (200..300).contains(&answer.status) {
                    succeeded.insert(index);
                }
                if let Some(wrong) = attempt.wrong(&answer) {
                    surprises.push(format!("{id} as {column}, {wrong}"));
                }
            }
        }
    }
    let (rows, never) = (world.rows.len(), (0..world.rows.len()).filter(|row| !succeeded.contains(row)));
    let never: Vec<&str> = never.map(|row| world.rows[row].id.as_str()).collect();
    // Past the capture of test output: the figures are meant to be read.
    writeln!(
        std::io::stderr(),
        "\n{cells} cells of {rows} rows, {requests} requests, {} surprises\nlet pass and then refused for another reason: {never:?}",
        surprises.len(),
    )?;
    ensure!(surprises.is_empty(), "{} surprises:\n{}", surprises.len(), surprises.join("\n"));
    world.stack.shutdown().await
}
