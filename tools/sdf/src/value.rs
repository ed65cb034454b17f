// SPDX-License-Identifier: BSD-2-Clause
//! The values of attributes.

use crate::Rule;
use crate::model::Rights;

/// A number, decimal or with `0x` hexadecimal, `_` anywhere.
pub fn number(text: &str) -> Result<u64, Rule> {
    let digits: String = text.chars().filter(|c| *c != '_').collect();
    let value = match digits.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => digits.parse(),
    };
    value.map_err(|_| Rule::Number(text.to_owned()))
}

/// An identifier or an interrupt: Microkit reads these in decimal digits only.
pub fn decimal(text: &str) -> Result<i128, Rule> {
    text.parse().map_err(|_| Rule::Decimal(text.to_owned()))
}

/// `true` or `false`.
pub fn boolean(text: &str) -> Result<bool, Rule> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Rule::Boolean(text.to_owned())),
    }
}

/// Any of `r`, `w`, `x`; not `w` alone, which the architecture cannot map. None at all is Microkit's mapping without access.
pub fn rights(text: &str) -> Result<Rights, Rule> {
    let mut rights = Rights {
        read: false,
        write: false,
        execute: false,
    };
    for letter in text.chars() {
        let right = match letter {
            'r' => &mut rights.read,
            'w' => &mut rights.write,
            'x' => &mut rights.execute,
            _ => return Err(Rule::Permissions(text.to_owned())),
        };
        *right = true;
    }
    let write_only = rights.write && !rights.read && !rights.execute;
    if write_only {
        return Err(Rule::Permissions(text.to_owned()));
    }
    Ok(rights)
}

/// A MAC address that one card can have: six bytes in hexadecimal digits, of no group (IEEE 802, 8.2.2), not zero.
pub fn mac(text: &str) -> Result<[u8; 6], Rule> {
    let byte = |part: &str| {
        let digits = part.len() == 2 && part.bytes().all(|c| c.is_ascii_hexdigit());
        u8::from_str_radix(part, 16).ok().filter(|_| digits)
    };
    let bytes: Option<Vec<u8>> = text.split(':').map(byte).collect();
    let mac: Option<[u8; 6]> = bytes.and_then(|bytes| bytes.try_into().ok());
    match mac {
        None => Err(Rule::Mac(text.to_owned())),
        Some(mac) if mac[0] & 1 == 1 || mac == [0; 6] => Err(Rule::MacOfGroup(text.to_owned())),
        Some(mac) => Ok(mac),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_microkits() {
        assert_eq!(number("0x200_000"), Ok(0x20_0000));
        assert_eq!(number("1_000"), Ok(1000));
        for bad in ["", "0x", "1k", "-1", "0X10", "18446744073709551616"] {
            assert_eq!(number(bad), Err(Rule::Number(bad.to_owned())), "{bad}");
        }
    }

    #[test]
    fn identifiers_are_decimal() {
        assert_eq!((decimal("61"), decimal("-1")), (Ok(61), Ok(-1)));
        for bad in ["", "0x1", "1_0", "1 "] {
            assert_eq!(decimal(bad), Err(Rule::Decimal(bad.to_owned())), "{bad}");
        }
    }

    #[test]
    fn mac_addresses_are_one_card_s() {
        assert_eq!(mac("52:54:00:aB:0c:01"), Ok([0x52, 0x54, 0, 0xab, 12, 1]));
        for bad in [
            "",
            "52:54:00:12:34",
            "52-54-00-12-34-56",
            "52:54:0:12:34:56",
            "52:54:00:12:34:+6",
        ] {
            assert_eq!(mac(bad), Err(Rule::Mac(bad.to_owned())), "{bad}");
        }
        for group in [
            "01:00:5e:00:00:01",
            "ff:ff:ff:ff:ff:ff",
            "00:00:00:00:00:00",
        ] {
            assert_eq!(mac(group), Err(Rule::MacOfGroup(group.to_owned())));
        }
    }

    #[test]
    fn permissions_refuse_what_cannot_be_mapped() {
        assert_eq!(
            rights("rw"),
            Ok(Rights {
                read: true,
                write: true,
                execute: false
            })
        );
        assert_eq!(
            rights("rx"),
            Ok(Rights {
                read: true,
                write: false,
                execute: true
            })
        );
        for bad in ["w", "ww", "rwz", "R"] {
            assert_eq!(rights(bad), Err(Rule::Permissions(bad.to_owned())), "{bad}");
        }
    }
}
