//! How a table of kinds becomes code: every shape that was ever written is read, the newest is written.

use serde::{Deserialize, Serialize, Serializer};

/// A fact that a newer build wrote: kept as it is, and understood by nobody here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opaque {
    /// Number of its kind.
    pub kind: u16,
    /// Number of its shape.
    pub schema: u16,
    /// Its body; in JSON as base64.
    #[serde(serialize_with = "as_base64")]
    pub body: Vec<u8>,
}

fn as_base64<S: Serializer>(body: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    use base64::Engine;
    serializer.serialize_str(&base64::engine::general_purpose::STANDARD.encode(body))
}

/// Makes `KINDS`, `encode` and `decode` out of a table of kinds.
///
/// A line is `number name Variant: newest schema [older schema OldPayload, …];`, the older ones, if
/// there are any, oldest first. An old body is read as its old payload and converted by `From` into
/// the next one, step by step. What is not in the table becomes the variant `Unknown` of [`Opaque`].
macro_rules! kinds {
    // An older shape: read as what it was, then lifted through all that came after it.
    (@old $record:ident, $wrap:expr;) => { None };
    (@old $record:ident, $wrap:expr; $schema:literal $old:ty, $($rest:tt)*) => {
        if $record.schema == $schema {
            let old = vanna_journal::codec::decode::<$old>(&$record.body);
            Some(old.map(|old| $wrap($crate::kinds::kinds!(@lift old; $($rest)*))))
        } else {
            $crate::kinds::kinds!(@old $record, $wrap; $($rest)*)
        }
    };
    (@lift $value:expr;) => { $value.into() };
    (@lift $value:expr; $schema:literal $next:ty, $($rest:tt)*) => {
        $crate::kinds::kinds!(@lift <$next>::from($value); $($rest)*)
    };

    ($shown:vis $event:ident: $(
        $number:literal $name:literal $variant:ident: $newest:literal $([$($schema:literal $old:ty),*])?;
    )*) => {
        /// Every kind of fact that this build can read, in every shape that it ever had.
        $shown const KINDS: &[vanna_journal::schema::Kind] = &[$(
            $($(vanna_journal::schema::Kind { number: $number, schema: $schema, name: $name },)*)?
            vanna_journal::schema::Kind { number: $number, schema: $newest, name: $name },
        )*];

        /// The record that keeps an event, in the newest shape.
        $shown fn encode(
            event: &$event,
            at: i64,
            request_id: Option<&str>,
        ) -> Result<vanna_journal::NewRecord, $crate::runtime::entity::UnreadableRecord> {
            let (kind, schema, body) = match event {
                $($event::$variant(payload) => ($number, $newest, vanna_journal::codec::encode(payload)),)*
                $event::Unknown(opaque) => {
                    let reason = "only the build that knows the kind may write it".to_owned();
                    return Err($crate::runtime::entity::UnreadableRecord {
                        position: 0, kind: opaque.kind, schema: opaque.schema, reason,
                    });
                }
            };
            let body = body.map_err(|error| $crate::runtime::entity::UnreadableRecord {
                position: 0, kind, schema, reason: error.to_string(),
            })?;
            Ok(vanna_journal::NewRecord {
                kind, schema, at, request_id: request_id.map(str::to_owned), causation: None, body,
            })
        }

        /// The event that a record keeps, in today's shape; opaque when a newer build wrote it.
        $shown fn decode(
            record: &vanna_journal::Record,
        ) -> Result<$event, $crate::runtime::entity::UnreadableRecord> {
            let read = match record.kind {
                $($number if record.schema == $newest => {
                    Some(vanna_journal::codec::decode(&record.body).map($event::$variant))
                }
                $number => $crate::kinds::kinds!(@old record, $event::$variant; $($($schema $old,)*)?),)*
                _ => None,
            };
            match read {
                Some(read) => read.map_err(|error| $crate::runtime::entity::UnreadableRecord {
                    position: record.position, kind: record.kind, schema: record.schema,
                    reason: error.to_string(),
                }),
                None => Ok($event::Unknown($crate::kinds::Opaque {
                    kind: record.kind, schema: record.schema, body: record.body.clone(),
                })),
            }
        }

        /// The shape of every payload, and bodies with every variation of it.
        #[cfg(test)]
        pub(crate) fn traced() -> Vec<$crate::shape_tests::Traced> {
            fn newest<T: serde::Serialize + serde::de::DeserializeOwned>(
                number: u16, schema: u16, _payload_of: fn(T) -> $event,
            ) -> $crate::shape_tests::Traced {
                $crate::shape_tests::trace::<T>(number, schema)
            }
            vec![$(
                $($($crate::shape_tests::trace::<$old>($number, $schema),)*)?
                newest($number, $newest, $event::$variant),
            )*]
        }
    };
}

pub(crate) use kinds;

#[cfg(test)]
#[path = "kinds_tests.rs"]
mod tests;
