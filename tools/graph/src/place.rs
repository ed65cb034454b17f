// SPDX-License-Identifier: BSD-2-Clause
//! Rows of boxes and lanes: their order, and where each stands.
//!
//! A line that passes a row on its way takes a lane in it, a narrow box of its own. So every line is a chain of pieces, each
//! in the gap between two neighbouring rows. The order within the rows is the one with the fewest crossings among those
//! that some sweeps find (each node to the mean of its neighbours), after Sugiyama.

use crate::card;
use crate::view::View;

/// The picture's width unless it needs more, its margins, and the room for the rows' names at the left.
const WIDTH: f64 = 1200.0;
const MARGIN: f64 = 20.0;
const LABELS: f64 = 104.0;
const LANE: f64 = 10.0;
const SWEEPS: usize = 24;

/// A box, or a line on its way through a row.
#[derive(Clone, Debug)]
pub struct Node {
    /// The box; `None` for a lane.
    pub card: Option<usize>,
    /// Its middle.
    pub x: f64,
    /// Its width.
    pub width: f64,
    /// Its row.
    pub row: usize,
}

/// The piece of a line in the gap below row `gap`.
#[derive(Clone, Debug)]
pub struct Piece {
    /// The line.
    pub link: usize,
    /// The gap.
    pub gap: usize,
    /// The upper and the lower node; of a line within a row, its two ends.
    pub nodes: [usize; 2],
    /// Where it meets them.
    pub x: [f64; 2],
    /// Both ends are in the row above the gap.
    pub within: bool,
}

/// Everything with its place across; the rows' heights are `route`'s.
#[derive(Clone, Debug)]
pub struct Plan {
    /// All nodes; box `n` of the view is node `n`.
    pub nodes: Vec<Node>,
    /// Each row's nodes from left to right.
    pub rows: Vec<Vec<usize>>,
    /// The pieces, those of one line one after another from top to bottom.
    pub pieces: Vec<Piece>,
    /// For each line, whether its first piece is at its second end.
    pub turned: Vec<bool>,
    /// Of the picture.
    pub width: f64,
}

impl Plan {
    /// Orders and places everything.
    pub fn new(view: &View) -> Plan {
        let mut plan = Plan::unordered(view);
        plan.widths(view);
        let mut best: Option<(usize, Vec<Vec<usize>>)> = None;
        for sweep in 0..SWEEPS {
            plan.settle();
            let crossings = plan.crossings();
            if best.as_ref().is_none_or(|(fewest, _)| crossings < *fewest) {
                best = Some((crossings, plan.rows.clone()));
            }
            plan.sweep(sweep % 2 == 0);
        }
        plan.rows = best.map_or_else(Vec::new, |(_, rows)| rows);
        for _ in 0..SWEEPS {
            plan.settle();
        }
        plan.centre();
        plan
    }

    fn unordered(view: &View) -> Plan {
        let mut nodes = vec![
            Node {
                card: None,
                x: 0.0,
                width: 0.0,
                row: 0
            };
            view.cards.len()
        ];
        let mut rows: Vec<Vec<usize>> = Vec::new();
        for (row, (_, cards)) in view.rows.iter().enumerate() {
            for card in cards {
                nodes[*card] = Node {
                    card: Some(*card),
                    x: 0.0,
                    width: 0.0,
                    row,
                };
            }
            rows.push(cards.clone());
        }
        let mut plan = Plan {
            nodes,
            rows,
            pieces: Vec::new(),
            turned: Vec::new(),
            width: WIDTH,
        };
        for (link, line) in view.links.iter().enumerate() {
            let [a, b] = line.ends;
            let turned = plan.nodes[a].row > plan.nodes[b].row;
            plan.turned.push(turned);
            let (upper, lower) = if turned { (b, a) } else { (a, b) };
            plan.chain(link, upper, lower);
        }
        plan
    }

    fn chain(&mut self, link: usize, upper: usize, lower: usize) {
        let (top, bottom) = (self.nodes[upper].row, self.nodes[lower].row);
        let mut from = upper;
        for gap in top..bottom.max(top + 1) {
            let to = if gap + 1 >= bottom {
                lower
            } else {
                let lane = self.nodes.len();
                self.nodes.push(Node {
                    card: None,
                    x: 0.0,
                    width: LANE,
                    row: gap + 1,
                });
                self.rows[gap + 1].push(lane);
                lane
            };
            let within = top == bottom;
            self.pieces.push(Piece {
                link,
                gap,
                nodes: [from, to],
                x: [0.0; 2],
                within,
            });
            from = to;
        }
    }

    /// Whether a piece meets `node` from below it.
    pub fn is_below(&self, piece: &Piece, node: usize) -> bool {
        piece.within || piece.nodes[0] == node
    }

    fn widths(&mut self, view: &View) {
        for (index, card) in view.cards.iter().enumerate() {
            let mine = || self.pieces.iter().filter(|p| p.nodes.contains(&index));
            let below = mine().filter(|p| self.is_below(p, index)).count();
            let above = mine().count() - below;
            self.nodes[index].width = card::width(card, below.max(above), view.bells(index));
        }
        let total = |row: &Vec<usize>| -> f64 {
            let each = row.iter().zip(row.iter().skip(1));
            row.iter().map(|n| self.nodes[*n].width).sum::<f64>()
                + each.map(|(a, b)| self.space(*a, *b)).sum::<f64>()
        };
        let widest = self.rows.iter().map(total).fold(0.0, f64::max);
        self.width = WIDTH.max((widest + LABELS + 2.0 * MARGIN + 40.0).ceil());
        for row in 0..self.rows.len() {
            let mut x = LABELS + MARGIN;
            for node in self.rows[row].clone() {
                self.nodes[node].x = x + self.nodes[node].width / 2.0;
                x += self.nodes[node].width + 16.0;
            }
        }
    }

    /// What stays free between two neighbours.
    fn space(&self, a: usize, b: usize) -> f64 {
        match (self.nodes[a].card, self.nodes[b].card) {
            (Some(_), Some(_)) => 44.0,
            (None, None) => 2.0,
            _ => 14.0,
        }
    }

    fn wanted(&self, node: usize) -> f64 {
        let others = self.pieces.iter().filter_map(|p| match p.nodes {
            _ if p.within => None,
            [a, b] if a == node => Some(self.nodes[b].x),
            [a, b] if b == node => Some(self.nodes[a].x),
            _ => None,
        });
        let (sum, count) = others.fold((0.0, 0.0), |(sum, count), x| (sum + x, count + 1.0));
        match count > 0.0 {
            true => sum / count,
            false => (LABELS + self.width) / 2.0,
        }
    }

    /// Sorts the rows, downwards or upwards, by where their nodes want to be.
    fn sweep(&mut self, down: bool) {
        let mut order: Vec<usize> = (0..self.rows.len()).collect();
        if !down {
            order.reverse();
        }
        for row in order {
            let mut keyed: Vec<_> = self.rows[row]
                .iter()
                .map(|n| (self.wanted(*n), *n))
                .collect();
            keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
            self.rows[row] = keyed.into_iter().map(|(_, node)| node).collect();
            self.settle_row(row);
        }
    }

    fn settle(&mut self) {
        (0..self.rows.len()).for_each(|row| self.settle_row(row));
    }

    /// Moves a row's nodes to where they want to be as far as their neighbours and the margins let them: the mean of
    /// pushing them from the left and from the right, both of which keep the distances.
    fn settle_row(&mut self, row: usize) {
        let nodes = self.rows[row].clone();
        let wanted: Vec<f64> = nodes.iter().map(|n| self.wanted(*n)).collect();
        let half = |n: usize| self.nodes[n].width / 2.0;
        let apart =
            |i: usize| half(nodes[i]) + half(nodes[i + 1]) + self.space(nodes[i], nodes[i + 1]);
        let (left, right) = (MARGIN + LABELS, self.width - MARGIN);
        let count = nodes.len();
        let mut from_left = wanted.clone();
        let mut from_right = wanted;
        for i in 0..count {
            let least = if i == 0 {
                left + half(nodes[0])
            } else {
                from_left[i - 1] + apart(i - 1)
            };
            from_left[i] = from_left[i].max(least);
        }
        for i in (0..count).rev() {
            let most = if i + 1 == count {
                right - half(nodes[i])
            } else {
                from_left[i + 1] - apart(i)
            };
            from_left[i] = from_left[i].min(most);
            let most = if i + 1 == count {
                right - half(nodes[i])
            } else {
                from_right[i + 1] - apart(i)
            };
            from_right[i] = from_right[i].min(most);
        }
        for i in 0..count {
            let least = if i == 0 {
                left + half(nodes[0])
            } else {
                from_right[i - 1] + apart(i - 1)
            };
            from_right[i] = from_right[i].max(least);
        }
        for (i, node) in nodes.iter().enumerate() {
            self.nodes[*node].x = (from_left[i] + from_right[i]) / 2.0;
        }
    }

    /// Moves all together to the middle.
    fn centre(&mut self) {
        let left = |n: &Node| n.x - n.width / 2.0;
        let right = |n: &Node| n.x + n.width / 2.0;
        let first = self.nodes.iter().map(left).fold(f64::INFINITY, f64::min);
        let last = self.nodes.iter().map(right).fold(0.0, f64::max);
        let shift = ((LABELS + self.width - first - last) / 2.0).round();
        self.nodes.iter_mut().for_each(|n| n.x += shift);
    }

    fn crossings(&self) -> usize {
        let mut count = 0;
        for (i, a) in self.pieces.iter().enumerate() {
            for b in self.pieces[..i]
                .iter()
                .filter(|b| b.gap == a.gap && !a.within && !b.within)
            {
                let x = |p: &Piece, end: usize| self.nodes[p.nodes[end]].x;
                if (x(a, 0) - x(b, 0)) * (x(a, 1) - x(b, 1)) < 0.0 {
                    count += 1;
                }
            }
        }
        count
    }
}
