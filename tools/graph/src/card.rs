// SPDX-License-Identifier: BSD-2-Clause
//! The sizes of boxes and the places of things in them, in pixels from the upper left corner.

use crate::text;
use crate::view::{Card, Guest, Kind, Mark};

/// Letters of names: 14 pixels, and bold ones are wider.
pub const BOLD: f64 = 14.0 * 1.08;
/// Letters of lines.
pub const LINE: f64 = 11.5;
/// Letters of small marks.
pub const SMALL: f64 = 9.5;
/// Between two lines.
pub const STEP: f64 = 16.0;
/// At top and bottom of a PD, where the channels' identifiers stand.
pub const STRIP: f64 = 14.0;
/// Inside, at the left and right.
pub const PAD: f64 = 10.0;
/// What a mark takes.
pub const MARK: f64 = 14.0;
/// Between two ports of a side, at least.
pub const PORT: f64 = 19.0;
/// The strip at the right of a guest, for each line of its doorbell.
pub const BELL: f64 = 14.0;

/// Whether a box is of memory.
pub fn is_memory(card: &Card) -> bool {
    matches!(card.kind, Kind::Memory | Kind::Revocable | Kind::Device)
}

fn lines_width(lines: &[crate::view::Line]) -> f64 {
    let line = |l: &crate::view::Line| {
        text::width(&l.text, LINE) + if l.mark == Mark::None { 0.0 } else { MARK }
    };
    lines.iter().map(line).fold(0.0, f64::max)
}

/// The width of a box with `ports` lines on its fuller side and `bells` from its doorbell.
pub fn width(card: &Card, ports: usize, bells: usize) -> f64 {
    let (least, most) = if is_memory(card) {
        (96.0, 190.0)
    } else {
        (170.0, 270.0)
    };
    let title = text::width(&card.name, BOLD)
        + if card.tag.is_empty() {
            0.0
        } else {
            10.0 + text::width(&card.tag, SMALL)
        };
    let guest = |g: &Guest| text::width(&g.name, BOLD).max(lines_width(&g.lines)) + 2.0 * PAD;
    let inner = title
        .max(lines_width(&card.lines))
        .max(card.guest.as_ref().map_or(0.0, guest));
    let inner = (inner + 2.0 * PAD + BELL * bells as f64).clamp(least, most);
    inner.max(2.0 * PAD + PORT * ports as f64).ceil()
}

fn strip(card: &Card) -> f64 {
    if is_memory(card) { 5.0 } else { STRIP }
}

/// Where the lines of a box begin (the first one's base line is a [`STEP`] lower).
pub fn lines_top(card: &Card) -> f64 {
    strip(card) + 18.0
}

/// Where the guest's box begins.
pub fn guest_top(card: &Card) -> f64 {
    lines_top(card) + STEP * card.lines.len() as f64 + 9.0
}

/// The height of a guest's box.
pub fn guest_height(guest: &Guest) -> f64 {
    22.0 + STEP * guest.lines.len() as f64 + 8.0
}

/// The height of a box.
pub fn height(card: &Card) -> f64 {
    let guest = card.guest.as_ref().map_or(0.0, |g| 9.0 + guest_height(g));
    lines_top(card) + STEP * card.lines.len() as f64 + guest + strip(card).max(8.0)
}
