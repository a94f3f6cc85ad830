//! Characters that only mean something beside others: joiners, the selectors of emoji and text style, combining marks. Where
//! they do nothing they make two names that look the same, and piled up they cover the lines around them.

use unicode_normalization::char::is_combining_mark;

/// Marks on one letter that some script needs (Hebrew with its accents has the most).
const MAX_MARKS: usize = 4;
/// From here on symbols and pictures begin (arrows are the first that have an emoji form); before it only a few have one.
const SYMBOLS: char = '\u{2190}';
/// What joins half letters in the scripts of India and around (Unicode: virama; RFC 5892 appendix A.1 and A.2).
const VIRAMAS: [char; 14] = [
    '\u{94D}', '\u{9CD}', '\u{A4D}', '\u{ACD}', '\u{B4D}', '\u{BCD}', '\u{C4D}', '\u{CCD}', '\u{D4D}',
    '\u{DCA}', '\u{1039}', '\u{103A}', '\u{17D2}', '\u{F84}',
];

/// Whether every joiner and selector stands where it changes what is seen.
pub(super) fn are_in_place(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    (0..chars.len()).all(|i| {
        let before = i.checked_sub(1).map(|j| chars[j]);
        let after = chars.get(i + 1).copied();
        match chars[i] {
            // Between pictures, or after half a letter.
            '\u{200D}' => {
                before.is_some_and(is_virama)
                    || (before.is_some_and(is_picture) && after.is_some_and(is_picture))
            }
            // After half a letter, or between letters that would flow into one another.
            '\u{200C}' => {
                before.is_some_and(is_virama) || (before.is_some_and(flows) && after.is_some_and(flows))
            }
            '\u{FE0E}' | '\u{FE0F}' => before.is_some_and(has_styles),
            _ => true,
        }
    })
}

/// Whether more marks stand on a letter than any script needs.
pub(super) fn has_tower(text: &str) -> bool {
    without_towers(text).len() != text.len()
}

/// The text without the marks that are too many.
pub(super) fn without_towers(text: &str) -> String {
    let mut marks = 0;
    text.chars()
        .filter(|c| {
            marks = if is_combining_mark(*c) { marks + 1 } else { 0 };
            marks <= MAX_MARKS
        })
        .collect()
}

fn is_virama(c: char) -> bool {
    VIRAMAS.contains(&c)
}

/// A symbol, or what follows one: a style or a shade of skin.
fn is_picture(c: char) -> bool {
    c >= SYMBOLS && !c.is_alphanumeric() && !c.is_whitespace()
}

/// Has an emoji and a text form: symbols, and the digits and signs of key caps.
fn has_styles(c: char) -> bool {
    is_picture(c) || c.is_ascii_digit() || matches!(c, '#' | '*' | '©' | '®' | '‼' | '⁉' | '™' | 'ℹ')
}

/// A letter of Arabic script.
const fn flows(c: char) -> bool {
    matches!(c, '\u{620}'..='\u{6FF}' | '\u{750}'..='\u{77F}' | '\u{8A0}'..='\u{8FF}')
}
