//! A password as libpq prepares it for SCRAM (`pg_saslprep` in PostgreSQL's `saslprep.c`, after RFC 4013). PostgreSQL
//! judges the characters before it normalises them, by the tables of Unicode 3.2, and takes the password unchanged
//! where one is prohibited or unassigned, where directions are mixed, or where nothing is left. Libraries that judge
//! after normalising, or by newer tables, compute another key from the same password.

use std::borrow::Cow;
use stringprep::tables;
use unicode_normalization::UnicodeNormalization;

/// The password from which the server computed its verifier, if this is the password.
pub(super) fn saslprep(password: &str) -> Cow<'_, str> {
    if password.is_ascii() {
        return Cow::Borrowed(password);
    }
    // RFC 4013, section 2.1. U+200B stands in both tables; for PostgreSQL it is a space.
    let mapped: Vec<char> = password
        .chars()
        .map(|c| if tables::non_ascii_space_character(c) { ' ' } else { c })
        .filter(|&c| !tables::commonly_mapped_to_nothing(c))
        .collect();
    let refused = mapped.is_empty() || mapped.iter().copied().any(is_prohibited) || mixes_directions(&mapped);
    if refused { Cow::Borrowed(password) } else { mapped.into_iter().nfkc().collect::<String>().into() }
}

/// RFC 4013, sections 2.3 and 2.5: tables C.2.1 to C.9, and A.1.
fn is_prohibited(c: char) -> bool {
    tables::ascii_control_character(c)
        || tables::non_ascii_control_character(c)
        || tables::private_use(c)
        || tables::non_character_code_point(c)
        || tables::inappropriate_for_plain_text(c)
        || tables::inappropriate_for_canonical_representation(c)
        || tables::change_display_properties_or_deprecated(c)
        || tables::tagging_character(c)
        || tables::unassigned_code_point(c)
}

/// RFC 3454, section 6: a text with right-to-left characters holds no left-to-right ones, and begins and ends with the
/// former.
fn mixes_directions(text: &[char]) -> bool {
    let right_to_left = |c: Option<&char>| c.is_some_and(|&c| is_in(&RIGHT_TO_LEFT, c));
    text.iter().any(|c| right_to_left(Some(c)))
        && (!right_to_left(text.first())
            || !right_to_left(text.last())
            || text.iter().any(|&c| is_in(&LEFT_TO_RIGHT, c)))
}

fn is_in(ranges: &[(u32, u32)], c: char) -> bool {
    let c = u32::from(c);
    let at = ranges.partition_point(|&(_, last)| last < c);
    ranges.get(at).is_some_and(|&(first, _)| first <= c)
}

// RFC 3454, tables D.1 and D.2. Ranges go across characters that are refused before: unassigned and prohibited ones.
#[rustfmt::skip]
const RIGHT_TO_LEFT: [(u32, u32); 17] = [
    (0x05be, 0x05be), (0x05c0, 0x05c0), (0x05c3, 0x05c3), (0x05d0, 0x05f4), (0x061b, 0x064a), (0x066d, 0x066f),
    (0x0671, 0x06d5), (0x06e5, 0x06e6), (0x06fa, 0x0710), (0x0712, 0x072c), (0x0780, 0x07a5), (0x07b1, 0x07b1),
    (0xfb1d, 0xfb1d), (0xfb1f, 0xfb28), (0xfb2a, 0xfd3d), (0xfd50, 0xfdfc), (0xfe70, 0xfefc),
];

#[rustfmt::skip]
const LEFT_TO_RIGHT: [(u32, u32); 128] = [
    (0x0041, 0x005a), (0x0061, 0x007a), (0x00aa, 0x00aa), (0x00b5, 0x00b5), (0x00ba, 0x00ba), (0x00c0, 0x00d6),
    (0x00d8, 0x00f6), (0x00f8, 0x02b8), (0x02bb, 0x02c1), (0x02d0, 0x02d1), (0x02e0, 0x02e4), (0x02ee, 0x02ee),
    (0x037a, 0x037a), (0x0386, 0x0386), (0x0388, 0x03f5), (0x0400, 0x0482), (0x048a, 0x0589), (0x0903, 0x0939),
    (0x093d, 0x0940), (0x0949, 0x094c), (0x0950, 0x0950), (0x0958, 0x0961), (0x0964, 0x0970), (0x0982, 0x09b9),
    (0x09be, 0x09c0), (0x09c7, 0x09cc), (0x09d7, 0x09e1), (0x09e6, 0x09f1), (0x09f4, 0x09fa), (0x0a05, 0x0a39),
    (0x0a3e, 0x0a40), (0x0a59, 0x0a6f), (0x0a72, 0x0a74), (0x0a83, 0x0ab9), (0x0abd, 0x0ac0), (0x0ac9, 0x0acc),
    (0x0ad0, 0x0aef), (0x0b02, 0x0b39), (0x0b3d, 0x0b3e), (0x0b40, 0x0b40), (0x0b47, 0x0b4c), (0x0b57, 0x0b70),
    (0x0b83, 0x0bbf), (0x0bc1, 0x0bcc), (0x0bd7, 0x0c39), (0x0c41, 0x0c44), (0x0c60, 0x0cbe), (0x0cc0, 0x0cc4),
    (0x0cc7, 0x0ccb), (0x0cd5, 0x0d40), (0x0d46, 0x0d4c), (0x0d57, 0x0dc6), (0x0dcf, 0x0dd1), (0x0dd8, 0x0e30),
    (0x0e32, 0x0e33), (0x0e40, 0x0e46), (0x0e4f, 0x0eb0), (0x0eb2, 0x0eb3), (0x0ebd, 0x0ec6), (0x0ed0, 0x0f17),
    (0x0f1a, 0x0f34), (0x0f36, 0x0f36), (0x0f38, 0x0f38), (0x0f3e, 0x0f6a), (0x0f7f, 0x0f7f), (0x0f85, 0x0f85),
    (0x0f88, 0x0f8b), (0x0fbe, 0x0fc5), (0x0fc7, 0x102c), (0x1031, 0x1031), (0x1038, 0x1038), (0x1040, 0x1057),
    (0x10a0, 0x169a), (0x16a0, 0x1711), (0x1720, 0x1731), (0x1735, 0x1751), (0x1760, 0x1770), (0x1780, 0x17b6),
    (0x17be, 0x17c5), (0x17c7, 0x17c8), (0x17d4, 0x17da), (0x17dc, 0x17e9), (0x1810, 0x18a8), (0x1e00, 0x1fbc),
    (0x1fbe, 0x1fbe), (0x1fc2, 0x1fcc), (0x1fd0, 0x1fdb), (0x1fe0, 0x1fec), (0x1ff2, 0x1ffc), (0x2071, 0x2071),
    (0x207f, 0x207f), (0x2102, 0x2102), (0x2107, 0x2107), (0x210a, 0x2113), (0x2115, 0x2115), (0x2119, 0x211d),
    (0x2124, 0x2124), (0x2126, 0x2126), (0x2128, 0x2128), (0x212a, 0x212d), (0x212f, 0x2131), (0x2133, 0x2139),
    (0x213d, 0x213f), (0x2145, 0x2149), (0x2160, 0x2183), (0x2336, 0x237a), (0x2395, 0x2395), (0x249c, 0x24e9),
    (0x3005, 0x3007), (0x3021, 0x3029), (0x3031, 0x3035), (0x3038, 0x303c), (0x3041, 0x3096), (0x309d, 0x309f),
    (0x30a1, 0x30fa), (0x30fc, 0x3243), (0x3260, 0x32b0), (0x32c0, 0xa48c), (0xac00, 0xfb17), (0xff21, 0xff3a),
    (0xff41, 0xff5a), (0xff66, 0xffdc), (0x10300, 0x1d166), (0x1d16a, 0x1d172), (0x1d183, 0x1d184),
    (0x1d18c, 0x1d1a9), (0x1d1ae, 0x1d7c9), (0x20000, 0x2fa1d),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decides_before_it_normalises() {
        for (password, prepared) in [
            ("pass\u{7}word", "pass\u{7}word"),
            ("a\u{a0}b\u{200b}c", "a b c"),
            ("p\u{ad}ä", "pä"),
            ("\u{aa}", "a"),
            ("Å", "Å"),
            // Nothing is left; unassigned in Unicode 3.2; prohibited before it would be normalised away.
            ("\u{ad}\u{ad}", "\u{ad}\u{ad}"),
            ("\u{1d2c}", "\u{1d2c}"),
            ("\u{1f130}", "\u{1f130}"),
            ("a\u{340}", "a\u{340}"),
            ("ä\u{7}\u{aa}", "ä\u{7}\u{aa}"),
            // Its decomposition ends in a mark, which has no direction.
            ("\u{fb1d}", "\u{5d9}\u{5b4}"),
            ("\u{fb1d}a", "\u{fb1d}a"),
            ("\u{627}1", "\u{627}1"),
            ("\u{627}1\u{fe8e}", "\u{627}1\u{627}"),
        ] {
            assert_eq!(saslprep(password), prepared, "{password:?}");
        }
    }
}
