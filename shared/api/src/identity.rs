//! Who calls: the claims of the verified token (API.md "Identity").
//!
//! API Gateway's authorizer verifies the token; this reads what it passes on. Only with the feature `local-identity`,
//! which no packaged build can have, is a development token verified here.

use domain::seller::Role;
use lambda_http::request::RequestContext;

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The token's subject. Need not be a seller's id; then the caller owns nothing.
    pub sub: String,
    /// The known ones of the roles that the token names.
    pub roles: Vec<Role>,
}

/// Names of the two claims that are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimNames {
    /// Says who calls.
    pub seller: String,
    /// Says in which roles.
    pub roles: String,
}

impl Default for ClaimNames {
    fn default() -> Self {
        Self { seller: "sub".to_owned(), roles: "roles".to_owned() }
    }
}

impl ClaimNames {
    /// The names that the environment variables `SELLER_CLAIM` and `ROLES_CLAIM` give; `sub` and `roles` without them.
    #[must_use]
    pub fn from_environment() -> Self {
        let default = Self::default();
        let named = |variable, default| std::env::var(variable).ok().filter(|name| !name.is_empty()).unwrap_or(default);
        Self { seller: named("SELLER_CLAIM", default.seller), roles: named("ROLES_CLAIM", default.roles) }
    }

    /// The caller that an authorizer's claims name; `None` when there are no claims or they name nobody.
    #[must_use]
    pub fn caller(&self, context: Option<&RequestContext>) -> Option<Caller> {
        let Some(RequestContext::ApiGatewayV2(context)) = context else { return None };
        let claims = &context.authorizer.as_ref()?.jwt.as_ref()?.claims;
        let sub = claims.get(&self.seller).filter(|sub| !sub.is_empty())?.clone();
        let roles = claims.get(&self.roles).map(|text| roles(text)).unwrap_or_default();
        Some(Caller { sub, roles })
    }
}

/// The known roles in a claim: JSON array text, the text `[a b]` that API Gateway makes of an array, or one word.
pub(crate) fn roles(text: &str) -> Vec<Role> {
    let names: Vec<String> = serde_json::from_str(text).unwrap_or_else(|_| {
        let inside = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        inside.split([' ', ',']).map(ToOwned::to_owned).collect()
    });
    names.iter().filter_map(|name| Role::named(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn roles_are_read_in_each_form_and_unknown_ones_grant_nothing() {
        let two = vec![Role::SalesManager, Role::Salesperson];
        let cases = [
            (r#"["sales-manager","salesperson"]"#, two.clone()),
            ("[sales-manager salesperson]", two.clone()),
            ("[sales-manager, salesperson]", two),
            ("sales-manager", vec![Role::SalesManager]),
            ("[sales-manager]", vec![Role::SalesManager]),
            ("[janitor integration]", vec![Role::Integration]),
            ("janitor", vec![]),
            ("Sales-Manager", vec![]),
            ("[]", vec![]),
            ("", vec![]),
        ];
        for (text, expected) in cases {
            assert_eq!(roles(text), expected, "{text}");
        }
    }

    #[test]
    fn the_claims_may_have_other_names() {
        let names = ClaimNames { seller: "email".to_owned(), roles: "cognito:groups".to_owned() };
        let claims = [("sub", "0815"), ("email", "susana@example.com"), ("cognito:groups", "[salesperson]")];
        let context = testing::context(&claims);
        let caller = Caller { sub: "susana@example.com".to_owned(), roles: vec![Role::Salesperson] };
        assert_eq!(names.caller(Some(&context)), Some(caller));
        assert_eq!(names.caller(None), None);
        assert_eq!(ClaimNames::default().caller(Some(&testing::context(&[("roles", "[salesperson]")]))), None);
    }
}
