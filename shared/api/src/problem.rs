//! Refusals in RFC 9457 form (`application/problem+json`), one constructor per broken rule.
//!
//! What a client reads here never says more than the contract promises: the cause of a failure of ours goes to the log
//! and not into the answer. The two exceptions of the contract, 401 and what the gateway refuses by itself, have AWS's
//! own body and are no problems.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::fault::{Fault, Pointer};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use domain::privilege::{Entity, Privilege};

/// Where the `type` of every problem lies.
const TYPES: &str = "/problems/";

/// Why a request is refused. Serialises as the body of the answer, so that a batch can carry one per record.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem(Box<Parts>);

#[derive(Debug, Clone, PartialEq)]
struct Parts {
    status: StatusCode,
    kind: String,
    title: &'static str,
    detail: String,
    errors: Vec<Fault>,
    missing: Option<(Entity, Privilege)>,
    cause: Option<String>,
}

/// What went wrong on our side; travels with the answer to the edge, which logs it. Never sent.
#[derive(Debug, Clone)]
pub(crate) struct Cause(pub(crate) String);

impl Problem {
    fn new(status: StatusCode, kind: &str, title: &'static str, detail: impl Into<String>) -> Self {
        let (kind, detail) = (kind.to_owned(), detail.into());
        Self(Box::new(Parts { status, kind, title, detail, errors: Vec::new(), missing: None, cause: None }))
    }

    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// 400: the body is no JSON.
    pub fn unreadable_json(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "unreadable-json", "The body is not readable JSON", detail)
    }

    /// 400: `next` is not the token of the last page of this very list, asked for by this very caller.
    #[must_use]
    pub fn unreadable_page_token() -> Self {
        let detail = "`next` must be the token of a previous page of the same list, with the same filter and caller";
        Self::new(StatusCode::BAD_REQUEST, "unreadable-page-token", "The page token can't be used here", detail)
    }

    /// 409: who would own a record may not read it (SEC-47, MON-61).
    #[must_use]
    pub fn owner_lacks_permission() -> Self {
        Self::conflict("ownerLacksPermission", "the new owner has no role that may read records")
    }

    /// 403: the token names none of the known roles.
    #[must_use]
    pub fn no_role() -> Self {
        Self::new(StatusCode::FORBIDDEN, "no-role", "No known role", "the token names no role that grants anything")
    }

    /// 403: the caller may know of it but lacks a privilege on it (SEC-03).
    #[must_use]
    pub fn forbidden(entity: Entity, privilege: Privilege) -> Self {
        let detail = format!("this needs the privilege {} on {}", privilege.word(), entity.word());
        let mut problem = Self::new(StatusCode::FORBIDDEN, "forbidden", "Not allowed", detail);
        problem.0.missing = Some((entity, privilege));
        problem
    }

    /// 404: absent, or not readable by this caller (SEC-79a).
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", "there is nothing at this address")
    }

    /// 405: the address knows other methods; the header `Allow` names them.
    #[must_use]
    pub fn method_not_allowed() -> Self {
        let detail = "the header Allow names the methods of this address";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed", detail)
    }

    /// 409: it could succeed in another state. `code` is a camelCase word and becomes the problem's type.
    pub fn conflict(code: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, &kebab(code), "Not possible in the present state", message)
    }

    /// 412: `If-Match` names another version than the present one.
    #[must_use]
    pub fn stale(current: u64) -> Self {
        let detail = format!("the present version is {current}");
        Self::new(StatusCode::PRECONDITION_FAILED, "stale", "Changed since it was read", detail)
    }

    /// 415: a body that is not declared as what it has to be.
    #[must_use]
    pub fn unsupported_media_type(expected: &str) -> Self {
        let detail = format!("the header Content-Type must be {expected}");
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "Unsupported media type", detail)
    }

    /// 422: this request can never succeed; one fault.
    pub fn fault(pointer: &Pointer, code: &'static str, message: impl Into<String>) -> Self {
        Self::from(vec![Fault::new(pointer, code, message)])
    }

    /// 422: a query parameter or header of this name can never succeed so. It is no part of the body, hence no pointer.
    #[must_use]
    pub fn parameter(name: &str, code: &'static str, message: &str) -> Self {
        Self::fault(&Pointer::root(), code, format!("{name}: {message}"))
    }

    /// 422: the key of an earlier request with another body.
    #[must_use]
    pub fn key_reused() -> Self {
        let detail = "this Idempotency-Key stands for an earlier request with another body";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused", "Idempotency key reused", detail)
    }

    /// 500: says nothing; the cause goes to the log.
    pub fn internal(cause: impl Into<String>) -> Self {
        let detail = "the failure is logged and was not your doing";
        let mut problem = Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error", detail);
        problem.0.cause = Some(cause.into());
        problem
    }

    /// 503: the database can't be reached or is overloaded; the same request may succeed in a moment.
    pub fn unavailable(cause: impl Into<String>) -> Self {
        let detail = "send the same request again in a moment";
        let mut problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Temporarily unavailable", detail);
        problem.0.cause = Some(cause.into());
        problem
    }
}

/// `tooManyActiveSegments` as `too-many-active-segments`.
fn kebab(word: &str) -> String {
    word.chars().fold(String::new(), |mut out, letter| {
        if letter.is_ascii_uppercase() && !out.is_empty() {
            out.push('-');
        }
        out.push(letter.to_ascii_lowercase());
        out
    })
}

impl From<Vec<Fault>> for Problem {
    /// 422 with all faults at once.
    fn from(faults: Vec<Fault>) -> Self {
        let detail = match faults.as_slice() {
            [one] => one.message.clone(),
            all => format!("{} faults, each listed under errors", all.len()),
        };
        let mut problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "This can never succeed", detail);
        problem.0.errors = faults;
        problem
    }
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::NotFound => Self::not_found(),
            store::Error::Exists => Self::conflict("exists", "this id is taken"),
            store::Error::Stale { current } => Self::stale(current),
            store::Error::Refused { code, message } => Self::conflict(code, message),
            store::Error::NoSuchPlace => Self::unreadable_page_token(),
            store::Error::Conflict => Self::conflict("changedMeanwhile", "somebody else changed it at the same time"),
            store::Error::Unavailable(cause) => Self::unavailable(cause),
            // What of ours may not be read is our affair, not the client's.
            store::Error::Denied(lacking) => Self::internal(format!("our identity lacks {lacking}")),
            store::Error::Corrupt(cause) => Self::internal(cause),
        }
    }
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let parts = &*self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", &format!("{TYPES}{}", parts.kind))?;
        map.serialize_entry("title", parts.title)?;
        map.serialize_entry("status", &parts.status.as_u16())?;
        map.serialize_entry("detail", &parts.detail)?;
        if !parts.errors.is_empty() {
            map.serialize_entry("errors", &parts.errors)?;
        }
        if let Some((entity, privilege)) = parts.missing {
            map.serialize_entry("entity", &entity)?;
            map.serialize_entry("privilege", &privilege)?;
        }
        map.end()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).expect("a problem holds only text and numbers");
        let content_type = (header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        let mut response = (self.0.status, [content_type], body).into_response();
        if self.0.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if let Some(cause) = self.0.cause {
            response.extensions_mut().insert(Cause(cause));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_validation_problem_lists_all_faults() {
        let at = Pointer::root().join("name");
        let faults = vec![Fault::new(&at, "tooLong", "at most 100 characters"), Fault::new(&at, "odd", "is odd")];
        let problem = Problem::from(faults);
        assert_eq!(
            serde_json::to_value(&problem).unwrap(),
            json!({
                "type": "/problems/invalid", "title": "This can never succeed", "status": 422,
                "detail": "2 faults, each listed under errors",
                "errors": [{"pointer": "/name", "code": "tooLong", "message": "at most 100 characters"},
                           {"pointer": "/name", "code": "odd", "message": "is odd"}]
            })
        );
        let response = problem.into_response();
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    }

    /// SEC-03: a refusal names entity and privilege.
    #[test]
    fn a_refusal_names_entity_and_privilege() {
        assert_eq!(
            serde_json::to_value(Problem::forbidden(Entity::AssignmentRule, Privilege::AppendTo)).unwrap(),
            json!({
                "type": "/problems/forbidden", "title": "Not allowed", "status": 403,
                "detail": "this needs the privilege appendTo on assignmentRule",
                "entity": "assignmentRule", "privilege": "appendTo"
            })
        );
    }

    #[test]
    fn the_cause_of_a_failure_is_for_the_log_only() {
        let told = "dynamodb:GetItem on table/secret".to_owned();
        for error in [store::Error::Corrupt(told.clone()), store::Error::Denied(told.clone())] {
            let response = Problem::from(error).into_response();
            assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
            assert!(response.extensions().get::<Cause>().unwrap().0.contains(&told));
        }
        let sent = serde_json::to_string(&Problem::internal("secret")).unwrap();
        assert!(!sent.contains("secret"), "{sent}");
    }

    #[test]
    fn the_stores_errors_answer_as_the_contract_says() {
        let cases = [
            (store::Error::NotFound, 404, "/problems/not-found"),
            (store::Error::Exists, 409, "/problems/exists"),
            (store::Error::Stale { current: 3 }, 412, "/problems/stale"),
            (store::Error::refused("tooManyActiveSegments", "at most 250"), 409, "/problems/too-many-active-segments"),
            (store::Error::NoSuchPlace, 400, "/problems/unreadable-page-token"),
            (store::Error::Conflict, 409, "/problems/changed-meanwhile"),
            (store::Error::Unavailable(String::new()), 503, "/problems/unavailable"),
            (store::Error::Denied(String::new()), 500, "/problems/internal"),
            (store::Error::Corrupt(String::new()), 500, "/problems/internal"),
        ];
        for (error, status, kind) in cases {
            let body = serde_json::to_value(Problem::from(error)).unwrap();
            assert_eq!((&body["status"], &body["type"]), (&json!(status), &json!(kind)));
        }
    }
}
