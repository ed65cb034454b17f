// SPDX-License-Identifier: BSD-2-Clause
//! `<channel>` and `<end>`

use super::{Names, map};
use crate::Rule;
use crate::error::{Broken, broken};
use crate::model::{Channel, End, System};
use crate::xml::Element;

fn end(element: Element, names: &Names, system: &mut System) -> Result<End, Broken> {
    element.attributes(&["pd", "id", "pp", "notify", "setvar_id"])?;
    element.children(&[])?;
    let domain = names.domain(&element.required("pd")?)?;
    let id = element.identifier("id", 0, 61)?;
    if let Some(symbol) = element.text("setvar_id") {
        system.domains[domain]
            .setvars
            .push(map::set(symbol, id.value));
    }
    let (notify, pp) = (
        element.boolean("notify", true)?,
        element.boolean("pp", false)?,
    );
    Ok(End {
        span: element.span(),
        domain,
        id,
        notify,
        pp,
    })
}

pub fn parse(element: Element, names: &Names, system: &mut System) -> Result<Channel, Broken> {
    element.attributes(&[])?;
    let ends = element.children(&["end"])?;
    let [a, b] = ends[..] else {
        return broken(&element.span(), Rule::ChannelEnds(ends.len()));
    };
    Ok(Channel {
        span: element.span(),
        ends: [end(a, names, system)?, end(b, names, system)?],
    })
}
