// SPDX-License-Identifier: BSD-2-Clause
//! COSE keys (RFC 9052, 7; RFC 9053, 7): EC2 over P-256 and OKP over Ed25519.

use std::collections::BTreeMap;

use minicbor::data::Type;
use minicbor::{Decoder, Encoder};
use molt_suit::PublicKey;

use crate::{KeyError, PrivateKey};

const KEY_TYPE: i64 = 1;
const OKP: i64 = 1;
const EC2: i64 = 2;
const CURVE: i64 = -1;
const X: i64 = -2;
const Y: i64 = -3;
const D: i64 = -4;
const P_256: i64 = 1;
const ED25519: i64 = 6;

/// A COSE key's required members, which its thumbprint covers (RFC 9679, 4); with `d` a private one.
pub fn write(key: &PublicKey, d: Option<&[u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    let bytes = key.to_bytes();
    let (x, y) = bytes.split_at(32);
    let mut e = Encoder::new(&mut out);
    let members = u64::from(d.is_some());
    // Writing to a vector does not fail.
    let _ = match key {
        PublicKey::P256(_) => (e.map(4 + members))
            .and_then(|e| {
                e.i64(KEY_TYPE)?
                    .i64(EC2)?
                    .i64(CURVE)?
                    .i64(P_256)?
                    .i64(X)?
                    .bytes(x)
            })
            .and_then(|e| e.i64(Y)?.bytes(y)),
        PublicKey::Ed25519(_) => (e.map(3 + members)).and_then(|e| {
            e.i64(KEY_TYPE)?
                .i64(OKP)?
                .i64(CURVE)?
                .i64(ED25519)?
                .i64(X)?
                .bytes(x)
        }),
    };
    if let Some(d) = d {
        let _ = e.i64(D).and_then(|e| e.bytes(d));
    }
    out
}

/// A public one.
pub fn public(bytes: &[u8]) -> Result<PublicKey, KeyError> {
    let unknown = || KeyError::Unknown("public");
    let members = members(bytes).ok_or_else(unknown)?;
    let x = coordinate(&members, X).ok_or_else(unknown)?;
    match kind(&members) {
        Some((EC2, P_256)) => match members.get(&Y) {
            Some(Value::Bytes(_)) => {
                let y = coordinate(&members, Y).ok_or_else(unknown)?;
                PublicKey::p256(&x, &y).ok_or(KeyError::Point)
            }
            // The sign of y (RFC 9053, 7.1.1).
            Some(Value::Flag(sign)) => {
                let point = [&[2 + u8::from(*sign)], x.as_slice()].concat();
                let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&point);
                key.map(PublicKey::P256).map_err(|_| KeyError::Point)
            }
            _ => Err(unknown()),
        },
        Some((OKP, ED25519)) => PublicKey::ed25519(&x).ok_or(KeyError::Point),
        _ => Err(unknown()),
    }
}

/// A private one.
pub fn private(bytes: &[u8]) -> Option<PrivateKey> {
    let members = members(bytes)?;
    let d = coordinate(&members, D)?;
    match kind(&members)? {
        (EC2, P_256) => p256::ecdsa::SigningKey::from_slice(&d)
            .ok()
            .map(PrivateKey::P256),
        (OKP, ED25519) => {
            let key = ed25519_dalek::SigningKey::from_bytes(&d);
            Some(PrivateKey::Ed25519(key))
        }
        _ => None,
    }
}

enum Value {
    Number(i64),
    Bytes(Vec<u8>),
    Flag(bool),
}

/// Members with numbers as labels; others are not used here.
fn members(bytes: &[u8]) -> Option<BTreeMap<i64, Value>> {
    let mut d = Decoder::new(bytes);
    let mut members = BTreeMap::new();
    for _ in 0..d.map().ok()?? {
        let Ok(label) = d.i64() else {
            d.skip().ok()?;
            d.skip().ok()?;
            continue;
        };
        let value = match d.datatype().ok()? {
            Type::Bytes => Value::Bytes(d.bytes().ok()?.to_vec()),
            Type::Bool => Value::Flag(d.bool().ok()?),
            Type::U8 | Type::I8 | Type::U16 | Type::I16 | Type::U32 | Type::I32 => {
                Value::Number(d.i64().ok()?)
            }
            _ => {
                d.skip().ok()?;
                continue;
            }
        };
        members.insert(label, value);
    }
    (d.position() == bytes.len()).then_some(members)
}

fn kind(members: &BTreeMap<i64, Value>) -> Option<(i64, i64)> {
    match (members.get(&KEY_TYPE)?, members.get(&CURVE)?) {
        (Value::Number(kind), Value::Number(curve)) => Some((*kind, *curve)),
        _ => None,
    }
}

fn coordinate(members: &BTreeMap<i64, Value>, label: i64) -> Option<[u8; 32]> {
    match members.get(&label)? {
        Value::Bytes(bytes) => bytes.as_slice().try_into().ok(),
        _ => None,
    }
}
