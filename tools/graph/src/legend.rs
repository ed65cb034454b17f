// SPDX-License-Identifier: BSD-2-Clause
//! The legend: explains the colours and lines that the picture has.

use crate::class;
use crate::svg::Svg;
use crate::text;
use crate::view::{Kind, LinkKind, Mark, View};

const SIZE: f64 = 11.5;
const ROW: f64 = 22.0;
const SIGN: f64 = 30.0;

enum Sign {
    Box(&'static str),
    Mark(Mark),
    Line(LinkKind, bool),
}

fn entries(view: &View) -> Vec<(Sign, &'static str)> {
    let kinds = [
        (Kind::Service, "PD with a role"),
        (Kind::Component, "replaceable PD"),
        (Kind::Domain, "PD"),
        (Kind::Memory, "shared memory"),
        (Kind::Revocable, "revocable memory"),
        (Kind::Device, "device's registers"),
    ];
    let mut all = Vec::new();
    for (kind, words) in kinds {
        if view.cards.iter().any(|c| c.kind == kind) {
            all.push((Sign::Box(class::of_kind(kind)), words));
        }
    }
    let guests = || view.cards.iter().filter_map(|c| c.guest.as_ref());
    if guests().next().is_some() {
        all.push((Sign::Box("guest"), "guest"));
    }
    let marks = [
        (Mark::Device, "own device"),
        (Mark::Interrupt, "interrupt"),
        (Mark::Memory, "own memory"),
        (Mark::Revocable, "own revocable memory"),
        (Mark::Doorbell, "doorbell"),
    ];
    for (mark, words) in marks {
        let mut lines = view
            .cards
            .iter()
            .flat_map(|c| &c.lines)
            .chain(guests().flat_map(|g| &g.lines));
        if lines.any(|l| l.mark == mark) {
            all.push((Sign::Mark(mark), words));
        }
    }
    let calls = view
        .links
        .iter()
        .any(|l| l.kind == LinkKind::Channel && l.heads != [false; 2]);
    let links = [
        (LinkKind::Channel, false, "channel, with its ids", true),
        (LinkKind::Channel, true, "channel with calls", calls),
        (LinkKind::Mapping, false, "mapping", true),
        (
            LinkKind::Revocable,
            false,
            "mapping that can be taken away",
            true,
        ),
        (
            LinkKind::Update,
            true,
            "doorbell: may have it updated",
            true,
        ),
        (LinkKind::Parent, true, "faults go to the parent", true),
    ];
    for (kind, head, words, shown) in links {
        if shown && view.links.iter().any(|l| l.kind == kind) {
            all.push((Sign::Line(kind, head), words));
        }
    }
    all
}

/// An entry and its upper left corner.
type Placed = (Sign, &'static str, [f64; 2]);

/// Entries with their places, and the height of them all.
fn layout(view: &View, left: f64, right: f64) -> (Vec<Placed>, f64) {
    let (mut x, mut y) = (left, 0.0);
    let mut placed = Vec::new();
    for (sign, words) in entries(view) {
        let width = SIGN + 8.0 + text::width(words, SIZE) + 18.0;
        if x + width > right && x > left {
            (x, y) = (left, y + ROW);
        }
        placed.push((sign, words, [x, y]));
        x += width;
    }
    (placed, y + ROW)
}

/// The legend's height.
pub fn height(view: &View, left: f64, right: f64) -> f64 {
    layout(view, left, right).1
}

/// Draws it with its upper edge at `top`.
pub fn draw(svg: &mut Svg, view: &View, left: f64, right: f64, top: f64) {
    for (sign, words, [x, y]) in layout(view, left, right).0 {
        let middle = top + y + ROW / 2.0;
        match sign {
            Sign::Box(class) => svg.rect(class, [x + 4.0, middle - 7.0, SIGN - 8.0, 14.0], 3.0),
            Sign::Mark(mark) => svg.rect(
                class::of_mark(mark),
                [x + 10.0, middle - 4.5, 9.0, 9.0],
                2.0,
            ),
            Sign::Line(kind, head) => {
                let class = class::of_link(kind);
                svg.line(
                    class,
                    &[
                        [x, middle + 7.0],
                        [x + 12.0, middle + 7.0],
                        [x + 12.0, middle - if head { 2.0 } else { 7.0 }],
                    ],
                );
                if head {
                    svg.head(
                        &format!("{class}head"),
                        [x + 12.0, middle - 8.0],
                        true,
                        if kind == LinkKind::Update { 7.0 } else { 5.0 },
                    );
                }
            }
        }
        svg.text("lines", "start", [x + SIGN + 4.0, middle + 4.0], words);
    }
}
