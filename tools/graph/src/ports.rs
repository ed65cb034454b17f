// SPDX-License-Identifier: BSD-2-Clause
//! The points where lines meet boxes: ordered by where the lines come from, and never two lines of a gap at the same point.

use crate::card;
use crate::place::Plan;
use crate::view::{LinkKind, View};

/// Two lines of a gap are at least so far apart; two at one side of a box, for their labels, so far.
const APART: f64 = 4.0;
const LABEL: f64 = 15.0;
/// A bend smaller than this is not worth it.
const STRAIGHT: f64 = 12.0;

/// Gives every piece its two places.
pub fn assign(view: &View, plan: &mut Plan) {
    for node in 0..plan.nodes.len() {
        for below in [false, true] {
            side(view, plan, node, below);
        }
    }
    for gap in 0..plan.rows.len() {
        separate(view, plan, gap);
    }
}

/// The ends of pieces at one side of a node: piece and which of its ends.
fn ends(plan: &Plan, node: usize, below: bool) -> Vec<(usize, usize)> {
    let mut ends = Vec::new();
    for (index, piece) in plan.pieces.iter().enumerate() {
        for end in 0..2 {
            if piece.nodes[end] == node && (piece.within || end == 0) == below {
                ends.push((index, end));
            }
        }
    }
    ends
}

fn is_bell(view: &View, plan: &Plan, piece: usize, node: usize) -> bool {
    let link = &view.links[plan.pieces[piece].link];
    link.kind == LinkKind::Update && link.ends[0] == node
}

/// Spreads the ends over the side of a box; those of a doorbell stand at the right, beside the guest.
fn side(view: &View, plan: &mut Plan, node: usize, below: bool) {
    let all = ends(plan, node, below);
    let (x, width) = (plan.nodes[node].x, plan.nodes[node].width);
    if plan.nodes[node].card.is_none() {
        all.into_iter()
            .for_each(|(piece, end)| plan.pieces[piece].x[end] = x);
        return;
    }
    let (bell, mut plain): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|(piece, _)| is_bell(view, plan, *piece, node));
    let other = |(piece, end): &(usize, usize)| plan.nodes[plan.pieces[*piece].nodes[1 - end]].x;
    plain.sort_by(|a, b| other(a).total_cmp(&other(b)).then(a.cmp(b)));
    let strip = card::BELL * view.bells(node) as f64;
    let (left, right) = (
        x - width / 2.0 + card::PAD,
        x + width / 2.0 - card::PAD - strip,
    );
    let step = ((right - left) / plain.len().max(1) as f64).min(30.0);
    let first = (left + right - step * (plain.len() as f64 - 1.0)) / 2.0;
    for (n, (piece, end)) in plain.into_iter().enumerate() {
        plan.pieces[piece].x[end] = (first + step * n as f64).round();
    }
    let mut all_bells: Vec<usize> = (0..plan.pieces.len())
        .filter(|p| is_bell(view, plan, *p, node))
        .collect();
    // A line has one piece at its box; the others are in lanes.
    all_bells.retain(|p| plan.pieces[*p].nodes.contains(&node));
    for (piece, end) in bell {
        let n = all_bells.iter().position(|p| *p == piece).unwrap_or(0);
        plan.pieces[piece].x[end] = (x + width / 2.0 - card::PAD - card::BELL * n as f64).round();
    }
}

/// Moves lower ends (and with them the lanes that they lead into) away from other lines of the gap, and under their own upper
/// ends where little is missing.
fn separate(view: &View, plan: &mut Plan, gap: usize) {
    let pieces: Vec<usize> = (0..plan.pieces.len())
        .filter(|p| plan.pieces[*p].gap == gap)
        .collect();
    let mut taken: Vec<(usize, usize, f64)> = Vec::new();
    for piece in &pieces {
        let one = &plan.pieces[*piece];
        taken.push((*piece, one.nodes[0], one.x[0]));
        if one.within {
            taken.push((*piece, one.nodes[1], one.x[1]));
        }
    }
    let mut lower: Vec<usize> = pieces
        .into_iter()
        .filter(|p| !plan.pieces[*p].within)
        .collect();
    lower.sort_by(|a, b| {
        plan.pieces[*a].x[1]
            .total_cmp(&plan.pieces[*b].x[1])
            .then(a.cmp(b))
    });
    let pending: Vec<(usize, usize, f64)> = lower
        .iter()
        .map(|p| (*p, plan.pieces[*p].nodes[1], plan.pieces[*p].x[1]))
        .collect();
    for piece in lower {
        let (upper, node) = (plan.pieces[piece].x[0], plan.pieces[piece].nodes[1]);
        let now = plan.pieces[piece].x[1];
        let mut candidates = vec![now];
        let furthest = if is_bell(view, plan, piece, node) {
            4
        } else {
            12
        };
        for n in 1..furthest {
            candidates.extend([now - 2.0 * f64::from(n), now + 2.0 * f64::from(n)]);
        }
        if (upper - now).abs() < STRAIGHT && !is_bell(view, plan, piece, node) {
            candidates.insert(0, upper);
        }
        let free = |x: f64| {
            let clear = |other: &(usize, usize, f64)| {
                let same_side = other.1 == node && plan.nodes[node].card.is_some();
                other.0 == piece || (other.2 - x).abs() >= if same_side { LABEL } else { APART }
            };
            let coming = pending
                .iter()
                .filter(|p| !taken.iter().any(|t| t.0 == p.0 && t.1 == p.1));
            taken.iter().all(clear) && coming.clone().all(clear) && inside(plan, node, x)
        };
        let x = candidates.into_iter().find(|x| free(*x)).unwrap_or(now);
        plan.pieces[piece].x[1] = x;
        taken.push((piece, node, x));
        if plan.nodes[node].card.is_none() {
            plan.nodes[node].x = x;
            let link = plan.pieces[piece].link;
            for next in plan
                .pieces
                .iter_mut()
                .filter(|p| p.link == link && p.nodes[0] == node)
            {
                next.x[0] = x;
            }
        }
    }
}

/// Whether a line may meet a node at `x`: within a box, or, for a lane, outside all boxes of its row.
fn inside(plan: &Plan, node: usize, x: f64) -> bool {
    let at = &plan.nodes[node];
    if at.card.is_some() {
        return (x - at.x).abs() <= at.width / 2.0 - 6.0;
    }
    let boxes = plan.rows[at.row]
        .iter()
        .map(|n| &plan.nodes[*n])
        .filter(|n| n.card.is_some());
    boxes
        .into_iter()
        .all(|b| (x - b.x).abs() >= b.width / 2.0 + 6.0)
}
