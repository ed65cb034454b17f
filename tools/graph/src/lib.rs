// SPDX-License-Identifier: BSD-2-Clause
//! Draws a system description as a picture.
//!
//! [`draw`] makes an SVG, 1200 pixels wide unless the system needs more. It shows protection domains in rows by their task,
//! the highest priority on top, guests inside their VMMs, memory that several PDs share between the rows, channels and
//! mappings as lines that do not overlap, and one thick arrow from each doorbell to each component that it may update.
//! Equal descriptions give equal pictures, byte by byte.
//!
//! The steps: `view` collects what is shown, `rows` decides the order from top to bottom, `place` orders each row and assigns
//! positions, `ports` decides where lines meet boxes, `route` leads the lines through the gaps between rows, and `paint`
//! writes the SVG. The width of text is estimated by an upper bound for usual sans-serif fonts. Text is cut where its box
//! ends; the element's `<title>` has the whole text.
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
