//! Whether the arguments of a call are one JSON object that means one thing.

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::collections::HashSet;
use std::fmt;

/// What is wrong with arguments, in words for the model; none: nothing. They have to be one
/// object, without a name twice, with numbers that exist, nested less than 128 deep.
pub(super) fn fault_of(text: &str) -> Option<String> {
    let mut input = serde_json::Deserializer::from_str(text);
    let read = Object.deserialize(&mut input).and_then(|()| input.end());
    read.err().map(|error| format!("the arguments are not one JSON object: {error}"))
}

/// The outermost value.
struct Object;

impl<'de> DeserializeSeed<'de> for Object {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_map(Members)
    }
}

/// The members of an object.
struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(name) = members.next_key::<String>()? {
            members.next_value_seed(Anything)?;
            if let Some(twice) = seen.replace(name) {
                return Err(A::Error::custom(format!("`{twice}` is there twice")));
            }
        }
        Ok(())
    }
}

/// Any value; objects are checked like the outermost one.
#[derive(Clone, Copy)]
struct Anything;

impl<'de> DeserializeSeed<'de> for Anything {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Anything {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<(), A::Error> {
        Members.visit_map(members)
    }
}

#[cfg(test)]
mod tests {
    use super::fault_of;

    #[test]
    fn only_one_object_that_means_one_thing_passes() {
        for good in ["{}", " {\"a\": [1, -2, 3.5, null, true, {\"b\": \"x\"}]} ", r#"{"a":{"b":1},"b":1}"#] {
            assert_eq!(fault_of(good), None, "{good}");
        }
        let deep = format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
        let bad = [
            ("", "EOF"),
            ("{\"sql\": \"select", "EOF"),
            ("[1]", "an object"),
            ("{} {}", "trailing"),
            ("{'a': 1}", "key"),
            (r#"{"a": 1, "a": 2}"#, "`a` is there twice"),
            (r#"{"x": {"a": 1, "a": 2}}"#, "`a` is there twice"),
            (r#"{"a": 1e999}"#, "out of range"),
            (deep.as_str(), "recursion limit"),
        ];
        for (text, why) in bad {
            let fault = fault_of(text).unwrap_or_default();
            assert!(fault.contains(why), "{}: {fault}", &text[..text.len().min(40)]);
        }
    }
}
