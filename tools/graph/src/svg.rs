// SPDX-License-Identifier: BSD-2-Clause
//! SVG text: everything that comes from a description is escaped here.

use std::fmt::Write;

/// A picture being written.
#[derive(Debug, Default)]
pub struct Svg(String);

/// Text that means itself in XML, in attributes too. What XML cannot hold at all becomes U+FFFD.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\t' | '\n' | '\r' => safe.push(' '),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

impl Svg {
    /// An element as it is: `markup` must not hold a description's text.
    pub fn raw(&mut self, markup: &str) {
        self.0.push_str(markup);
        self.0.push('\n');
    }

    /// A box of a class, with round corners of radius `round`.
    pub fn rect(&mut self, class: &str, [x, y, width, height]: [f64; 4], round: f64) {
        let _ = writeln!(
            self.0,
            r#"<rect class="{class}" x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" rx="{round}"/>"#
        );
    }

    /// A text of a class; `anchor` is SVG's.
    pub fn text(&mut self, class: &str, anchor: &str, [x, y]: [f64; 2], text: &str) {
        let text = escape(text);
        let _ = writeln!(
            self.0,
            r#"<text class="{class}" text-anchor="{anchor}" x="{x:.1}" y="{y:.1}">{text}</text>"#
        );
    }

    /// Begins a group, which ends with [`Svg::end`]. `title` is shown when the pointer is on it.
    pub fn group(&mut self, title: &str) {
        let _ = writeln!(self.0, "<g><title>{}</title>", escape(title));
    }

    /// Ends a group.
    pub fn end(&mut self) {
        self.raw("</g>");
    }

    /// A line through points, its bends rounded.
    pub fn line(&mut self, class: &str, points: &[[f64; 2]]) {
        let mut path = String::new();
        for (index, point) in points.iter().enumerate() {
            let [x, y] = *point;
            let neighbours = (
                index.checked_sub(1).and_then(|i| points.get(i)),
                points.get(index + 1),
            );
            match neighbours {
                (None, _) => _ = write!(path, "M{x:.1} {y:.1}"),
                (Some(_), None) => _ = write!(path, "L{x:.1} {y:.1}"),
                (Some(before), Some(after)) => {
                    let ([ax, ay], [bx, by]) = (towards(*point, *before), towards(*point, *after));
                    _ = write!(path, "L{ax:.1} {ay:.1}Q{x:.1} {y:.1} {bx:.1} {by:.1}");
                }
            }
        }
        let _ = writeln!(self.0, r#"<path class="{class}" d="{path}"/>"#);
    }

    /// An arrow's head with its tip at a point, pointing up or down.
    pub fn head(&mut self, class: &str, [x, y]: [f64; 2], up: bool, size: f64) {
        let back = if up { y + size * 1.5 } else { y - size * 1.5 };
        let (left, right) = (x - size * 0.7, x + size * 0.7);
        let _ = writeln!(
            self.0,
            r#"<path class="{class}" d="M{x:.1} {y:.1}L{left:.1} {back:.1}L{right:.1} {back:.1}Z"/>"#
        );
    }

    /// The text.
    pub fn finish(self) -> String {
        self.0
    }
}

/// The point a little (or half the way) from one point towards another.
fn towards([x, y]: [f64; 2], [to_x, to_y]: [f64; 2]) -> [f64; 2] {
    let length = (to_x - x).hypot(to_y - y);
    let part = if length > 0.0 {
        (5.0 / length).min(0.5)
    } else {
        0.0
    };
    [x + (to_x - x) * part, y + (to_y - y) * part]
}
