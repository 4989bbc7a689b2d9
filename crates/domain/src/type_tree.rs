//! What a type is made of, as far as the order and equality of its values depend on it. Read from the source's
//! catalogue and kept with a version's column.

use serde::{Deserialize, Serialize};

/// `tables::sort_key` has a function for each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TypeTree {
    /// A type that is made of nothing else.
    Scalar(Scalar),
    /// `text`, `varchar` and `name`.
    Text(Collation),
    /// `char(n)`
    Bpchar(Collation),
    /// `citext`: in lower case as the database has it, then by the column's collation.
    Citext {
        lower: Collation,
        collation: Collation,
    },
    /// `jsonb`, with the database's collation.
    Jsonb(Collation),
    /// The labels in their order.
    Enum(Vec<String>),
    Array {
        element: Box<TypeTree>,
        delimiter: char,
    },
    Range(Box<RangeTree>),
    Multirange(Box<RangeTree>),
    /// A composite type: the types of its attributes.
    Record(Vec<TypeTree>),
    /// A type without a btree order, or with one that Mycorr does not know.
    Unordered,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RangeTree {
    pub subtype: TypeTree,
    /// Written as `[a,b)` whatever was put in, because its values can be counted: `int4range`, `int8range` and
    /// `daterange`.
    pub discrete: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scalar {
    Boolean,
    Int2,
    Int4,
    Int8,
    Oid,
    Float4,
    Float8,
    Numeric,
    Money,
    Date,
    Time,
    TimeTz,
    Timestamp,
    TimestampTz,
    Interval,
    Uuid,
    Bytea,
    /// `"char"`, one byte
    Char,
    /// `bit` and `varbit`
    Bits,
    Inet,
    Cidr,
    Macaddr,
    Macaddr8,
    PgLsn,
    Xid8,
    Tid,
    OidVector,
    Int2Vector,
    TsVector,
    Ltree,
    Cube,
    Seg,
    Hstore,
    Ean13,
    Isbn,
    Ismn,
    Issn,
    Upc,
}

/// As `pg_collation` has it; the database's own where a column says `default`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collation {
    pub name: String,
    /// `c` for the operating system's, `i` for ICU, `b` for PostgreSQL's own.
    pub provider: char,
    /// None if the locale alone does not tell the order: ICU rules of its own.
    pub locale: Option<String>,
    /// Otherwise texts of different bytes may be equal.
    pub deterministic: bool,
}

/// How a collation compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Collating<'a> {
    Bytes,
    /// By ICU's rules for this locale (BCP 47).
    Icu(&'a str),
    /// In a way that is not to be had here: by the rules of the server's C library, for the most part.
    Unknown,
}

/// What rows are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortOrder {
    /// PostgreSQL's order of the type, collation included.
    Type,
    /// PostgreSQL's order of the type, but for text inside, whose collation can't be followed: by its bytes.
    Bytes,
    /// The bytes of what is shown: the type has no order, or none that is known here.
    Text,
}

impl SortOrder {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Bytes => "bytes",
            Self::Text => "text",
        }
    }
}

/// Keywords of a locale's `-u-` extension that ICU4X has an option for (UTS 35, "Collation Settings").
const KEYWORDS: &[&str] = &["co", "ka", "kc", "kf", "kn", "ks", "kv"];

impl Collation {
    /// Of a version that was made before collations were kept.
    pub fn unknown() -> Self {
        Self { name: String::new(), provider: '?', locale: None, deterministic: true }
    }

    pub fn collating(&self) -> Collating<'_> {
        let Some(locale) = self.locale.as_deref() else { return Collating::Unknown };
        match self.provider {
            'b' => Collating::Bytes,
            // glibc compares by code points in its C.UTF-8, as UTF-8 does by bytes.
            'c' if matches!(locale, "C" | "POSIX" | "C.UTF-8" | "C.utf8") => Collating::Bytes,
            'i' if is_bcp47(locale) => Collating::Icu(locale),
            _ => Collating::Unknown,
        }
    }
}

/// No variants, no transforms, and nothing asked for in an extension that would be passed over.
fn is_bcp47(locale: &str) -> bool {
    let (language, keywords) = locale.split_once("-u-").unwrap_or((locale, ""));
    let plain = |text: &str| text.chars().all(|char| char.is_ascii_alphanumeric() || char == '-');
    let singletons = language.split('-').skip(1).any(|part| part.len() == 1);
    let variant = language.split('-').skip(1).any(|part| part.len() > 4);
    plain(locale)
        && !singletons
        && !variant
        && keywords.split('-').filter(|part| part.len() == 2).all(|key| KEYWORDS.contains(&key))
}

impl TypeTree {
    /// What rows of this type are sorted by.
    pub fn order(&self) -> SortOrder {
        let of = |collation: &Collation| match collation.collating() {
            Collating::Unknown => SortOrder::Bytes,
            Collating::Bytes | Collating::Icu(_) => SortOrder::Type,
        };
        match self {
            Self::Scalar(_) | Self::Enum(_) => SortOrder::Type,
            Self::Text(collation) | Self::Bpchar(collation) | Self::Jsonb(collation) => of(collation),
            Self::Citext { lower, collation } => worse(of(lower), of(collation)),
            Self::Array { element, .. } => element.order(),
            Self::Range(range) | Self::Multirange(range) => range.subtype.order(),
            Self::Record(fields) => fields.iter().map(Self::order).fold(SortOrder::Type, worse),
            Self::Unordered => SortOrder::Text,
        }
    }

    /// The collation of a text itself.
    pub fn collation(&self) -> Option<&Collation> {
        match self {
            Self::Text(collation) | Self::Bpchar(collation) | Self::Citext { collation, .. } => {
                Some(collation)
            }
            Self::Array { element, .. } => element.collation(),
            _ => None,
        }
    }

    /// A built-in type by its name in `pg_type` or as `format_type` prints it, without its modifier.
    pub fn built_in(name: &str, collation: &Collation) -> Self {
        use Scalar::*;
        Self::Scalar(match name {
            "bool" | "boolean" => Boolean,
            "int2" | "smallint" => Int2,
            "int4" | "integer" => Int4,
            "int8" | "bigint" => Int8,
            "oid" => Oid,
            "float4" | "real" => Float4,
            "float8" | "double precision" => Float8,
            "numeric" => Numeric,
            "money" => Money,
            "date" => Date,
            "time" | "time without time zone" => Time,
            "timetz" | "time with time zone" => TimeTz,
            "timestamp" | "timestamp without time zone" => Timestamp,
            "timestamptz" | "timestamp with time zone" => TimestampTz,
            "interval" => Interval,
            "uuid" => Uuid,
            "bytea" => Bytea,
            "char" | "\"char\"" => Char,
            "bit" | "varbit" | "bit varying" => Bits,
            "inet" => Inet,
            "cidr" => Cidr,
            "macaddr" => Macaddr,
            "macaddr8" => Macaddr8,
            "pg_lsn" => PgLsn,
            "xid8" => Xid8,
            "tid" => Tid,
            "oidvector" => OidVector,
            "int2vector" => Int2Vector,
            "tsvector" => TsVector,
            "text" | "varchar" | "character varying" | "name" => return Self::Text(collation.clone()),
            "bpchar" | "character" => return Self::Bpchar(collation.clone()),
            "jsonb" => return Self::Jsonb(collation.clone()),
            _ => return Self::Unordered,
        })
    }

    /// A type of an extension; its schema can be any.
    pub fn of_extension(extension: &str, name: &str) -> Self {
        use Scalar::*;
        Self::Scalar(match (extension, name) {
            ("ltree", "ltree") => Ltree,
            ("cube", "cube") => Cube,
            ("seg", "seg") => Seg,
            ("hstore", "hstore") => Hstore,
            ("isn", "ean13" | "isbn13" | "ismn13" | "issn13") => Ean13,
            ("isn", "isbn") => Isbn,
            ("isn", "ismn") => Ismn,
            ("isn", "issn") => Issn,
            ("isn", "upc") => Upc,
            _ => return Self::Unordered,
        })
    }

    /// What the name alone tells, of a version that was made before more was kept: `numeric(10,2)[]`.
    pub fn of_name(pg_type: &str) -> Self {
        let unknown = Collation::unknown();
        if let Some(element) = pg_type.strip_suffix("[]") {
            return Self::array(Self::of_name(element), ',');
        }
        let range = |subtype, discrete| Box::new(RangeTree { subtype, discrete });
        let integers = |scalar| range(Self::Scalar(scalar), true);
        match pg_type {
            "int4range" => Self::Range(integers(Scalar::Int4)),
            "int8range" => Self::Range(integers(Scalar::Int8)),
            "daterange" => Self::Range(integers(Scalar::Date)),
            "numrange" => Self::Range(range(Self::Scalar(Scalar::Numeric), false)),
            "tsrange" => Self::Range(range(Self::Scalar(Scalar::Timestamp), false)),
            "tstzrange" => Self::Range(range(Self::Scalar(Scalar::TimestampTz), false)),
            _ => {
                let plain = match (pg_type.find('('), pg_type.find(')')) {
                    (Some(open), Some(close)) if open < close => {
                        format!("{}{}", &pg_type[..open], &pg_type[close + 1..])
                    }
                    _ => pg_type.to_owned(),
                };
                Self::built_in(&plain, &unknown)
            }
        }
    }

    /// An array of what has no order has none either.
    pub fn array(element: Self, delimiter: char) -> Self {
        match element {
            Self::Unordered => Self::Unordered,
            element => Self::Array { element: Box::new(element), delimiter },
        }
    }
}

fn worse(a: SortOrder, b: SortOrder) -> SortOrder {
    match (a, b) {
        (SortOrder::Text, _) | (_, SortOrder::Text) => SortOrder::Text,
        (SortOrder::Bytes, _) | (_, SortOrder::Bytes) => SortOrder::Bytes,
        _ => SortOrder::Type,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collations_that_can_be_followed() {
        let of = |provider, locale: &str| Collation {
            name: String::new(),
            provider,
            locale: Some(locale.to_owned()),
            deterministic: true,
        };
        for (provider, locale) in [('c', "C"), ('c', "POSIX"), ('c', "C.UTF-8"), ('b', "C.UTF-8")] {
            assert_eq!(of(provider, locale).collating(), Collating::Bytes, "{locale}");
        }
        for locale in ["und", "de", "de-AT", "sr-Latn-RS", "de-u-co-phonebk", "und-u-ks-level2-kn-true", ""] {
            assert_eq!(of('i', locale).collating(), Collating::Icu(locale));
        }
        for (provider, locale) in [
            ('c', "en_US.utf8"),
            ('i', "de@collation=phonebook"),
            ('i', "und-u-kr-grek"),
            ('i', "en-US-u-va-posix"),
            ('i', "fr-u-kb-true"),
        ] {
            assert_eq!(of(provider, locale).collating(), Collating::Unknown, "{locale}");
        }
        assert_eq!(Collation::unknown().collating(), Collating::Unknown);
    }

    #[test]
    fn what_a_name_tells() {
        for (name, order) in [
            ("money", SortOrder::Type),
            ("numeric(10,2)[]", SortOrder::Type),
            ("timestamp(3) without time zone", SortOrder::Type),
            ("bit varying(5)", SortOrder::Type),
            ("daterange", SortOrder::Type),
            ("text[]", SortOrder::Bytes),
            ("jsonb", SortOrder::Bytes),
            ("public.level", SortOrder::Text),
            ("point", SortOrder::Text),
            ("xml[]", SortOrder::Text),
        ] {
            assert_eq!(TypeTree::of_name(name).order(), order, "{name}");
        }
    }

    #[test]
    fn it_is_stored_by_names() {
        let tree = TypeTree::array(TypeTree::Scalar(Scalar::PgLsn), ',');
        let json = r#"{"array":{"element":{"scalar":"pg_lsn"},"delimiter":","}}"#;
        assert_eq!(serde_json::to_string(&tree).unwrap(), json);
        assert_eq!(serde_json::from_str::<TypeTree>(json).unwrap(), tree);
    }
}
