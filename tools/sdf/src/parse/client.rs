// SPDX-License-Identifier: BSD-2-Clause
//! `<client>`

use super::Names;
use super::replaceable::or;
use super::technique::{stand_in, techniques};
use crate::Rule;
use crate::error::{Broken, broken};
use crate::model::{Client, Share};
use crate::value;
use crate::xml::Element;

/// Attributes of a client's share of a disk.
const SECTORS: [&str; 2] = ["first_sector", "sectors"];

/// `<client>`
pub fn parse(element: Element, names: &Names) -> Result<Client, Broken> {
    for name in SECTORS {
        if let Some(at) = element.text(name) {
            return broken(&at.span, Rule::ShareAttribute(name));
        }
    }
    element.attributes(&["pd", "queue", "memory"])?;
    let shares = element.children(&["block", "entropy", "network", "sensor"])?;
    if let Some(second) = shares.get(1) {
        return broken(&second.span(), Rule::OnlyOnce("client's share".to_owned()));
    }
    Ok(Client {
        span: element.span(),
        domain: names.domain(&element.required("pd")?)?,
        queue: names.region(&element.required("queue")?)?,
        memory: (element.text("memory").as_ref())
            .map(|memory| names.region(memory))
            .transpose()?,
        share: shares
            .first()
            .map(|share| self::share(*share))
            .transpose()?,
        techniques: shares
            .first()
            .map(|share| techniques(*share))
            .transpose()?
            .unwrap_or_default(),
        stand_in: shares
            .first()
            .map(|share| stand_in(*share, names))
            .transpose()?
            .flatten(),
    })
}

/// A client's share of a device, by class.
fn share(element: Element) -> Result<Share, Broken> {
    element.children(&[])?;
    match element.tag() {
        "entropy" => {
            element.attributes(&["technique"])?;
            Ok(Share::Entropy)
        }
        "sensor" => {
            element.attributes(&["technique"])?;
            Ok(Share::Sensor)
        }
        "network" => network(element),
        _ => {
            element.attributes(&["first_sector", "sectors", "technique", "stand_in", "log"])?;
            Ok(Share::Block {
                first_sector: element.number_or("first_sector", 0)?.value,
                sectors: or(element, "sectors", 0, 0, 1 << 54)?,
            })
        }
    }
}

/// `<network>`
fn network(element: Element) -> Result<Share, Broken> {
    element.attributes(&["mac", "pinned", "isolated", "technique"])?;
    let mac = element.required("mac")?;
    Ok(Share::Network {
        mac: mac.try_map(|text| value::mac(&text))?.value,
        pinned: element.boolean("pinned", false)?,
        isolated: element.boolean("isolated", false)?,
    })
}
