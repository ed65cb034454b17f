// SPDX-License-Identifier: BSD-2-Clause
//! The ELF note in every program that names the kernel configuration that it was built for.

use molt_note::Note;

#[used]
// SAFETY: the section holds notes, and this is a whole one.
#[cfg_attr(target_os = "none", unsafe(link_section = ".note.molt"))]
static NOTE: Note = Note::new(sel4_config::DIGEST);
