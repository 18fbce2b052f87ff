//! Sellers (API.md section 3; ELIG-*, CAP-*).

use crate::operation::Access::{Organisation, Scoped};
use crate::operation::Method::{self, Delete, Get, Post, Put};
use crate::operation::{Access, Answer, Function, Operation, Parameter, Values};
use crate::privilege::{MANAGE_ELIGIBILITY, MANAGE_SELLERS, VIEW_SELLERS};
use crate::shapes::seller::{AssignRecordsBody, Seller, SellerBody};

const fn operation(method: Method, path: &'static str, id: &'static str, access: Access, answer: Answer) -> Operation {
    Operation::new(Function::Sellers, method, path, id, access, answer)
}

const SEARCH: &[Parameter] =
    &[Parameter { name: "search", about: "Only sellers whose name or id holds this text.", values: Values::Text }];

const ALL: &str = "/v1/sellers";
const ONE: &str = "/v1/sellers/{id}";
const MANAGE: Access = Scoped(&MANAGE_SELLERS);
const VIEW: Access = Organisation(&VIEW_SELLERS);

pub(super) const OPERATIONS: &[Operation] = &[
    operation(Post, ALL, "createSeller", MANAGE, Answer::created::<Seller>())
        .about("Creates a seller.")
        .takes::<SellerBody>()
        .conflicts(),
    operation(Get, ALL, "listSellers", VIEW, Answer::page::<Seller>()).about("Lists sellers.").query(SEARCH),
    operation(Get, ONE, "getSeller", VIEW, Answer::resource::<Seller>()).about("Reads a seller."),
    operation(Put, ONE, "replaceSeller", MANAGE, Answer::resource::<Seller>())
        .about("Replaces a seller.")
        .takes::<SellerBody>()
        .conflicts(),
    operation(Delete, ONE, "deleteSeller", MANAGE, Answer::Nothing).about("Deletes a seller.").conflicts(),
    operation(
        Put,
        "/v1/sellers/{id}/assign-records",
        "switchAssignRecords",
        Organisation(&MANAGE_ELIGIBILITY),
        Answer::resource::<Seller>(),
    )
    .about("Switches automatic assignment of a seller on or off.")
    .takes::<AssignRecordsBody>()
    .conflicts(),
];
