// SPDX-License-Identifier: BSD-2-Clause
//! A system description as a picture for people.
//!
//! [`draw`] makes an SVG, 1200 pixels wide unless the system needs more: protection domains in rows by priority, guests
//! inside their VMMs, memory that several share between the rows, channels and mappings as lines that never share a
//! stretch, and one thick arrow from each doorbell to each component that may be updated by it. Equal descriptions make
//! equal pictures, byte by byte.
//!
//! The way there: `view` says what is to be seen, `rows` in which order from top to bottom, `place` orders each row and
//! gives positions, `ports` says where lines meet boxes, `route` leads the lines through the gaps between rows, `paint` writes it down. Text is measured by an
//! upper bound of a usual sans-serif's widths and cut where a box ends; what is cut stands in the element's `<title>`.
#![forbid(unsafe_code)]

mod card;
mod class;
mod legend;
mod paint;
mod place;
mod ports;
mod route;
mod rows;
mod svg;
mod text;
mod view;

use molt_sdf::System;

pub use svg::{Svg, escape};

/// The system as SVG.
pub fn draw(system: &System) -> String {
    let view = view::View::new(system);
    let mut plan = place::Plan::new(&view);
    ports::assign(&view, &mut plan);
    let routes = route::routes(&mut plan);
    paint::picture(&view, &plan, &routes)
}
