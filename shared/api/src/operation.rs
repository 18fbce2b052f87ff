//! What an operation is: everything the edge and the OpenAPI document need to know about one route and method, as data.
//!
//! The operations themselves are in [`crate::operations`]. A handler can only be mounted by naming one, and the edge
//! refuses whoever lacks what the operation needs before the handler runs: default deny.

use std::borrow::Cow;

use axum::routing::MethodFilter;
use utoipa::ToSchema;
use utoipa::openapi::{HttpMethod, RefOr, Schema};

use domain::privilege::{Scope, Task};
use domain::role_definition::Privileges;

/// The Lambda function that answers an operation; named as its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// `functions/segments`.
    Segments,
    /// `functions/assignment-rules`.
    AssignmentRules,
    /// `functions/sellers`.
    Sellers,
    /// `functions/organization`.
    Organization,
    /// `functions/records`.
    Records,
    /// `functions/monitor`.
    Monitor,
}

/// A method of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates, or acts on something that exists; the latter takes `If-Match`. Takes an `Idempotency-Key`.
    Post,
    /// Replaces. Takes `If-Match`.
    Put,
    /// Merges. Takes `If-Match`.
    Patch,
    /// Removes. Takes `If-Match`.
    Delete,
}

/// Who may call.
#[derive(Debug, Clone, Copy)]
pub enum Access {
    /// Everybody, without a token.
    Public,
    /// Who holds what the task needs, everywhere in the organisation.
    Organisation(&'static Task),
    /// Who holds what the task needs at whatever scope; the handler sees to it that the scope covers what is touched.
    Scoped(&'static Task),
}

impl Access {
    /// How far somebody with these privileges may go; `None` when not at all.
    #[must_use]
    pub fn reach(self, privileges: &Privileges) -> Option<Scope> {
        match self {
            Self::Public => Some(Scope::Organisation),
            Self::Organisation(task) => privileges.reach(task).filter(|reach| *reach == Scope::Organisation),
            Self::Scoped(task) => privileges.reach(task),
        }
    }
}

/// What may stand in a query parameter.
#[derive(Debug, Clone, Copy)]
pub enum Values {
    /// Any text.
    Text,
    /// One of these words.
    Words(&'static [&'static str]),
}

/// A query parameter. Every other name is refused, but for `limit` and `next` of lists.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it does, for the document.
    pub about: &'static str,
    /// What may stand in it.
    pub values: Values,
}

/// A schema of the document: the type that describes it.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub(crate) name: fn() -> Cow<'static, str>,
    pub(crate) schema: fn() -> RefOr<Schema>,
    pub(crate) nested: fn(&mut Vec<(String, RefOr<Schema>)>),
}

impl Shape {
    pub(crate) const fn of<T: ToSchema>() -> Self {
        Self { name: T::name, schema: T::schema, nested: T::schemas }
    }
}

/// What a success is answered with.
#[derive(Debug, Clone, Copy)]
pub enum Answer {
    /// 200 and this.
    Resource(Shape),
    /// 201, `Location` and this.
    Created(Shape),
    /// 202, `Location` and this: what goes on.
    Accepted(Shape),
    /// 200 and a page of these; takes `limit` and `next`.
    Page(Shape),
    /// 204.
    Nothing,
    /// 200 and a JSON document that no shape describes.
    Document,
}

/// Members of a body that the operation's own task covers, and the task that every other member takes as well.
#[derive(Debug, Clone, Copy)]
pub struct Beyond {
    /// Covered by the operation's task.
    pub members: &'static [&'static str],
    /// Needed for any other.
    pub task: &'static Task,
}

/// One operation.
#[derive(Debug, Clone, Copy)]
pub struct Operation {
    /// Its name, camelCase, unique.
    pub id: &'static str,
    /// Who answers it.
    pub function: Function,
    /// The method.
    pub method: Method,
    /// The path with `{name}` for what varies.
    pub path: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// Who may call it.
    pub access: Access,
    /// Query parameters beside those of pages.
    pub query: &'static [Parameter],
    /// The JSON body it takes.
    pub body: Option<Shape>,
    /// The media type of the text that it takes in place of a JSON body.
    pub text: Option<&'static str>,
    /// Members of the body that take more than `access` says.
    pub beyond: Option<Beyond>,
    /// What a success is answered with.
    pub answer: Answer,
    /// It can be refused by the present state (409).
    pub conflicts: bool,
}

impl Operation {
    /// Declares an operation; `const` so that the table of operations is data.
    pub(crate) const fn new(
        function: Function,
        method: Method,
        path: &'static str,
        id: &'static str,
        access: Access,
        answer: Answer,
    ) -> Self {
        let (query, body, text, beyond): (&[Parameter], _, _, _) = (&[], None, None, None);
        Self { id, function, method, path, summary: "", access, query, body, text, beyond, answer, conflicts: false }
    }

    pub(crate) const fn about(mut self, summary: &'static str) -> Self {
        self.summary = summary;
        self
    }

    pub(crate) const fn query(mut self, query: &'static [Parameter]) -> Self {
        self.query = query;
        self
    }

    pub(crate) const fn takes<T: ToSchema>(mut self) -> Self {
        self.body = Some(Shape::of::<T>());
        self
    }

    pub(crate) const fn takes_text(mut self, media_type: &'static str) -> Self {
        self.text = Some(media_type);
        self
    }

    pub(crate) const fn beyond(mut self, members: &'static [&'static str], task: &'static Task) -> Self {
        self.beyond = Some(Beyond { members, task });
        self
    }

    pub(crate) const fn conflicts(mut self) -> Self {
        self.conflicts = true;
        self
    }

    /// True for a list, which takes `limit` and `next`.
    #[must_use]
    pub fn is_paged(&self) -> bool {
        matches!(self.answer, Answer::Page(_))
    }

    /// True when it refuses a stale `If-Match`: it changes or removes something that exists.
    #[must_use]
    pub fn takes_if_match(&self) -> bool {
        match self.method {
            Method::Get => false,
            Method::Post => {
                matches!(self.answer, Answer::Resource(_)) && self.path_parameters().any(|name| name == "id")
            }
            Method::Put | Method::Patch | Method::Delete => true,
        }
    }

    /// True when it can be repeated under an `Idempotency-Key`.
    #[must_use]
    pub fn takes_idempotency_key(&self) -> bool {
        self.method == Method::Post
    }

    /// The names of what varies in the path, in order.
    pub fn path_parameters(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }
}

impl Answer {
    pub(crate) const fn resource<T: ToSchema>() -> Self {
        Self::Resource(Shape::of::<T>())
    }

    pub(crate) const fn created<T: ToSchema>() -> Self {
        Self::Created(Shape::of::<T>())
    }

    pub(crate) const fn accepted<T: ToSchema>() -> Self {
        Self::Accepted(Shape::of::<T>())
    }

    pub(crate) const fn page<T: ToSchema>() -> Self {
        Self::Page(Shape::of::<T>())
    }

    /// The status of a success.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Resource(_) | Self::Page(_) | Self::Document => 200,
            Self::Created(_) => 201,
            Self::Accepted(_) => 202,
            Self::Nothing => 204,
        }
    }
}

impl Method {
    pub(crate) fn filter(self) -> MethodFilter {
        match self {
            Self::Get => MethodFilter::GET,
            Self::Post => MethodFilter::POST,
            Self::Put => MethodFilter::PUT,
            Self::Patch => MethodFilter::PATCH,
            Self::Delete => MethodFilter::DELETE,
        }
    }

    pub(crate) fn documented(self) -> HttpMethod {
        match self {
            Self::Get => HttpMethod::Get,
            Self::Post => HttpMethod::Post,
            Self::Put => HttpMethod::Put,
            Self::Patch => HttpMethod::Patch,
            Self::Delete => HttpMethod::Delete,
        }
    }
}

impl Function {
    /// The name of the folder, the package and the function.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Segments => "segments",
            Self::AssignmentRules => "assignment-rules",
            Self::Sellers => "sellers",
            Self::Organization => "organization",
            Self::Records => "records",
            Self::Monitor => "monitor",
        }
    }
}
