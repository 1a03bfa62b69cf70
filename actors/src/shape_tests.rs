//! How a payload is built, found out by decoding it from nothing: fields, types and variants, in order.
//!
//! The encoding carries no names, so that a moved field or variant would change its meaning unseen. A
//! shape shows both. Names of types do not count: a payload that is kept as an older one may be renamed.

use serde::de::value::{Error, U32Deserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, MapAccess,
    SeqAccess, VariantAccess, Visitor,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One payload type, traced.
pub(crate) struct Traced {
    /// Number of the kind and of the shape.
    pub(crate) pair: (u16, u16),
    /// How it is built.
    pub(crate) shape: String,
    /// Encoded values that, taken together, hold every variant of every enum and option.
    pub(crate) bodies: Vec<Vec<u8>>,
}

/// Traces a payload type.
pub(crate) fn trace<T: Serialize + DeserializeOwned>(number: u16, schema: u16) -> Traced {
    let mut book = Book::default();
    let mut bodies: Vec<Vec<u8>> = Vec::new();
    let mut pass = |book: &mut Book| {
        let mut shape = String::new();
        let value = T::deserialize(Probe { book, shape: &mut shape }).unwrap();
        let body = vanna_journal::codec::encode(&value).unwrap();
        if !bodies.contains(&body) {
            bodies.push(body);
        }
        shape
    };
    let mut shape = pass(&mut book);
    while !book.is_seen() {
        shape = pass(&mut book);
    }
    book.bare = true;
    pass(&mut book);
    Traced { pair: (number, schema), shape: book.spell_out(&shape), bodies }
}

/// Variants that were found so far, with the shape of their payload once it was seen.
#[derive(Default)]
struct Book {
    /// Options and sequences hold nothing.
    bare: bool,
    enums: BTreeMap<String, Vec<(String, Option<String>)>>,
}

impl Book {
    /// The variant to try: one that was not seen, else the first.
    fn next(&mut self, name: &str, variants: &[&str]) -> usize {
        let fresh = || variants.iter().map(|variant| ((*variant).to_owned(), None)).collect();
        let known = self.enums.entry(name.to_owned()).or_insert_with(fresh);
        let index = known.iter().position(|(_, payload)| payload.is_none()).unwrap_or(0);
        known[index].1.get_or_insert_default();
        index
    }

    /// Whether every variant of every enum was met.
    fn is_seen(&self) -> bool {
        self.enums.values().flatten().all(|(_, payload)| payload.is_some())
    }

    /// Puts in place of each enum what it is.
    fn spell_out(&self, shape: &str) -> String {
        let mut text = shape.to_owned();
        for _ in 0..20 {
            for (name, variants) in &self.enums {
                let all =
                    variants.iter().map(|(name, payload)| format!("{name}{}", payload.as_ref().unwrap()));
                text =
                    text.replace(&format!("<{name}>"), &format!("({})", all.collect::<Vec<_>>().join("|")));
            }
        }
        text
    }
}

struct Probe<'a> {
    book: &'a mut Book,
    shape: &'a mut String,
}

impl Probe<'_> {
    fn within(&mut self) -> Probe<'_> {
        Probe { book: self.book, shape: self.shape }
    }

    fn variant<'de, V: Visitor<'de>>(
        self,
        name: &str,
        variants: &[&str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let index = self.book.next(name, variants);
        self.shape.push_str(&format!("<{name}>"));
        let mut payload = String::new();
        let value = visitor.visit_enum(Choice { index, book: self.book, payload: &mut payload })?;
        self.book.enums.get_mut(name).unwrap()[index].1 = Some(payload);
        Ok(value)
    }
}

macro_rules! plain {
    ($($method:ident $name:literal $visit:ident $value:expr;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.shape.push_str($name);
            visitor.$visit($value)
        }
    )*};
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Error;

    plain! {
        deserialize_bool "bool" visit_bool true;
        deserialize_i8 "i8" visit_i8 -3;
        deserialize_i16 "i16" visit_i16 -300;
        deserialize_i32 "i32" visit_i32 -70_000;
        deserialize_i64 "i64" visit_i64 -5_000_000_000;
        deserialize_u8 "u8" visit_u8 3;
        deserialize_u16 "u16" visit_u16 300;
        deserialize_u32 "u32" visit_u32 70_000;
        deserialize_u64 "u64" visit_u64 5_000_000_000;
        deserialize_f32 "f32" visit_f32 0.5;
        deserialize_f64 "f64" visit_f64 0.1;
        deserialize_char "char" visit_char 'ü';
        deserialize_str "text" visit_str "7";
        deserialize_string "text" visit_str "7";
        deserialize_bytes "bytes" visit_bytes &[7];
        deserialize_byte_buf "bytes" visit_bytes &[7];
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Error> {
        Err(Error::custom("the encoding carries no types, so a payload must say what it holds"))
    }

    fn deserialize_option<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        if self.book.bare {
            return visitor.visit_none();
        }
        self.shape.push('[');
        let value = visitor.visit_some(self.within());
        self.shape.push_str("]?");
        value
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        self.shape.push('[');
        let left = usize::from(!self.book.bare);
        let value = visitor.visit_seq(Items { probe: self.within(), names: None, left });
        self.shape.push(']');
        value
    }

    fn deserialize_tuple<V: Visitor<'de>>(mut self, len: usize, visitor: V) -> Result<V::Value, Error> {
        self.shape.push('(');
        let value = visitor.visit_seq(Items { probe: self.within(), names: None, left: len });
        self.shape.push(')');
        value
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Error> {
        self.shape.push_str("map{");
        let left = usize::from(!self.book.bare);
        let value = visitor.visit_map(Items { probe: self.within(), names: None, left });
        self.shape.push('}');
        value
    }

    fn deserialize_struct<V: Visitor<'de>>(
        mut self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.shape.push('{');
        let value =
            visitor.visit_seq(Items { probe: self.within(), names: Some(fields), left: fields.len() });
        self.shape.push('}');
        value
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.variant(name, variants, visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_any(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_any(visitor)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

struct Items<'a> {
    probe: Probe<'a>,
    names: Option<&'static [&'static str]>,
    left: usize,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        if self.left == 0 {
            return Ok(None);
        }
        if let Some(names) = self.names {
            self.probe.shape.push_str(&format!("{}:", names[names.len() - self.left]));
        }
        self.left -= 1;
        let value = seed.deserialize(self.probe.within())?;
        if self.left > 0 {
            self.probe.shape.push(',');
        }
        Ok(Some(value))
    }
}

impl<'de> MapAccess<'de> for Items<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        seed.deserialize(self.probe.within()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        self.probe.shape.push(':');
        seed.deserialize(self.probe.within())
    }
}

struct Choice<'a> {
    index: usize,
    book: &'a mut Book,
    payload: &'a mut String,
}

impl<'de, 'a> EnumAccess<'de> for Choice<'a> {
    type Error = Error;
    type Variant = Probe<'a>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Probe<'a>), Error> {
        let index: U32Deserializer<Error> = u32::try_from(self.index).unwrap().into_deserializer();
        Ok((seed.deserialize(index)?, Probe { book: self.book, shape: self.payload }))
    }
}

impl<'de> VariantAccess<'de> for Probe<'_> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        self.shape.push(' ');
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_tuple(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_struct("", fields, visitor)
    }
}

#[derive(Debug, Serialize, Deserialize)]
enum Colour {
    Red,
    Mixed { parts: Vec<u8> },
    Named(String),
}

#[derive(Debug, Serialize, Deserialize)]
struct Sample {
    first: Colour,
    second: Option<(u64, Colour)>,
}

#[test]
fn a_shape_names_every_field_type_and_variant_in_order() {
    let traced = trace::<Sample>(1, 1);
    let colour = "(Red|Mixed{parts:[u8]}|Named text)";
    assert_eq!(traced.shape, format!("{{first:{colour},second:[(u64,{colour})]?}}"));
    let values: Vec<Sample> =
        traced.bodies.iter().map(|body| vanna_journal::codec::decode(body).unwrap()).collect();
    let shown = format!("{values:?}");
    for part in ["Red", "Mixed", "Named", "None", "Some"] {
        assert!(shown.contains(part), "{part} is missing from {shown}");
    }
}

/// The same payload under another name, and with each change that would read old bytes wrongly.
#[test]
fn any_change_of_a_payload_changes_its_shape_and_a_new_name_does_not() {
    macro_rules! shape {
        ($payload:ident $($item:item)*) => {{
            $(#[derive(Serialize, Deserialize)] $item)*
            trace::<$payload>(1, 1).shape
        }};
    }
    let released = shape! { Payload struct Payload { at: u32, kind: Kind } enum Kind { Line, Bar } };
    let renamed = shape! { Older struct Older { at: u32, kind: OldKind } enum OldKind { Line, Bar } };
    assert_eq!(released, renamed);
    let changed = [
        shape! { Payload struct Payload { at: u32, kind: Kind } enum Kind { Bar, Line } },
        shape! { Payload struct Payload { at: u32, kind: Kind } enum Kind { Line, Bar, Area } },
        shape! { Payload struct Payload { at: u32, kind: Kind } enum Kind { Line, Bar(u8) } },
        shape! { Payload struct Payload { kind: Kind, at: u32 } enum Kind { Line, Bar } },
        shape! { Payload struct Payload { at: u64, kind: Kind } enum Kind { Line, Bar } },
        shape! { Payload struct Payload { at: u32, kind: Option<Kind> } enum Kind { Line, Bar } },
        shape! { Payload struct Payload { at: u32, kind: Kind, more: bool } enum Kind { Line, Bar } },
        shape! { Payload struct Payload { since: u32, kind: Kind } enum Kind { Line, Bar } },
    ];
    for shape in changed {
        assert_ne!(shape, released);
    }
}
