//! From a tree to typed values, through serde, with the place of everything that does not fit.
//!
//! The types say what a file may hold; this says where a file does not.
//! Unknown keys are collected and passed over, and each item of a list or map of the topmost types is decoded for
//! itself, so that one reading reports all of them.

use std::cell::RefCell;
use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::finding::{Finding, Mark, instead, quoted};
use super::tree::{Key, Node, Scalar, Value};

/// Decodes a node whose place in the file is `path`; unknown keys go to `findings` and do not stop the decoding.
///
/// Nothing is returned where the value does not fit, and the reason is among the findings.
pub(super) fn decode<T: de::DeserializeOwned>(node: &Node, path: &str, findings: &mut Vec<Finding>) -> Option<T> {
    let unknown = RefCell::new(Vec::new());
    let place = Place { node, path: path.to_owned(), unknown: &unknown };
    let decoded = T::deserialize(place);
    findings.append(&mut unknown.into_inner());
    match decoded {
        Ok(value) => Some(value),
        Err(error) => {
            let (at, path) = error.at.unwrap_or((node.at, path.to_owned()));
            findings.push(Finding::new(at, &path, error.message));
            None
        }
    }
}

/// A value that does not fit, and where, once the node it belongs to is known.
#[derive(Debug)]
struct Misfit {
    at: Option<(Mark, String)>,
    message: String,
}

impl Misfit {
    fn new(message: String) -> Self {
        Self { at: None, message }
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl std::error::Error for Misfit {}

impl de::Error for Misfit {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn invalid_type(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::new(format!("This does not fit here. Write {expected}."))
    }

    fn invalid_value(_: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::new(format!("This does not fit here. Write {expected}."))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!("{} is not known here. Write one of {}.", quoted(variant), expected.join(", ")))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::new(unknown_key(field, expected))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(format!("The key {} is missing. Add it.", quoted(field)))
    }
}

/// The sentence about a key that nobody reads.
pub(super) fn unknown_key(key: &str, known: &[&str]) -> String {
    format!("The key {} is not known here. {}", quoted(key), instead(key, known))
}

#[derive(Clone)]
struct Place<'tree> {
    node: &'tree Node,
    path: String,
    unknown: &'tree RefCell<Vec<Finding>>,
}

impl<'tree> Place<'tree> {
    fn below(&self, key: &str, node: &'tree Node) -> Self {
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        Self { node, path, unknown: self.unknown }
    }

    fn item(&self, index: usize, node: &'tree Node) -> Self {
        Self { node, path: format!("{}[{index}]", self.path), unknown: self.unknown }
    }

    /// Decodes what stands here; a misfit that knows no place yet is of this one.
    fn fill<'de, S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Misfit> {
        seed.deserialize(self.clone()).map_err(|misfit| self.placed(misfit))
    }

    fn placed(&self, mut misfit: Misfit) -> Misfit {
        misfit.at.get_or_insert_with(|| (self.node.at, self.path.clone()));
        misfit
    }

    fn wrong(&self, expected: &str) -> Misfit {
        self.placed(Misfit::new(format!(
            "Here stands {}, but {expected} is expected. Write one.",
            self.node.describe()
        )))
    }

    fn scalar(&self, expected: &str) -> Result<&'tree Scalar, Misfit> {
        match &self.node.value {
            Value::Scalar(scalar) if !scalar.is_null() => Ok(scalar),
            _ => Err(self.wrong(expected)),
        }
    }

    fn number<T: std::str::FromStr>(&self) -> Result<T, Misfit> {
        let scalar = self.scalar("a whole number")?;
        scalar.text.parse().map_err(|_| self.wrong("a whole number in range"))
    }

    fn visit_map_of<'de, V: Visitor<'de>>(&self, visitor: V, known: Option<&[&str]>) -> Result<V::Value, Misfit> {
        let Value::Map(entries) = &self.node.value else { return Err(self.wrong("a map of keys and values")) };
        let mut kept: Vec<&(Key, Node)> = Vec::with_capacity(entries.len());
        for entry in entries {
            match known {
                Some(known) if !known.contains(&entry.0.text.as_str()) => {
                    let at = self.below(&entry.0.text, &entry.1).path;
                    let finding = Finding::new(entry.0.at, &at, unknown_key(&entry.0.text, known));
                    self.unknown.borrow_mut().push(finding);
                }
                _ => kept.push(entry),
            }
        }
        let entries = Entries { place: self.clone(), rest: kept.into_iter(), value: None };
        visitor.visit_map(entries).map_err(|misfit| self.placed(misfit))
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident $number:ty),*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
            visitor.$visit(self.number::<$number>()?).map_err(|misfit| self.placed(misfit))
        })*
    };
}

impl<'de> Deserializer<'de> for Place<'_> {
    type Error = Misfit;

    /// Asked for where a type takes whatever stands there; none of ours does, and texts are the honest reading.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match &self.node.value {
            Value::Scalar(scalar) if scalar.is_null() => visitor.visit_unit(),
            Value::Scalar(_) => self.deserialize_str(visitor),
            Value::List(_) => self.deserialize_seq(visitor),
            Value::Map(_) => self.deserialize_map(visitor),
        }
    }

    numbers!(
        deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16, deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64, deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32, deserialize_u64 visit_u64 u64, deserialize_f32 visit_f32 f32,
        deserialize_f64 visit_f64 f64
    );

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let scalar = self.scalar("true or false")?;
        match scalar.text.as_str() {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            _ => Err(self.wrong("true or false")),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let scalar = self.scalar("a text")?;
        visitor.visit_str(&scalar.text).map_err(|misfit| self.placed(misfit))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        if self.node.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let Value::List(items) = &self.node.value else { return Err(self.wrong("a list")) };
        visitor
            .visit_seq(Items { place: self.clone(), rest: items.iter().enumerate() })
            .map_err(|misfit| self.placed(misfit))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.visit_map_of(visitor, None)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        self.visit_map_of(visitor, Some(fields))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        let scalar = self.scalar(&format!("one of {}", variants.join(", ")))?;
        visitor.visit_enum(Word(&scalar.text)).map_err(|misfit| self.placed(misfit))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! { char bytes byte_buf unit unit_struct tuple tuple_struct identifier }
}

struct Items<'tree, I> {
    place: Place<'tree>,
    rest: I,
}

impl<'de, 'tree, I: Iterator<Item = (usize, &'tree Node)>> SeqAccess<'de> for Items<'tree, I> {
    type Error = Misfit;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Misfit> {
        self.rest.next().map(|(index, node)| self.place.item(index, node).fill(seed)).transpose()
    }
}

struct Entries<'tree, I> {
    place: Place<'tree>,
    rest: I,
    value: Option<&'tree (Key, Node)>,
}

impl<'de, 'tree, I: Iterator<Item = &'tree (Key, Node)>> MapAccess<'de> for Entries<'tree, I> {
    type Error = Misfit;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Misfit> {
        self.value = self.rest.next();
        self.value.map(|(key, _)| seed.deserialize(StrDeserializer::new(&key.text))).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Misfit> {
        let Some((key, node)) = self.value.take() else {
            return Err(Misfit::new("A value was asked for before its key.".to_owned()));
        };
        self.place.below(&key.text, node).fill(seed)
    }
}

struct Word<'tree>(&'tree str);

impl<'de> EnumAccess<'de> for Word<'_> {
    type Error = Misfit;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Misfit> {
        seed.deserialize(StrDeserializer::new(self.0)).map(|variant| (variant, self))
    }
}

/// All enums of entries are words without content.
impl<'de> VariantAccess<'de> for Word<'_> {
    type Error = Misfit;

    fn unit_variant(self) -> Result<(), Misfit> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Result<T::Value, Misfit> {
        Err(Misfit::new(format!("{} takes no content.", quoted(self.0))))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Misfit> {
        Err(Misfit::new(format!("{} takes no content.", quoted(self.0))))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], _: V) -> Result<V::Value, Misfit> {
        Err(Misfit::new(format!("{} takes no content.", quoted(self.0))))
    }
}
