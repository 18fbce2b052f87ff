//! A seller: who can receive records, with the static part of what deciding about them needs.
//!
//! Not the moving part (held records, last assignment), which lies apart and changes with every assignment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::calendar::Calendar;
use crate::capacity::MaximumCapacity;
use crate::draft::{Draft, MAX_NAME};
use crate::fault::{Fault, Pointer};
use crate::id::{MAX_ID_LENGTH, SellerAttributeId, SellerId, TeamId, id_fault};
use crate::record_type::RecordTypeDefinition;
use crate::seller_attribute::SellerAttributes;
use crate::settings::Settings;
use crate::subject::{Subject, System};

pub use self::bulk::SellerBulkDraft;
pub use self::search::parse_search;

mod bulk;
mod search;

/// The longest address of an e-mail, in characters (RFC 5321: 64 + `@` + 255).
const MAX_EMAIL: usize = 320;

/// The longest name of a time zone that is looked up, in characters.
pub(crate) const MAX_ZONE: usize = 64;

/// A seller as stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Seller {
    /// Chosen by the client, or by the server when absent.
    pub id: SellerId,
    /// For people, 1 to 100 characters.
    pub name: String,
    /// An address.
    pub email: String,
    /// At least one. They decide eligibility for assignment (ELIG-01, SEC-47), never what the API allows.
    pub roles: Vec<Role>,
    /// A disabled seller gets no record.
    pub enabled: bool,
    /// Where the seller works, if not in the organisation's zone.
    #[serde(with = "jiff::fmt::serde::tz::optional")]
    pub time_zone: Option<TimeZone>,
    /// Values of the columns of the record type `seller`.
    pub fields: Map<String, Value>,
    /// Teams the seller is a member of.
    pub team_ids: Vec<TeamId>,
    /// The toggle "Assign records": off means no automatic assignment (ELIG-03).
    pub assign_records: bool,
    /// How much the seller may hold (CAP-06).
    #[serde(default, skip_serializing_if = "MaximumCapacity::is_unset")]
    pub capacity: MaximumCapacity,
    /// Values of seller attributes. Some may name what no longer exists: [`SellerAttributes::of`] passes over it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<SellerAttributeId, Vec<String>>,
    /// When the seller works (AVAIL-01).
    #[serde(default, skip_serializing_if = "Calendar::is_empty")]
    pub calendar: Calendar,
    /// Counts the changes that clients made, from 1.
    pub version: u64,
}

/// A security role (SPEC.md section 2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// May do everything.
    SystemAdministrator,
    /// Designs sequences.
    SequenceManager,
    /// Manages sellers and their assignment.
    SalesManager,
    /// As a sales manager, with a wider scope (SEC-80).
    VpOfSales,
    /// Works records.
    Salesperson,
    /// Reads what the business unit owns.
    SalesTeamMember,
    /// A machine that writes records (SEC-78).
    Integration,
}

impl Role {
    /// Every role with its name.
    pub const ALL: [(&'static str, Self); 7] = [
        ("system-administrator", Self::SystemAdministrator),
        ("sequence-manager", Self::SequenceManager),
        ("sales-manager", Self::SalesManager),
        ("vp-of-sales", Self::VpOfSales),
        ("salesperson", Self::Salesperson),
        ("sales-team-member", Self::SalesTeamMember),
        ("integration", Self::Integration),
    ];

    /// The role of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, role)| *role)
    }
}

/// What a client proposes as a seller.
#[derive(Debug, Clone, PartialEq)]
pub struct SellerDraft {
    /// The id that the client chose; absent = the server chooses one.
    pub id: Option<SellerId>,
    name: String,
    email: String,
    roles: Vec<Role>,
    enabled: bool,
    time_zone: Option<TimeZone>,
    fields: Map<String, Value>,
    team_ids: Vec<TeamId>,
}

impl SellerDraft {
    /// Believes a body of API.md "Sellers", or names everything that is wrong with it. `definition` is that of the
    /// record type `seller`, `teams` are those that exist; `present` is the seller that it is to replace, whose id
    /// can't change.
    pub fn parse(
        body: &Value,
        definition: &RecordTypeDefinition,
        teams: &BTreeSet<TeamId>,
        present: Option<&Seller>,
    ) -> Result<Self, Vec<Fault>> {
        let mut draft = Draft::read(body, &Pointer::root());
        draft.ignore(&[
            "assignRecords",
            "attributes",
            "capacity",
            "lastAssignedAt",
            "availabilityNext7Days",
            "version",
        ]);
        let id = draft.text("id", MAX_ID_LENGTH);
        if let Some(why) = id.as_deref().and_then(id_fault) {
            draft.fault("id", "badId", why);
        }
        draft.same("id", present.map(|seller| seller.id.as_str()));
        let name = draft.required_text("name", MAX_NAME);
        let email = draft.required_text("email", MAX_EMAIL);
        if !email.is_empty() && !is_address(&email) {
            draft.fault("email", "badEmail", "must be an address such as alan@example.com");
        }
        let roles = draft.words("roles", &Role::ALL).unwrap_or_default();
        if roles.is_empty() && !draft.has_fault("roles") {
            draft.required("roles");
        }
        let enabled = draft.flag("enabled", true);
        let time_zone = parse_zone(&mut draft, "timeZone");
        let fields = definition.read_fields(&mut draft);
        let team_ids = draft.texts("teamIds", MAX_ID_LENGTH).unwrap_or_default();
        let team_ids: Vec<TeamId> = team_ids.into_iter().map(TeamId::new).collect();
        let at = draft.place("teamIds");
        let unknown = team_ids.iter().enumerate().filter(|(_, id)| !teams.contains(*id));
        let unknown =
            unknown.map(|(index, id)| Fault::new(&at.join(index), "unknownTeam", format!("there is no team {id}")));
        draft.faults(unknown.collect::<Vec<_>>());
        draft.finish(Some(Self { id: id.map(SellerId::new), name, email, roles, enabled, time_zone, fields, team_ids }))
    }

    /// Whether it puts the seller into other teams than those of `present`, or of nobody.
    #[must_use]
    pub fn changes_teams(&self, present: Option<&Seller>) -> bool {
        let before: BTreeSet<&TeamId> = present.into_iter().flat_map(|seller| &seller.team_ids).collect();
        self.team_ids.iter().collect::<BTreeSet<_>>() != before
    }

    /// The seller that a POST creates; records are assigned at first (ENT-26).
    #[must_use]
    pub fn into_seller(self, id: SellerId) -> Seller {
        Seller {
            id,
            name: self.name,
            email: self.email,
            roles: self.roles,
            enabled: self.enabled,
            time_zone: self.time_zone,
            fields: self.fields,
            team_ids: self.team_ids,
            assign_records: true,
            capacity: MaximumCapacity::default(),
            attributes: BTreeMap::new(),
            calendar: Calendar::default(),
            version: 1,
        }
    }

    /// What a PUT makes of the seller it was believed for. What is set elsewhere stays: toggle, capacity, attributes,
    /// calendar.
    #[must_use]
    pub fn applied_to(&self, seller: &Seller) -> Seller {
        let changed = self.clone().into_seller(seller.id.clone());
        Seller {
            assign_records: seller.assign_records,
            capacity: seller.capacity,
            attributes: seller.attributes.clone(),
            calendar: seller.calendar.clone(),
            version: seller.version,
            ..changed
        }
    }
}

impl Seller {
    /// Whether the seller is below a manager by the column `managerId`, however many steps (SEC-79a). `find` gives the
    /// sellers on the way; a circle of managers leads to nobody.
    pub fn is_below<'a>(&'a self, manager: &SellerId, find: impl Fn(&SellerId) -> Option<&'a Seller>) -> bool {
        let mut passed = vec![&self.id];
        let mut below = Some(self);
        while let Some(next) = below.and_then(Seller::manager) {
            if next == *manager {
                return true;
            }
            below = find(&next).filter(|found| !passed.contains(&&found.id));
            passed.extend(below.map(|found| &found.id));
        }
        false
    }

    /// The days of the week from today on in the seller's zone, or in the organisation's for a seller without one, and
    /// how many minutes of each the seller works (AVAIL-08).
    #[must_use]
    pub fn availability(&self, now: Timestamp, organisation: &TimeZone) -> Vec<(Date, u32)> {
        let zone = self.time_zone.as_ref().unwrap_or(organisation);
        let today = now.to_zoned(zone.clone()).date();
        let day = |date: Date| {
            let begin = date.to_zoned(zone.clone()).ok()?.timestamp();
            let end = date.tomorrow().ok()?.to_zoned(zone.clone()).ok()?.timestamp();
            Some((date, self.calendar.minutes(begin, end)))
        };
        today.series(Span::new().days(1)).take(7).filter_map(day).collect()
    }

    /// The business unit the seller belongs to.
    #[must_use]
    pub fn business_unit(&self) -> Option<&str> {
        self.fields.get("businessUnit").and_then(Value::as_str).filter(|unit| !unit.is_empty())
    }

    /// The most records the seller should hold: the seller's own maximum, else the organisation's; none = unlimited
    /// (CAP-07, OQ-14).
    #[must_use]
    pub fn maximum(&self, settings: &Settings) -> Option<u32> {
        self.capacity.maximum.or(settings.default_maximum_capacity)
    }

    /// The seller as conditions test one: the columns of the record type `seller`, name and e-mail as in the profile,
    /// and the attributes by their present names. Related records are added by who loads them. `None` when a stored
    /// value is not of its column's type any more: no condition holds for such a seller.
    #[must_use]
    pub fn subject(&self, definition: &Arc<RecordTypeDefinition>, attributes: &SellerAttributes) -> Option<Subject> {
        let mut fields = self.fields.clone();
        for (column, text) in [("name", &self.name), ("email", &self.email)] {
            fields.insert(column.to_owned(), Value::String(text.clone()));
        }
        let system = System { id: self.id.as_str(), ..System::default() };
        let mut subject = Subject::new(definition, &fields, &system).ok()?;
        for (name, values) in attributes.of(self) {
            subject.set_attribute(name, values);
        }
        Some(subject)
    }

    fn manager(&self) -> Option<SellerId> {
        let id = self.fields.get("managerId").and_then(Value::as_str).filter(|id| !id.is_empty());
        id.map(SellerId::from)
    }
}

/// Believes the body of the toggle "Assign records", `{"on": true}` (ELIG-03).
pub fn parse_assign_records(body: &Value) -> Result<bool, Vec<Fault>> {
    let mut draft = Draft::read(body, &Pointer::root());
    if draft.value("on").is_none() {
        draft.required("on");
    }
    let on = draft.flag("on", true);
    draft.finish(Some(on))
}

/// Reads the IANA name of a time zone, in any case.
pub(crate) fn parse_zone(draft: &mut Draft<'_>, member: &'static str) -> Option<TimeZone> {
    let name = draft.text(member, MAX_ZONE)?;
    let zone = TimeZone::get(&name).ok();
    if zone.is_none() {
        draft.fault(member, "unknownTimeZone", "must be the IANA name of a time zone, such as Europe/London");
    }
    zone
}

/// One `@` between a name and a host, and no blanks: the rest only the mail server knows.
fn is_address(text: &str) -> bool {
    let one_line = !text.chars().any(|letter| letter.is_whitespace() || letter.is_control());
    let parts = text.split_once('@');
    one_line && parts.is_some_and(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::record_type::RecordTypes;

    fn parse(body: &Value) -> Result<SellerDraft, Vec<(String, &'static str)>> {
        parse_for(body, None)
    }

    fn parse_for(body: &Value, present: Option<&Seller>) -> Result<SellerDraft, Vec<(String, &'static str)>> {
        let known = RecordTypes::built_in();
        let definition = known.get(&"seller".into()).unwrap();
        SellerDraft::parse(body, definition, &BTreeSet::new(), present)
            .map_err(|faults| faults.into_iter().map(|fault| (fault.pointer.to_string(), fault.code)).collect())
    }

    fn seller(id: &str, manager: &str) -> Seller {
        let fields = json!({"managerId": manager});
        let body = json!({"name": id, "email": "a@b.c", "roles": ["salesperson"], "fields": fields});
        parse(&body).unwrap().into_seller(id.into())
    }

    #[test]
    fn a_seller_has_the_defaults_of_the_contract() {
        let body = json!({"id": "susana", "name": "Susana", "email": "susana@example.com", "roles": ["salesperson"]});
        let draft = parse(&body).unwrap();
        assert_eq!(draft.id, Some("susana".into()));
        let seller = draft.into_seller("susana".into());
        let json = serde_json::to_value(&seller).unwrap();
        assert_eq!(
            json,
            json!({"id": "susana", "name": "Susana", "email": "susana@example.com", "roles": ["salesperson"],
                   "enabled": true, "timeZone": null, "fields": {}, "teamIds": [], "assignRecords": true, "version": 1})
        );
        assert_eq!(serde_json::from_value::<Seller>(json).unwrap(), seller);
    }

    #[test]
    fn every_fault_of_a_seller_is_named_at_once() {
        let body = json!({
            "id": "search", "name": "", "email": "nowhere", "roles": ["salesperson", "jedi"], "enabled": 1,
            "timeZone": "Europe/Atlantis", "fields": {"colour": "red", "city": 5}, "teamIds": ["a b"], "nick": "S"
        });
        let expected = [
            ("/id", "badId"),
            ("/name", "required"),
            ("/email", "badEmail"),
            ("/roles/1", "unknownWord"),
            ("/enabled", "wrongType"),
            ("/timeZone", "unknownTimeZone"),
        ];
        let found = parse(&body).unwrap_err();
        assert_eq!(found[..6], expected.map(|(pointer, code)| (pointer.to_owned(), code)));
        let rest: Vec<_> = found[6..].iter().map(|(pointer, _)| pointer.as_str()).collect();
        assert_eq!(rest, ["/fields/colour", "/fields/city", "/teamIds/0", "/nick"]);
        let long =
            json!({"name": "a", "email": "a@b.c", "roles": ["salesperson"], "fields": {"city": "x".repeat(262_144)}});
        assert_eq!(parse(&long).unwrap_err(), [("/fields".to_owned(), "tooLong")]);
        let no_roles = json!({"name": "a", "email": "a@b.c", "roles": []});
        assert_eq!(parse(&no_roles).unwrap_err(), [("/roles".to_owned(), "required")]);
    }

    #[test]
    fn an_address_has_one_at_sign_and_no_blanks() {
        for good in ["a@b", "alan.steiner+x@example.co.uk", "ü@ß.de"] {
            assert!(is_address(good), "{good}");
        }
        for bad in ["a", "@b", "a@", "a@b@c", "a b@c", "a@b\n"] {
            assert!(!is_address(bad), "{bad}");
        }
    }

    #[test]
    fn elig_03_a_replaced_seller_keeps_the_toggle() {
        let seller = Seller { assign_records: false, version: 4, ..seller("susana", "") };
        let body = json!({"name": "Su", "email": "a@b.c", "roles": ["sales-manager"], "assignRecords": true});
        let replaced = parse_for(&body, Some(&seller)).unwrap().applied_to(&seller);
        assert_eq!((replaced.assign_records, replaced.version, replaced.name.as_str()), (false, 4, "Su"));
        let other = json!({"id": "alan", "name": "Su", "email": "a@b.c", "roles": ["sales-manager"]});
        assert_eq!(parse_for(&other, Some(&seller)).unwrap_err(), [("/id".to_owned(), "cantChange")]);
    }

    /// DIST-10; a day on which the clocks change is an hour shorter or longer.
    #[test]
    fn dist_10_a_seller_without_a_calendar_works_the_whole_of_every_day() {
        let seller = Seller { time_zone: TimeZone::get("Europe/London").ok(), ..seller("susana", "") };
        let days = seller.availability("2026-03-26T23:30:00Z".parse().unwrap(), &TimeZone::UTC);
        let minutes: Vec<_> = days.iter().map(|(_, minutes)| *minutes).collect();
        assert_eq!(minutes, [1440, 1440, 1440, 1380, 1440, 1440, 1440]);
        assert_eq!(days[0].0.to_string(), "2026-03-26");
        assert_eq!(days[6].0.to_string(), "2026-04-01");
    }

    #[test]
    fn the_toggle_needs_to_be_said() {
        assert_eq!(parse_assign_records(&json!({"on": false})), Ok(false));
        for bad in [json!({}), json!({"on": null}), json!({"on": "yes"}), json!({"on": true, "off": 1})] {
            assert!(parse_assign_records(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_role_is_known_by_the_name_it_has_in_json() {
        for (name, role) in Role::ALL {
            assert_eq!(serde_json::to_value(role).unwrap(), json!(name));
            assert_eq!(Role::named(name), Some(role));
        }
        assert_eq!(Role::named("jedi"), None);
    }

    /// SEC-79a.
    #[test]
    fn below_a_manager_is_who_reports_to_the_manager_in_any_number_of_steps() {
        let all = [
            seller("vp", ""),
            seller("manager", "vp"),
            seller("susana", "manager"),
            seller("odd", "even"),
            seller("even", "odd"),
        ];
        let find = |id: &SellerId| all.iter().find(|seller| seller.id == *id);
        let below = |id: &str, manager: &str| find(&id.into()).unwrap().is_below(&manager.into(), find);
        assert!(below("susana", "manager") && below("susana", "vp") && below("manager", "vp"));
        assert!(!below("manager", "susana") && !below("vp", "vp") && !below("odd", "vp"));
    }
}
