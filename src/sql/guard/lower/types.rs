//! Target types of casts. Types of a schema may run anybody's input function, so only known ones pass.

use super::Lower;
use crate::sql::guard::GuardDialect;
use crate::sql::guard::refusal::{Checked, Code, Refusal};
use sqlparser::ast::{
    ArrayElemTypeDef, DataType, MapBracketKind, ObjectName, ObjectNamePart, StructBracketKind, StructField,
};

/// Types that the parser knows by no variant of its own, by dialect.
#[expect(clippy::too_many_lines, reason = "names of types")]
fn named(dialect: GuardDialect) -> &'static [&'static str] {
    match dialect {
        GuardDialect::Postgres => &[
            "bpchar",
            "cidr",
            "citext",
            "cube",
            "daterange",
            "datemultirange",
            "float4",
            "float8",
            "geography",
            "geometry",
            "halfvec",
            "hstore",
            "inet",
            "int4range",
            "int8range",
            "int2",
            "int4",
            "int8",
            "jsonpath",
            "ltree",
            "macaddr",
            "macaddr8",
            "money",
            "name",
            "numrange",
            "serial",
            "timestamptz",
            "timetz",
            "tsrange",
            "tstzrange",
            "vector",
            "varbit",
            "sparsevec",
            "nummultirange",
            "int4multirange",
            "int8multirange",
            "tsmultirange",
            "tstzmultirange",
            "_text",
            "_varchar",
            "_int4",
            "_int8",
            "_float8",
            "_numeric",
        ],
        GuardDialect::Sqlite => &[],
        GuardDialect::Mysql => {
            &["year", "nchar", "point", "linestring", "polygon", "inet6", "inet4", "nvarchar"]
        }
        GuardDialect::Duckdb => &[
            "list",
            "long",
            "short",
            "logical",
            "timestamp_s",
            "timestamp_ms",
            "timestamp_ns",
            "timestamptz",
            "timetz",
            "varint",
            "oid",
            "numeric",
            "string",
            "int1",
            "bitstring",
            "bpchar",
            "float4",
            "float8",
            "uhugeint",
            "timestamp_us",
            "signed",
            "dec",
            "geometry",
            "bignum",
            "guid",
        ],
        GuardDialect::Snowflake => &[
            "number",
            "variant",
            "object",
            "array",
            "timestamp_ntz",
            "timestamp_ltz",
            "timestamp_tz",
            "geography",
            "geometry",
            "string",
            "byteint",
            "timestampltz",
            "timestamptz",
            "timestampntz",
            "vector",
            "nvarchar2",
            "map",
            "decfloat",
        ],
        GuardDialect::Bigquery => &["geography", "bignumeric", "byteint", "numeric", "range", "interval"],
        GuardDialect::Mssql => &[
            "datetime2",
            "datetimeoffset",
            "smalldatetime",
            "money",
            "smallmoney",
            "uniqueidentifier",
            "nchar",
            "ntext",
            "sql_variant",
            "image",
            "hierarchyid",
            "geography",
            "geometry",
            "rowversion",
            "xml",
            "json",
        ],
    }
}

impl Lower<'_> {
    /// A type as it is written.
    #[expect(clippy::too_many_lines, reason = "one line for each type that the parser knows")]
    pub(super) fn data_type(&self, data_type: DataType) -> Checked<String> {
        match data_type {
            DataType::Character(_)
            | DataType::Char(_)
            | DataType::CharacterVarying(_)
            | DataType::CharVarying(_)
            | DataType::Varchar(_)
            | DataType::Nvarchar(_)
            | DataType::Uuid
            | DataType::CharacterLargeObject(_)
            | DataType::CharLargeObject(_)
            | DataType::Clob(_)
            | DataType::Binary(_)
            | DataType::Varbinary(_)
            | DataType::Blob(_)
            | DataType::TinyBlob
            | DataType::MediumBlob
            | DataType::LongBlob
            | DataType::Bytes(_)
            | DataType::Numeric(_)
            | DataType::Decimal(_)
            | DataType::DecimalUnsigned(_)
            | DataType::BigNumeric(_)
            | DataType::BigDecimal(_)
            | DataType::Dec(_)
            | DataType::DecUnsigned(_)
            | DataType::Float(_)
            | DataType::FloatUnsigned(_)
            | DataType::TinyInt(_)
            | DataType::TinyIntUnsigned(_)
            | DataType::UTinyInt
            | DataType::Int2(_)
            | DataType::Int2Unsigned(_)
            | DataType::SmallInt(_)
            | DataType::SmallIntUnsigned(_)
            | DataType::USmallInt
            | DataType::MediumInt(_)
            | DataType::MediumIntUnsigned(_)
            | DataType::Int(_)
            | DataType::Int4(_)
            | DataType::Int8(_)
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::Int128
            | DataType::Int256
            | DataType::Integer(_)
            | DataType::IntUnsigned(_)
            | DataType::Int4Unsigned(_)
            | DataType::IntegerUnsigned(_)
            | DataType::HugeInt
            | DataType::UHugeInt
            | DataType::UInt8
            | DataType::UInt16
            | DataType::UInt32
            | DataType::UInt64
            | DataType::UInt128
            | DataType::UInt256
            | DataType::BigInt(_)
            | DataType::BigIntUnsigned(_)
            | DataType::UBigInt
            | DataType::Int8Unsigned(_)
            | DataType::Signed
            | DataType::SignedInteger
            | DataType::Unsigned
            | DataType::UnsignedInteger
            | DataType::Float4
            | DataType::Float32
            | DataType::Float64
            | DataType::Real
            | DataType::RealUnsigned
            | DataType::Float8
            | DataType::Double(_)
            | DataType::DoubleUnsigned(_)
            | DataType::DoublePrecision
            | DataType::DoublePrecisionUnsigned
            | DataType::Bool
            | DataType::Boolean
            | DataType::Date
            | DataType::Date32
            | DataType::Time(..)
            | DataType::Datetime(_)
            | DataType::Timestamp(..)
            | DataType::TimestampNtz(_)
            | DataType::Interval { .. }
            | DataType::JSON
            | DataType::JSONB
            | DataType::Text
            | DataType::TinyText
            | DataType::MediumText
            | DataType::LongText
            | DataType::String(_)
            | DataType::Bytea
            | DataType::Bit(_)
            | DataType::BitVarying(_)
            | DataType::VarBit(_)
            | DataType::GeometricType(_)
            | DataType::TsVector
            | DataType::TsQuery => Ok(data_type.to_string()),
            DataType::Custom(name, modifiers) => self.named_type(name, modifiers),
            DataType::Array(element) => self.array_type(element),
            DataType::Map(key, value, bracket) => {
                let (key, value) = (self.data_type(*key)?, self.data_type(*value)?);
                Ok(match bracket {
                    MapBracketKind::Parentheses => format!("MAP({key}, {value})"),
                    MapBracketKind::AngleBrackets => format!("MAP<{key}, {value}>"),
                })
            }
            DataType::Struct(fields, bracket) => self.struct_type(fields, bracket),
            DataType::Enum(_, _)
            | DataType::Table(_)
            | DataType::NamedTable { .. }
            | DataType::Datetime64(..)
            | DataType::FixedString(_)
            | DataType::Regclass
            | DataType::Tuple(_)
            | DataType::Nested(_)
            | DataType::Set(_)
            | DataType::Union(_)
            | DataType::Nullable(_)
            | DataType::LowCardinality(_)
            | DataType::Unspecified
            | DataType::Trigger
            | DataType::AnyType => Err(not_listed(&data_type.to_string())),
        }
    }

    fn named_type(&self, name: ObjectName, modifiers: Vec<String>) -> Checked<String> {
        let ObjectName(parts) = name;
        let [ObjectNamePart::Identifier(ident)] = parts.as_slice() else {
            return Err(not_listed("A type of a schema"));
        };
        let lower = ident.value.to_ascii_lowercase();
        let plain = lower.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && lower.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        // SQLite takes any word for a type and looks only for parts such as INT in it.
        let known = named(self.dialect).contains(&lower.as_str()) || self.dialect == GuardDialect::Sqlite;
        let words = |text: &String| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if self.dialect == GuardDialect::Duckdb && lower == "map" && modifiers.len() == 2 {
            let plain = modifiers.iter().all(words);
            return if plain { Ok(format!("MAP({})", modifiers.join(", "))) } else { Err(not_listed("MAP")) };
        }
        let numeric = |text: &String| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let max = |text: &String| text.eq_ignore_ascii_case("max");
        // Types of keys and values, which are words without anything in them.
        let part = |text: &String| lower == "map" && text.bytes().all(|b| b.is_ascii_alphanumeric());
        if !known || !plain || !modifiers.iter().all(|m| numeric(m) || max(m) || part(m)) {
            return Err(not_listed(&ident.value));
        }
        let name = lower.to_ascii_uppercase();
        if modifiers.is_empty() { Ok(name) } else { Ok(format!("{name}({})", modifiers.join(", "))) }
    }

    fn array_type(&self, element: ArrayElemTypeDef) -> Checked<String> {
        Ok(match element {
            ArrayElemTypeDef::None => "ARRAY".to_owned(),
            ArrayElemTypeDef::AngleBracket(inner) => format!("ARRAY<{}>", self.data_type(*inner)?),
            ArrayElemTypeDef::Parenthesis(inner) => format!("ARRAY({})", self.data_type(*inner)?),
            ArrayElemTypeDef::SquareBracket(inner, None) => format!("{}[]", self.data_type(*inner)?),
            ArrayElemTypeDef::SquareBracket(inner, Some(length)) => {
                format!("{}[{length}]", self.data_type(*inner)?)
            }
            ArrayElemTypeDef::Qualified(inner, None) => format!("{} ARRAY", self.data_type(*inner)?),
            ArrayElemTypeDef::Qualified(inner, Some(length)) => {
                format!("{} ARRAY[{length}]", self.data_type(*inner)?)
            }
        })
    }

    fn struct_type(&self, fields: Vec<StructField>, bracket: StructBracketKind) -> Checked<String> {
        let mut written = Vec::new();
        for StructField { field_name, field_type, options } in fields {
            if options.is_some() {
                return Err(not_listed("A field with options"));
            }
            let field = self.data_type(field_type)?;
            written.push(match field_name {
                Some(name) => format!(
                    "{} {field}",
                    crate::sql::guard::write::identifier(&self.ident(name)?, self.dialect)
                ),
                None => field,
            });
        }
        let inner = written.join(", ");
        Ok(match bracket {
            StructBracketKind::Parentheses => format!("STRUCT({inner})"),
            StructBracketKind::AngleBrackets => format!("STRUCT<{inner}>"),
        })
    }
}

fn not_listed(what: &str) -> Refusal {
    Refusal::new(Code::TypeNotAllowed, format!("The type {what} is not listed; cast to a listed type."))
}
