// SPDX-License-Identifier: BSD-2-Clause
//! Estimates the width of text without a font: an upper bound for usual sans-serif fonts.

/// Pixels that `text` takes at most in letters of `size` pixels.
pub fn width(text: &str, size: f64) -> f64 {
    text.chars().map(|c| letter(c) * size).sum()
}

/// A letter's width in parts of its height.
fn letter(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' => 0.36,
        ' ' | 'f' | 't' | 'r' | '(' | ')' | '-' | '/' | '·' => 0.44,
        'm' | 'w' | 'M' | 'W' | '@' | '%' => 1.0,
        'A'..='Z' | '_' => 0.76,
        c if c.is_ascii() => 0.65,
        // Scripts whose letters fill a square.
        _ => 1.1,
    }
}

/// `text`, cut with an ellipsis so that it takes at most `room` pixels.
pub fn cut(text: &str, size: f64, room: f64) -> String {
    if width(text, size) <= room {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = letter('…') * size;
    for c in text.chars() {
        used += letter(c) * size;
        if used > room {
            break;
        }
        kept.push(c);
    }
    kept + "…"
}

/// Bytes in the largest unit that divides them.
pub fn bytes(size: u64) -> String {
    match size {
        s if s >= 1 << 30 && s.is_multiple_of(1 << 30) => format!("{} GiB", s >> 30),
        s if s >= 1 << 20 && s.is_multiple_of(1 << 20) => format!("{} MiB", s >> 20),
        s if s >= 1 << 10 && s.is_multiple_of(1 << 10) => format!("{} KiB", s >> 10),
        s => format!("{s} B"),
    }
}
