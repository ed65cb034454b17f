// SPDX-License-Identifier: BSD-2-Clause
//! Writes the SVG.

use crate::card::{self, BELL, BOLD, LINE, MARK, PAD, SMALL, STEP};
use crate::place::Plan;
use crate::route::Routes;
use crate::svg::Svg;
use crate::view::{Card, Guest, Line, LinkKind, Mark, View};
use crate::{class, legend, text};

const MARGIN: f64 = 20.0;
const HEADER: f64 = 84.0;

/// The upper and lower edges of the rows.
struct Levels {
    rows: Vec<[f64; 2]>,
    bottom: f64,
}

impl Levels {
    fn new(view: &View, plan: &Plan, routes: &Routes) -> Levels {
        let mut y = HEADER;
        let mut rows = Vec::new();
        for (row, nodes) in plan.rows.iter().enumerate() {
            let cards = nodes.iter().filter_map(|n| plan.nodes[*n].card);
            let height = cards
                .map(|c| card::height(&view.cards[c]))
                .fold(0.0, f64::max);
            rows.push([y, y + height]);
            y += height + routes.gap(row);
        }
        Levels { rows, bottom: y }
    }
}

/// The whole picture.
pub fn picture(view: &View, plan: &Plan, routes: &Routes) -> String {
    let levels = Levels::new(view, plan, routes);
    let (left, right) = (MARGIN, plan.width - MARGIN);
    let height = levels.bottom + 24.0 + legend::height(view, left, right) + MARGIN;
    let mut svg = Svg::default();
    let width = plan.width;
    svg.raw(&format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0}" height="{height:.0}" viewBox="0 0 {width:.0} {height:.0}">"#
    ));
    svg.raw(&format!("<style>\n{}</style>", include_str!("style.css")));
    svg.raw(&format!(
        r#"<rect class="paper" width="{width:.0}" height="{height:.0}" rx="8"/>"#
    ));
    header(&mut svg, view, plan);
    layers(&mut svg, view, &levels, right);
    for index in 0..view.links.len() {
        link(&mut svg, view, plan, routes, &levels, index);
    }
    for (index, card) in view.cards.iter().enumerate() {
        let node = &plan.nodes[index];
        let [top, bottom] = levels.rows[node.row];
        svg.group(&words(card));
        draw(
            &mut svg,
            card,
            [node.x - node.width / 2.0, top, node.width, bottom - top],
            view.bells(index),
        );
        svg.end();
    }
    labels(&mut svg, view, plan, &levels);
    svg.line(
        "parent",
        &[[left, levels.bottom + 14.0], [right, levels.bottom + 14.0]],
    );
    legend::draw(&mut svg, view, left, right, levels.bottom + 24.0);
    svg.raw("</svg>");
    svg.finish()
}

/// The whole text of a box.
fn words(card: &Card) -> String {
    let mut words = card.name.clone();
    if !card.tag.is_empty() {
        words = format!("{words} ({})", card.tag);
    }
    let guest = card
        .guest
        .iter()
        .flat_map(|g| std::iter::once(&g.name).chain(g.lines.iter().map(|l| &l.text)));
    for line in card.lines.iter().map(|l| &l.text).chain(guest) {
        words = format!("{words}; {line}");
    }
    words
}

fn header(svg: &mut Svg, view: &View, plan: &Plan) {
    let right = plan.width - MARGIN;
    svg.text(
        "title",
        "start",
        [MARGIN, 34.0],
        &text::cut(&view.name, 18.0, right - MARGIN),
    );
    svg.rect("monitor", [MARGIN, 46.0, right - MARGIN, 24.0], 5.0);
    svg.text("lines", "start", [MARGIN + PAD, 62.0], "monitor");
    let rest = "root task, priority 255: starts all of them and keeps the memory that nobody uses";
    svg.text("layer", "start", [MARGIN + 84.0, 62.0], rest);
}

/// A band behind each row of PDs with the layer's name.
fn layers(svg: &mut Svg, view: &View, levels: &Levels, right: f64) {
    for ((name, cards), [top, bottom]) in view.rows.iter().zip(&levels.rows) {
        let memory = cards.iter().any(|c| card::is_memory(&view.cards[*c]));
        if !memory {
            svg.rect(
                "band",
                [MARGIN, top - 7.0, right - MARGIN, bottom - top + 14.0],
                6.0,
            );
        }
        // One word a line: the margin is narrow.
        for (n, part) in wrap(name).iter().enumerate() {
            let y = top + if memory { 20.0 } else { 28.0 } + 15.0 * n as f64;
            svg.text("layer", "start", [MARGIN + PAD, y], part);
        }
    }
}

/// Lines of at most a dozen letters where words allow.
fn wrap(name: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in name.split(' ') {
        match lines.last_mut().filter(|line| line.len() + word.len() < 12) {
            Some(line) => *line = format!("{line} {word}"),
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

fn lines(svg: &mut Svg, lines: &[Line], x: f64, top: f64, room: f64) {
    for (n, line) in lines.iter().enumerate() {
        let y = top + STEP * (n as f64 + 1.0) - 3.0;
        let shift = if line.mark == Mark::None { 0.0 } else { MARK };
        if line.mark != Mark::None {
            svg.rect(class::of_mark(line.mark), [x, y - 8.5, 9.0, 9.0], 2.0);
        }
        svg.text(
            "lines",
            "start",
            [x + shift, y],
            &text::cut(&line.text, LINE, room - shift),
        );
    }
}

fn draw(svg: &mut Svg, card: &Card, [x, y, width, height]: [f64; 4], bells: usize) {
    let bell = BELL * bells as f64;
    let room = width - 2.0 * PAD - bell;
    svg.rect(class::of_kind(card.kind), [x, y, width, height], 6.0);
    if card::is_memory(card) {
        let name = text::cut(&card.name, 12.5 * 1.08, room);
        svg.text("memoryname", "middle", [x + width / 2.0, y + 19.0], &name);
        for line in &card.lines {
            let size = text::cut(&line.text, LINE, room);
            svg.text(
                "lines",
                "middle",
                [x + width / 2.0, y + card::lines_top(card) + 12.0],
                &size,
            );
        }
        return;
    }
    let base = y + card::lines_top(card) - 4.0;
    let tag = if card.tag.is_empty() {
        0.0
    } else {
        text::width(&card.tag, SMALL) + 8.0
    };
    svg.text(
        "name",
        "start",
        [x + PAD, base],
        &text::cut(&card.name, BOLD, room - tag),
    );
    if !card.tag.is_empty() {
        svg.text("tag", "end", [x + width - PAD - bell, base], &card.tag);
    }
    lines(svg, &card.lines, x + PAD, y + card::lines_top(card), room);
    if let Some(guest) = &card.guest {
        let inner = [
            x + PAD,
            y + card::guest_top(card),
            room,
            card::guest_height(guest),
        ];
        draw_guest(svg, guest, inner);
    }
}

fn draw_guest(svg: &mut Svg, guest: &Guest, [x, y, width, height]: [f64; 4]) {
    svg.rect("guest", [x, y, width, height], 4.0);
    let room = width - 2.0 * PAD;
    svg.text(
        "name",
        "start",
        [x + PAD, y + 19.0],
        &text::cut(&guest.name, BOLD, room),
    );
    lines(svg, &guest.lines, x + PAD, y + 22.0, room);
}

/// The points of a line from top to bottom.
fn points(plan: &Plan, routes: &Routes, levels: &Levels, link: usize) -> Vec<[f64; 2]> {
    let mut points: Vec<[f64; 2]> = Vec::new();
    for (index, piece) in plan
        .pieces
        .iter()
        .enumerate()
        .filter(|(_, p)| p.link == link)
    {
        let top = levels.rows[piece.gap][1];
        let [a, b] = piece.x;
        let end = if piece.within {
            top
        } else {
            levels.rows[piece.gap + 1][0]
        };
        if points.is_empty() {
            points.push([a, top]);
        }
        if let Some(track) = routes.track[index] {
            let y = top + routes.level(track);
            points.extend([[a, y], [b, y]]);
        }
        points.push([b, end]);
    }
    // Where two pieces meet in a lane the line goes straight on.
    let mut kept: Vec<[f64; 2]> = Vec::new();
    for (i, point) in points.iter().enumerate() {
        let straight = i > 0
            && points
                .get(i + 1)
                .is_some_and(|next| next[0] == point[0] && points[i - 1][0] == point[0]);
        if !straight {
            kept.push(*point);
        }
    }
    kept
}

fn link(svg: &mut Svg, view: &View, plan: &Plan, routes: &Routes, levels: &Levels, index: usize) {
    let link = &view.links[index];
    let class = class::of_link(link.kind);
    let mut points = points(plan, routes, levels, index);
    if plan.turned[index] {
        points.reverse();
    }
    let size = if link.kind == LinkKind::Update {
        7.0
    } else {
        5.0
    };
    let mut heads = Vec::new();
    let last = points.len() - 1;
    for (end, at, next) in [(0, 0, 1), (1, last, last - 1)] {
        if link.heads[end] {
            let up = points[next][1] > points[at][1];
            heads.push((points[at], up));
            // The line ends within its head.
            points[at][1] += if up { size } else { -size };
        }
    }
    svg.group(&link.title);
    svg.line(class, &points);
    for (tip, up) in heads {
        svg.head(&format!("{class}head"), tip, up, size);
    }
    svg.end();
}

/// Draws what is over the boxes: channels' identifiers, and the doorbells' lines from guest to edge.
fn labels(svg: &mut Svg, view: &View, plan: &Plan, levels: &Levels) {
    for piece in &plan.pieces {
        let link = &view.links[piece.link];
        for end in 0..2 {
            let (node, x) = (piece.nodes[end], piece.x[end]);
            let Some(card) = plan.nodes[node].card else {
                continue;
            };
            let below = piece.within || end == 0;
            let [top, bottom] = levels.rows[plan.nodes[node].row];
            let mine = usize::from((end == 1) != plan.turned[piece.link]);
            let label = &link.labels[mine];
            if !label.is_empty() {
                svg.text(
                    "port",
                    "middle",
                    [x, if below { bottom - 4.0 } else { top + 11.0 }],
                    label,
                );
            }
            if let (LinkKind::Update, 0, Some(guest)) = (link.kind, mine, &view.cards[card].guest) {
                let edge = if below { bottom } else { top };
                let bell = guest.lines.len() as f64;
                let y = top + card::guest_top(&view.cards[card]) + 22.0 + STEP * bell - 7.0;
                let inner = plan.nodes[node].x + plan.nodes[node].width / 2.0
                    - PAD
                    - BELL * view.bells(card) as f64;
                svg.line("update", &[[inner, y], [x, y], [x, edge]]);
            }
        }
    }
}
