//! Texts that readers stumble over.

pub(super) const TEXTS: &[&str] = &[
    "",
    " ",
    "null",
    "NULL",
    "\\N",
    "\\",
    "a\tb\nc\rd",
    "sql:E'\\x01\\x02\\x1f\\x7f'",
    "Größe 👩‍🔬 مرحبا ﷽",
    "e\u{301}",
    "{a,b}",
    "(a,\"b\")",
    "it's \"so\"",
    "sql:repeat('x', 3000)",
];
pub(super) const RANDOM_TEXT: &str = "(SELECT coalesce(string_agg(chr(1 + (random() * 55000)::int), ''), '') FROM generate_series(1, (random() * 20)::int))";
