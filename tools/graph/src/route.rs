// SPDX-License-Identifier: BSD-2-Clause
//! Leads the lines through the gaps: each has a track of its own for its horizontal part.

use crate::place::{Piece, Plan};

/// Between tracks, and above the first and below the last.
const TRACK: f64 = 9.0;
const CLEAR: f64 = 17.0;

/// Where tracks are, and with them how high gaps are.
#[derive(Clone, Debug)]
pub struct Routes {
    /// For each piece, its track; `None` if it is straight.
    pub track: Vec<Option<usize>>,
    /// For each gap, its tracks.
    pub tracks: Vec<usize>,
}

/// Gives every piece its track.
pub fn routes(plan: &mut Plan) -> Routes {
    let mut routes = Routes {
        track: vec![None; plan.pieces.len()],
        tracks: vec![0; plan.rows.len()],
    };
    for gap in 0..plan.rows.len() {
        let mut bent: Vec<usize> = (0..plan.pieces.len())
            .filter(|p| {
                plan.pieces[*p].gap == gap
                    && (plan.pieces[*p].within || plan.pieces[*p].x[0] != plan.pieces[*p].x[1])
            })
            .collect();
        bent.sort_by(|a, b| {
            key(&plan.pieces[*a])
                .partial_cmp(&key(&plan.pieces[*b]))
                .unwrap_or(std::cmp::Ordering::Equal)
                .then(a.cmp(b))
        });
        let mut tracks: Vec<Vec<(f64, f64)>> = Vec::new();
        for piece in bent {
            let [a, b] = plan.pieces[piece].x;
            let (low, high) = (a.min(b) - 7.0, a.max(b) + 7.0);
            let free = |track: &Vec<(f64, f64)>| track.iter().all(|(l, h)| high < *l || *h < low);
            let found = tracks.iter().position(free).unwrap_or(tracks.len());
            if found == tracks.len() {
                tracks.push(Vec::new());
            }
            tracks[found].push((low, high));
            routes.track[piece] = Some(found);
        }
        routes.tracks[gap] = tracks.len();
    }
    routes
}

/// Which piece takes a higher track: lines within the row above, then of those that go right the rightmost, of those
/// that go left the leftmost; so lines side by side do not cross.
fn key(piece: &Piece) -> (u8, f64) {
    let [a, b] = piece.x;
    match (piece.within, a < b) {
        (true, _) => (0, (a - b).abs()),
        (false, true) => (1, -a),
        (false, false) => (2, a),
    }
}

impl Routes {
    /// The height of the gap below a row; the last one has only what lines within that row need.
    pub fn gap(&self, gap: usize) -> f64 {
        match (self.tracks[gap], gap + 1 == self.tracks.len()) {
            (0, true) => 0.0,
            (tracks, _) => 2.0 * CLEAR + TRACK * tracks.saturating_sub(1) as f64,
        }
    }

    /// How far below its gap's upper edge a track is.
    pub fn level(&self, track: usize) -> f64 {
        CLEAR + TRACK * track as f64
    }
}
