//! Sellers (API.md section 3; ELIG-*, CAP-*, ATTR-*, AVAIL-*).

use crate::operation::Access::{Organisation, Scoped};
use crate::operation::Method::{self, Delete, Get, Post, Put};
use crate::operation::{Access, Answer, Function, Operation, Parameter, Values};
use crate::shapes::calendar::{CalendarEntry, CalendarEntryBody};
use crate::shapes::record::BatchResults;
use crate::shapes::seller::{AssignRecordsBody, CapacityBody, Seller, SellerBody, SellerBulkBody, SellerSearchBody};
use crate::shapes::seller_attribute::{AttributesBody, SellerAttribute, SellerAttributeBody};
use domain::privilege::{
    APPLY_SELLER_ATTRIBUTES, MANAGE_CALENDAR, MANAGE_ELIGIBILITY, MANAGE_SELLER_ATTRIBUTES, MANAGE_SELLERS,
    VIEW_CALENDAR, VIEW_SELLER_ATTRIBUTES, VIEW_SELLERS,
};

const fn operation(method: Method, path: &'static str, id: &'static str, access: Access, answer: Answer) -> Operation {
    Operation::new(Function::Sellers, method, path, id, access, answer)
}

const SEARCH: &[Parameter] = &[
    Parameter { name: "search", about: "Only sellers whose name or id holds this text.", values: Values::Text },
    Parameter {
        name: "eligible",
        about: "`true`: only sellers who hold an eligible role; `false`: only those who hold none.",
        values: Values::Words(&["true", "false"]),
    },
];

const ALL: &str = "/v1/sellers";
const ONE: &str = "/v1/sellers/{id}";
const MANAGE: Access = Scoped(&MANAGE_SELLERS);
const VIEW: Access = Organisation(&VIEW_SELLERS);
const ELIGIBILITY: Access = Organisation(&MANAGE_ELIGIBILITY);

const CALENDAR: &str = "/v1/sellers/{id}/calendar";
const ENTRY: &str = "/v1/sellers/{id}/calendar/{entryId}";
const PLAN: Access = Scoped(&MANAGE_CALENDAR);

const ATTRIBUTES: &str = "/v1/seller-attributes";
const ATTRIBUTE: &str = "/v1/seller-attributes/{id}";
const DEFINE: Access = Organisation(&MANAGE_SELLER_ATTRIBUTES);
const VIEW_ATTRIBUTES: Access = Organisation(&VIEW_SELLER_ATTRIBUTES);

pub(super) const OPERATIONS: &[Operation] = &[
    operation(Post, ALL, "createSeller", MANAGE, Answer::created::<Seller>())
        .about("Creates a seller.")
        .takes::<SellerBody>()
        .conflicts(),
    operation(Get, ALL, "listSellers", VIEW, Answer::page::<Seller>()).about("Lists sellers.").query(SEARCH),
    operation(Post, "/v1/sellers/search", "searchSellers", VIEW, Answer::page::<Seller>())
        .about("Lists the sellers for whom a condition holds.")
        .takes::<SellerSearchBody>(),
    operation(Post, "/v1/sellers/bulk", "changeSellers", ELIGIBILITY, Answer::resource::<BatchResults>())
        .about("Changes up to 1,000 sellers; one that fails doesn't stop the others.")
        .takes::<SellerBulkBody>()
        .beyond(&["sellerIds", "capacity", "assignRecords"], &APPLY_SELLER_ATTRIBUTES),
    operation(Get, ONE, "getSeller", VIEW, Answer::resource::<Seller>()).about("Reads a seller."),
    operation(Put, ONE, "replaceSeller", MANAGE, Answer::resource::<Seller>())
        .about("Replaces a seller.")
        .takes::<SellerBody>()
        .conflicts(),
    operation(Delete, ONE, "deleteSeller", MANAGE, Answer::Nothing).about("Deletes a seller.").conflicts(),
    operation(Put, "/v1/sellers/{id}/assign-records", "switchAssignRecords", ELIGIBILITY, Answer::resource::<Seller>())
        .about("Switches automatic assignment of a seller on or off.")
        .takes::<AssignRecordsBody>()
        .conflicts(),
    operation(Put, "/v1/sellers/{id}/capacity", "setCapacity", ELIGIBILITY, Answer::resource::<Seller>())
        .about("Sets how much a seller may hold.")
        .takes::<CapacityBody>()
        .conflicts(),
    operation(
        Put,
        "/v1/sellers/{id}/attributes",
        "applyAttributes",
        Organisation(&APPLY_SELLER_ATTRIBUTES),
        Answer::resource::<Seller>(),
    )
    .about("Gives a seller values of seller attributes.")
    .takes::<AttributesBody>()
    .conflicts(),
    operation(Get, CALENDAR, "listCalendarEntries", Scoped(&VIEW_CALENDAR), Answer::page::<CalendarEntry>())
        .about("Lists the entries of a seller's calendar."),
    operation(Post, CALENDAR, "createCalendarEntry", PLAN, Answer::created::<CalendarEntry>())
        .about("Adds an entry to a seller's calendar.")
        .takes::<CalendarEntryBody>()
        .conflicts(),
    operation(Put, ENTRY, "replaceCalendarEntry", PLAN, Answer::resource::<CalendarEntry>())
        .about("Replaces an entry of a seller's calendar.")
        .takes::<CalendarEntryBody>()
        .conflicts(),
    operation(Delete, ENTRY, "deleteCalendarEntry", PLAN, Answer::Nothing)
        .about("Deletes an entry of a seller's calendar.")
        .conflicts(),
    operation(Post, ATTRIBUTES, "createSellerAttribute", DEFINE, Answer::created::<SellerAttribute>())
        .about("Creates a seller attribute.")
        .takes::<SellerAttributeBody>()
        .conflicts(),
    operation(Get, ATTRIBUTES, "listSellerAttributes", VIEW_ATTRIBUTES, Answer::page::<SellerAttribute>())
        .about("Lists seller attributes."),
    operation(Get, ATTRIBUTE, "getSellerAttribute", VIEW_ATTRIBUTES, Answer::resource::<SellerAttribute>())
        .about("Reads a seller attribute."),
    operation(Put, ATTRIBUTE, "replaceSellerAttribute", DEFINE, Answer::resource::<SellerAttribute>())
        .about("Replaces a seller attribute.")
        .takes::<SellerAttributeBody>()
        .conflicts(),
    operation(Delete, ATTRIBUTE, "deleteSellerAttribute", DEFINE, Answer::Nothing)
        .about("Deletes a seller attribute; the sellers' values go with it.")
        .conflicts(),
];
