//! Reading a client's JSON object member by member, collecting every fault on the way.
//!
//! A [`Draft`] is what a client proposes before it is believed. Each reader takes one member, notes what is wrong with
//! it and returns something to go on with, so that one pass names all faults at once; [`Draft::finish`] then gives the
//! believed value or the faults. Null, absent and `""` all mean empty (API.md section 1). What the members mean is
//! decided by the nouns that are drafted, not here.

use std::ops::RangeInclusive;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::fault::{Fault, Pointer};
use crate::id::{MAX_ID_LENGTH, id_fault};

/// The longest name of a segment, rule, step or connection, in characters (LIM-28).
pub const MAX_NAME: usize = 100;

/// The longest description, in characters (LIM-29).
pub const MAX_DESCRIPTION: usize = 2000;

/// The fault of something that is longer, as JSON, than the store has room for: `max` bytes.
#[must_use]
pub fn length_fault(json: &impl Serialize, max: usize, at: &Pointer) -> Option<Fault> {
    let length = serde_json::to_vec(json).expect("what is believed can be written as JSON").len();
    (length > max).then(|| Fault::new(at, "tooLong", format!("must have at most {max} bytes as JSON, has {length}")))
}

/// A JSON object while it is being believed.
#[derive(Debug)]
pub struct Draft<'a> {
    at: Pointer,
    members: Option<&'a Map<String, Value>>,
    known: Vec<&'static str>,
    faults: Vec<Fault>,
}

impl<'a> Draft<'a> {
    /// Starts reading `value`, which stands at `at` in the body. Anything but an object is a fault.
    #[must_use]
    pub fn read(value: &'a Value, at: &Pointer) -> Self {
        let members = value.as_object();
        let faults = match members {
            Some(_) => vec![],
            None => vec![Fault::new(at, "wrongType", "must be an object")],
        };
        Self { at: at.clone(), members, known: vec![], faults }
    }

    /// Where a member stands in the body.
    #[must_use]
    pub fn place(&self, name: &str) -> Pointer {
        self.at.join(name)
    }

    /// Notes a fault of a member.
    pub fn fault(&mut self, name: &str, code: &'static str, message: impl Into<String>) {
        let fault = Fault::new(&self.place(name), code, message);
        self.faults.push(fault);
    }

    /// Notes faults that were found by reading a member elsewhere.
    pub fn faults(&mut self, found: impl IntoIterator<Item = Fault>) {
        self.faults.extend(found);
    }

    /// True when a fault was noted at the member or inside it.
    #[must_use]
    pub fn has_fault(&self, name: &str) -> bool {
        let place = self.place(name);
        self.faults.iter().any(|fault| {
            let inside = fault.pointer.as_str().strip_prefix(place.as_str());
            inside.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    /// The member as it stands, whatever its type; `None` when it is empty.
    pub fn value(&mut self, name: &'static str) -> Option<&'a Value> {
        self.known.push(name);
        match self.members?.get(name)? {
            Value::Null => None,
            Value::String(text) if text.is_empty() => None,
            value => Some(value),
        }
    }

    /// True when the body has the member at all, even as null.
    #[must_use]
    pub fn mentions(&self, name: &str) -> bool {
        self.members.is_some_and(|members| members.contains_key(name))
    }

    /// Members that answers carry and that a client may send back: accepted and ignored.
    pub fn ignore(&mut self, names: &[&'static str]) {
        self.known.extend_from_slice(names);
    }

    /// A member that names what can't change: it may be absent or say the same; for something new it is ignored.
    pub fn same(&mut self, name: &'static str, present: Option<&str>) {
        let (value, Some(present)) = (self.value(name), present) else { return };
        if value.is_some_and(|value| value.as_str() != Some(present)) {
            self.fault(name, "cantChange", format!("must be {present}"));
        }
    }

    /// Text of at most `max` characters.
    pub fn text(&mut self, name: &'static str, max: usize) -> Option<String> {
        let text = self.value(name)?.as_str();
        match text {
            None => self.fault(name, "wrongType", "must be text"),
            Some(text) if text.chars().count() > max => {
                self.fault(name, "tooLong", format!("must have at most {max} characters"));
            }
            Some(text) => return Some(text.to_owned()),
        }
        None
    }

    /// Text of 1 to `max` characters that are not all blank; the empty text stands for a faulty one.
    pub fn required_text(&mut self, name: &'static str, max: usize) -> String {
        match self.text(name, max) {
            Some(text) if !text.trim().is_empty() => return text,
            _ if self.has_fault(name) => {}
            _ => self.required(name),
        }
        String::new()
    }

    /// Notes that a member is missing.
    pub fn required(&mut self, name: &str) {
        // A body that is no object has one fault, not one for each member that it can't have.
        if self.members.is_some() {
            self.fault(name, "required", "is required");
        }
    }

    /// Yes or no; `default` when empty or faulty.
    pub fn flag(&mut self, name: &'static str, default: bool) -> bool {
        match self.value(name) {
            None => default,
            Some(Value::Bool(flag)) => *flag,
            Some(_) => {
                self.fault(name, "wrongType", "must be true or false");
                default
            }
        }
    }

    /// A whole number within a range.
    pub fn whole(&mut self, name: &'static str, range: RangeInclusive<u32>) -> Option<u32> {
        let value = self.value(name)?;
        // 3.0 is a whole number in JSON; it is what some writers make of 3.
        let number = value.as_i64().or_else(|| {
            let number = value.as_f64()?;
            #[expect(clippy::cast_possible_truncation, reason = "a saturated number is out of every range")]
            (number.fract() == 0.0).then_some(number as i64)
        });
        match number.map(u32::try_from) {
            Some(Ok(number)) if range.contains(&number) => return Some(number),
            Some(_) => self.fault(
                name,
                "outOfRange",
                format!("must be a whole number from {} to {}", range.start(), range.end()),
            ),
            None => self.fault(name, "wrongType", "must be a whole number"),
        }
        None
    }

    /// One of the given words.
    pub fn word<T: Copy>(&mut self, name: &'static str, words: &[(&str, T)]) -> Option<T> {
        let value = self.value(name)?;
        let place = self.place(name);
        self.one_of(value, &place, words)
    }

    /// A list without repetitions whose elements are words; `None` when it is empty or absent.
    pub fn words<T: Copy>(&mut self, name: &'static str, words: &[(&str, T)]) -> Option<Vec<T>> {
        let elements = self.list(name)?;
        let mut found = vec![];
        for (place, value) in elements {
            let Some(word) = self.one_of(value, &place, words) else { continue };
            found.push(word);
        }
        self.differ(name);
        Some(found)
    }

    /// A list without repetitions of texts of 1 to `max` characters; `None` when it is absent.
    pub fn texts(&mut self, name: &'static str, max: usize) -> Option<Vec<String>> {
        let elements = self.list(name)?;
        let mut found = vec![];
        for (place, value) in elements {
            match value.as_str() {
                Some(text) if (1..=max).contains(&text.chars().count()) => found.push(text.to_owned()),
                Some(_) => self.faults.push(Fault::new(&place, "tooLong", format!("must have 1 to {max} characters"))),
                None => self.faults.push(Fault::new(&place, "wrongType", "must be text")),
            }
        }
        self.differ(name);
        Some(found)
    }

    /// The id that a client chose for something new; of something that exists it must be the `present` one.
    pub fn id(&mut self, present: Option<&str>) -> Option<String> {
        let id = self.text("id", MAX_ID_LENGTH);
        if let Some(why) = id.as_deref().and_then(id_fault) {
            self.fault("id", "badId", why);
        }
        self.same("id", present);
        id
    }

    /// A list without repetitions of ids; empty when it is absent.
    pub fn ids(&mut self, name: &'static str) -> Vec<String> {
        let ids = self.texts(name, MAX_ID_LENGTH).unwrap_or_default();
        let at = self.place(name);
        let bad = ids.iter().enumerate().filter_map(|(index, id)| Some((index, id_fault(id)?)));
        let bad: Vec<_> = bad.map(|(index, why)| Fault::new(&at.join(index), "badId", why)).collect();
        self.faults(bad);
        ids
    }

    /// A list, each element with its place.
    pub fn list(&mut self, name: &'static str) -> Option<Vec<(Pointer, &'a Value)>> {
        let value = self.value(name)?;
        let Some(elements) = value.as_array() else {
            self.fault(name, "wrongType", "must be a list");
            return None;
        };
        let place = self.place(name);
        Some(elements.iter().enumerate().map(|(index, element)| (place.join(index), element)).collect())
    }

    /// An object to be read on its own; hand what it ends in to [`Draft::part`].
    pub fn object(&mut self, name: &'static str) -> Option<Draft<'a>> {
        let value = self.value(name)?;
        Some(Draft::read(value, &self.place(name)))
    }

    /// Takes over the outcome of a part of this draft.
    pub fn part<T>(&mut self, outcome: Result<T, Vec<Fault>>) -> Option<T> {
        outcome.map_err(|found| self.faults(found)).ok()
    }

    /// The believed value, if no member had a fault and none was unknown.
    pub fn finish<T>(mut self, believed: Option<T>) -> Result<T, Vec<Fault>> {
        let unknown = self.members.into_iter().flat_map(Map::keys).filter(|name| !self.known.contains(&name.as_str()));
        let unknown: Vec<_> =
            unknown.map(|name| Fault::new(&self.place(name), "unknownMember", "is not a member")).collect();
        self.faults.extend(unknown);
        match believed {
            Some(believed) if self.faults.is_empty() => Ok(believed),
            _ => Err(self.faults),
        }
    }

    fn one_of<T: Copy>(&mut self, value: &Value, place: &Pointer, words: &[(&str, T)]) -> Option<T> {
        let found = value.as_str().and_then(|text| words.iter().find(|(word, _)| *word == text));
        if found.is_none() {
            let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            self.faults.push(Fault::new(place, "unknownWord", format!("must be one of: {}", words.join(", "))));
        }
        found.map(|(_, meaning)| *meaning)
    }

    /// Notes each element of a list that repeats an earlier one.
    fn differ(&mut self, name: &str) {
        let place = self.place(name);
        let elements = self.members.and_then(|members| members.get(name)).and_then(Value::as_array);
        let elements = elements.map(Vec::as_slice).unwrap_or_default();
        let repeated = elements.iter().enumerate().filter(|(index, element)| elements[..*index].contains(element));
        let repeated =
            repeated.map(|(index, _)| Fault::new(&place.join(index), "repeated", "stands in the list twice"));
        self.faults.extend(repeated.collect::<Vec<_>>());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults(outcome: Result<(), Vec<Fault>>) -> Vec<(String, &'static str)> {
        outcome.unwrap_err().into_iter().map(|fault| (fault.pointer.to_string(), fault.code)).collect()
    }

    #[test]
    fn every_fault_of_a_body_is_named_at_once() {
        let body = json!({
            "name": "x".repeat(101), "description": 5, "on": "yes", "hours": 121, "days": 1.5, "kind": "queue",
            "ids": ["a", "a", "", 7], "inner": {"colour": "red"}, "odd": 1
        });
        let mut draft = Draft::read(&body, &Pointer::root());
        draft.required_text("name", MAX_NAME);
        draft.text("description", MAX_DESCRIPTION);
        draft.flag("on", true);
        draft.whole("hours", 1..=120);
        draft.whole("days", 1..=120);
        draft.word("kind", &[("seller", 1), ("team", 2)]);
        draft.texts("ids", 64);
        let inner = draft.object("inner").unwrap().finish(Some(()));
        draft.part(inner);
        draft.required_text("missing", 10);
        let expected = [
            ("/name", "tooLong"),
            ("/description", "wrongType"),
            ("/on", "wrongType"),
            ("/hours", "outOfRange"),
            ("/days", "wrongType"),
            ("/kind", "unknownWord"),
            ("/ids/2", "tooLong"),
            ("/ids/3", "wrongType"),
            ("/ids/1", "repeated"),
            ("/inner/colour", "unknownMember"),
            ("/missing", "required"),
            ("/odd", "unknownMember"),
        ];
        assert_eq!(faults(draft.finish(Some(()))), expected.map(|(pointer, code)| (pointer.to_owned(), code)));
    }

    #[test]
    fn null_absent_and_the_empty_text_all_mean_empty() {
        for body in [json!({}), json!({"a": null}), json!({"a": ""})] {
            let mut draft = Draft::read(&body, &Pointer::root());
            assert_eq!(draft.text("a", 10), None);
            assert!(draft.flag("a", true));
            assert_eq!(draft.whole("a", 0..=9), None);
            assert_eq!(draft.word("a", &[("x", ())]), None);
            assert_eq!(draft.list("a"), None);
            assert_eq!(draft.finish(Some(())), Ok(()));
        }
    }

    #[test]
    fn a_name_of_blanks_is_no_name() {
        let body = json!({"name": "  "});
        let mut draft = Draft::read(&body, &Pointer::root());
        draft.required_text("name", MAX_NAME);
        assert_eq!(faults(draft.finish(Some(()))), [("/name".to_owned(), "required")]);
    }

    #[test]
    fn length_is_counted_in_characters() {
        let body = json!({"name": "ü".repeat(100)});
        let mut draft = Draft::read(&body, &Pointer::root());
        assert_eq!(draft.required_text("name", MAX_NAME).chars().count(), 100);
        assert_eq!(draft.finish(Some(())), Ok(()));
    }

    #[test]
    fn a_body_that_is_no_object_has_one_fault() {
        let body = json!([1]);
        let mut draft = Draft::read(&body, &Pointer::root());
        draft.required_text("name", MAX_NAME);
        assert_eq!(faults(draft.finish(Some(()))), [(String::new(), "wrongType")]);
    }

    #[test]
    fn what_cant_change_may_be_left_out_or_said_again() {
        for (body, fits) in [(json!({}), true), (json!({"id": "a"}), true), (json!({"id": "b"}), false)] {
            for (present, fits) in [(Some("a"), fits), (None, true)] {
                let mut draft = Draft::read(&body, &Pointer::root());
                draft.same("id", present);
                assert_eq!(draft.finish(Some(())).is_ok(), fits, "{body}");
            }
        }
    }

    #[test]
    fn what_an_answer_adds_may_be_sent_back() {
        let body = json!({"id": "x", "version": 3});
        let mut draft = Draft::read(&body, &Pointer::root());
        draft.ignore(&["id", "version"]);
        assert_eq!(draft.finish(Some(())), Ok(()));
    }
}
