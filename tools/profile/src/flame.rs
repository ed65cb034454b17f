// SPDX-License-Identifier: BSD-2-Clause
//! A flame graph as SVG.

use std::io;

use inferno::flamegraph::{Options, from_lines};

use crate::profile::Profile;

/// Draws it: a program's functions are above the program, and inlined functions above those.
///
/// # Errors
/// No stack has any instructions.
pub fn flame_graph(profile: &Profile, title: &str) -> io::Result<String> {
    let lines: Vec<String> = (profile.stacks.iter())
        .map(|(stack, count)| format!("{stack} {count}"))
        .collect();
    let mut options = Options::default();
    options.title = title.to_owned();
    options.count_name = "instructions".into();
    options.deterministic = true;
    let mut svg = Vec::new();
    from_lines(&mut options, lines.iter().map(String::as_str), &mut svg)
        .map_err(io::Error::other)?;
    Ok(String::from_utf8_lossy(&svg).into_owned())
}
