# SPDX-License-Identifier: BSD-2-Clause
"""Envelopes by cbor2 and pycose, which know nothing of this project.

make ALGORITHM SECRET VENDOR CLASS DEVICE SEQUENCE ELF OUT     makes a bundle
check ALGORITHM SECRET BUNDLE                                  verifies a bundle's first signature
ALGORITHM is es256 or eddsa; SECRET and identifiers are hexadecimal.
"""
import hashlib
import sys

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from pycose.algorithms import EdDSA, Es256
from pycose.headers import Algorithm
from pycose.keys import EC2Key, OKPKey
from pycose.messages import Sign1Message


def key_of(algorithm, secret):
    if algorithm == "eddsa":
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        private = Ed25519PrivateKey.from_private_bytes(secret)
        return OKPKey(crv="ED25519", x=private.public_key().public_bytes_raw(), d=secret), EdDSA
    numbers = ec.derive_private_key(int.from_bytes(secret, "big"), ec.SECP256R1()).public_key().public_numbers()
    x, y = (n.to_bytes(32, "big") for n in (numbers.x, numbers.y))
    return EC2Key(crv="P_256", x=x, y=y, d=secret), Es256


def make(algorithm, secret, vendor, clazz, device, sequence, elf, out):
    key, number = key_of(algorithm, bytes.fromhex(secret))
    payload = open(elf, "rb").read()
    image = cbor2.dumps([-16, hashlib.sha256(payload).digest()])
    parameters = {1: bytes.fromhex(vendor), 2: bytes.fromhex(clazz), 3: image, 14: len(payload), 24: bytes.fromhex(device)}
    shared = cbor2.dumps([12, 0, 20, parameters, 1, 15, 2, 15, 24, 15])
    manifest = cbor2.dumps({
        1: 1,
        2: int(sequence),
        3: cbor2.dumps({2: [[b"driver", b"block"]], 4: shared}),
        7: cbor2.dumps([12, 0, 3, 15]),
        9: cbor2.dumps([12, 0, 23, 2]),
        20: cbor2.dumps([12, 0, 20, {21: "#image.elf"}, 21, 2, 3, 15]),
    })
    digest = cbor2.dumps([-16, hashlib.sha256(cbor2.dumps(manifest)).digest()])
    message = Sign1Message(phdr={Algorithm: number}, payload=digest)
    message.key = key
    signed = cbor2.loads(message.encode())
    protected, unprotected, _, signature = signed.value
    block = cbor2.dumps(cbor2.CBORTag(18, [protected, unprotected, None, signature]))
    wrapper = cbor2.dumps([digest, block])
    with open(out, "wb") as file:
        file.write(cbor2.dumps(cbor2.CBORTag(107, {2: wrapper, 3: manifest, "#image.elf": payload})))


def check(algorithm, secret, bundle):
    key, _ = key_of(algorithm, bytes.fromhex(secret))
    envelope = cbor2.loads(open(bundle, "rb").read()).value
    digest, block = cbor2.loads(envelope[2])[:2]
    assert cbor2.loads(digest) == [-16, hashlib.sha256(cbor2.dumps(envelope[3])).digest()]
    protected, unprotected, payload, signature = cbor2.loads(block).value
    assert payload is None
    message = Sign1Message.from_cose_obj([protected, dict(unprotected), digest, signature], True)
    message.key = key
    assert message.verify_signature()


{"make": make, "check": check}[sys.argv[1]](*sys.argv[2:])
