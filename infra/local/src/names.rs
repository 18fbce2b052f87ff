//! What ids are called: names of segments, rules and sellers, asked of the API once and remembered.

use std::collections::HashMap;

use serde_json::Value;

use crate::api_client::{ApiClient, segment};

/// A name for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The name.
    pub name: String,
    /// Of a rule: how it chooses.
    pub how: Option<String>,
}

impl Named {
    /// A name and nothing more.
    #[must_use]
    pub fn plain(name: &str) -> Self {
        Self { name: name.to_owned(), how: None }
    }
}

/// The names that are known so far.
pub struct Names {
    api: ApiClient,
    known: HashMap<String, Named>,
}

impl Names {
    /// Asks as this caller, who must be allowed to read everything.
    #[must_use]
    pub fn new(api: ApiClient) -> Self {
        Self { api, known: HashMap::new() }
    }

    /// A segment's name.
    pub async fn segment(&mut self, id: &str) -> Named {
        self.of(format!("/v1/segments/{}", segment(id)), id).await
    }

    /// A rule's name and how it chooses.
    pub async fn rule(&mut self, id: &str) -> Named {
        self.of(format!("/v1/rules/{}", segment(id)), id).await
    }

    /// A seller's name.
    pub async fn seller(&mut self, id: &str) -> Named {
        self.of(format!("/v1/sellers/{}", segment(id)), id).await
    }

    /// Names stay as first read: a later change of name shows with the next start. What can't be read keeps its id and
    /// is asked for again.
    async fn of(&mut self, path: String, id: &str) -> Named {
        if let Some(named) = self.known.get(&path) {
            return named.clone();
        }
        let Ok(Some(resource)) = self.api.find(&path).await else { return Named::plain(id) };
        let named = Named { name: resource["name"].as_str().unwrap_or(id).to_owned(), how: how(&resource) };
        self.known.insert(path, named.clone());
        named
    }
}

/// How a rule chooses, in words: `round robin among specific sellers`.
fn how(rule: &Value) -> Option<String> {
    let target = rule.get("target")?;
    let (pick, kind) = (target["pick"].as_str()?, target["kind"].as_str()?);
    let among = match (pick, kind) {
        ("any", "sellers") => "any seller".to_owned(),
        _ => format!("{pick} {kind}"),
    };
    Some(match rule["distribution"]["method"].as_str() {
        Some("roundRobin") => format!("round robin among {among}"),
        Some("loadBalancing") => format!("load balancing among {among}"),
        _ => among,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_rule_says_how_it_chooses() {
        let rule = |kind: &str, pick: &str, distribution: Value| {
            how(&json!({"target": {"kind": kind, "pick": pick}, "distribution": distribution}))
        };
        let round_robin = json!({"method": "roundRobin"});
        assert_eq!(rule("sellers", "any", round_robin.clone()).unwrap(), "round robin among any seller");
        assert_eq!(rule("sellers", "specific", round_robin).unwrap(), "round robin among specific sellers");
        assert_eq!(rule("teams", "matching", Value::Null).unwrap(), "matching teams");
        assert_eq!(how(&json!({"name": "a segment"})), None);
    }
}
