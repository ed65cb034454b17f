// SPDX-License-Identifier: BSD-2-Clause
//! The attribute `#[protection_domain]`, as the crate `sel4-microkit` exports it.
#![forbid(unsafe_code)]

use proc_macro::{TokenStream, TokenTree};

/// Makes a function the protection domain's initialisation: it returns the
/// [`Handler`](trait.Handler.html) that the event loop calls.
///
/// Parameters, both optional, in this order: `stack_size = BYTES` (a static stack in place of the
/// one that the tool maps), `heap_size = BYTES` (a global allocator with a static heap).
#[proc_macro_attribute]
pub fn protection_domain(parameters: TokenStream, item: TokenStream) -> TokenStream {
    let name = item
        .clone()
        .into_iter()
        .skip_while(|t| !is_ident(t, "fn"))
        .nth(1);
    let Some(TokenTree::Ident(name)) = name else {
        return "compile_error!(\"#[protection_domain] goes on a function\");"
            .parse()
            .expect("valid tokens");
    };
    let mut output: TokenStream =
        format!("::sel4_microkit::declare_protection_domain!(init = {name}, {parameters});")
            .parse()
            .expect("valid tokens");
    output.extend(item);
    output
}

fn is_ident(token: &TokenTree, name: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident.to_string() == name)
}
