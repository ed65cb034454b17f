// SPDX-License-Identifier: BSD-2-Clause
//! Keys in files: PEM (PKCS #8, SEC 1, SubjectPublicKeyInfo) or COSE keys (RFC 9052, 7), recognised by the file's content.

use ed25519_dalek::Signer;
use ed25519_dalek::pkcs8::spki::{DecodePublicKey, EncodePublicKey};
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey, spki::der::pem::LineEnding};
use molt_suit::{Algorithm, PublicKey};
use sha2::{Digest, Sha256};

use crate::cose_key;

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Neither a P-256 nor an Ed25519 key, in neither form.
    #[error("no {0} key of P-256 or Ed25519, neither as PEM nor as a COSE key")]
    Unknown(&'static str),
    /// The point is not on the curve, or of small order.
    #[error("the key's point is not on its curve, or of small order")]
    Point,
    /// No random numbers.
    #[error("the system has no random numbers: {0}")]
    Random(#[from] getrandom::Error),
    /// An algorithm of the other curve.
    #[error("a key of this kind does not sign with {0:?}")]
    Algorithm(Algorithm),
}

/// Kind of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// ECDSA over P-256.
    P256,
    /// Ed25519.
    Ed25519,
}

/// A key that signs.
#[derive(Clone)]
pub enum PrivateKey {
    /// ECDSA over P-256 with SHA-256.
    P256(p256::ecdsa::SigningKey),
    /// Ed25519.
    Ed25519(ed25519_dalek::SigningKey),
}

impl PrivateKey {
    /// A new one from the system's random numbers.
    ///
    /// # Errors
    /// When the system has none.
    pub fn generate(kind: Kind) -> Result<Self, KeyError> {
        loop {
            let mut bytes = [0; 32];
            getrandom::fill(&mut bytes)?;
            match kind {
                Kind::Ed25519 => {
                    return Ok(Self::Ed25519(ed25519_dalek::SigningKey::from_bytes(&bytes)));
                }
                // Not every number below 2^256 is one below the group's order.
                Kind::P256 => {
                    if let Ok(key) = p256::ecdsa::SigningKey::from_slice(&bytes) {
                        return Ok(Self::P256(key));
                    }
                }
            }
        }
    }

    /// From a file's content.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(content: &[u8]) -> Result<Self, KeyError> {
        let unknown = KeyError::Unknown("private");
        let Some(pem) = text(content) else {
            return cose_key::private(content).ok_or(unknown);
        };
        if let Ok(key) = p256::SecretKey::from_pkcs8_pem(pem) {
            return Ok(Self::P256(key.into()));
        }
        if let Ok(key) = p256::SecretKey::from_sec1_pem(pem) {
            return Ok(Self::P256(key.into()));
        }
        (ed25519_dalek::SigningKey::from_pkcs8_pem(pem).map(Self::Ed25519)).map_err(|_| unknown)
    }

    /// As PEM (PKCS #8).
    #[must_use]
    pub fn to_pem(&self) -> String {
        let pem = match self {
            Self::P256(key) => key.to_pkcs8_pem(LineEnding::LF),
            Self::Ed25519(key) => key.to_pkcs8_pem(LineEnding::LF),
        };
        // A key that exists has an encoding.
        pem.map(|pem| pem.to_string()).unwrap_or_default()
    }

    /// As a COSE key.
    #[must_use]
    pub fn to_cose(&self) -> Vec<u8> {
        match self {
            Self::P256(key) => cose_key::write(&self.public(), Some(&key.to_bytes())),
            Self::Ed25519(key) => cose_key::write(&self.public(), Some(&key.to_bytes())),
        }
    }

    /// Its public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        match self {
            Self::P256(key) => PublicKey::P256(*key.verifying_key()),
            Self::Ed25519(key) => PublicKey::Ed25519(key.verifying_key()),
        }
    }

    /// The fully specified algorithm (RFC 9864) of this key.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        match self {
            Self::P256(_) => Algorithm::Esp256,
            Self::Ed25519(_) => Algorithm::Ed25519,
        }
    }

    /// Signs.
    ///
    /// # Errors
    /// When the algorithm is for the other kind of key.
    pub fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<[u8; 64], KeyError> {
        match (self, algorithm) {
            (Self::P256(key), Algorithm::Es256 | Algorithm::Esp256) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                Ok(signature.to_bytes().into())
            }
            (Self::Ed25519(key), Algorithm::EdDsa | Algorithm::Ed25519) => {
                Ok(key.sign(message).to_bytes())
            }
            _ => Err(KeyError::Algorithm(algorithm)),
        }
    }
}

/// A public key from a file's content; of a private key its public half.
///
/// # Errors
/// When it is none.
pub fn read_public(content: &[u8]) -> Result<PublicKey, KeyError> {
    if let Ok(key) = PrivateKey::read(content) {
        return Ok(key.public());
    }
    let Some(pem) = text(content) else {
        return cose_key::public(content);
    };
    if let Ok(key) = p256::PublicKey::from_public_key_pem(pem) {
        return Ok(PublicKey::P256(key.into()));
    }
    let key = ed25519_dalek::VerifyingKey::from_public_key_pem(pem)
        .map_err(|_| KeyError::Unknown("public"))?;
    PublicKey::ed25519(key.as_bytes()).ok_or(KeyError::Point)
}

/// A public key as PEM (SubjectPublicKeyInfo), or as a COSE key.
#[must_use]
pub fn write_public(key: &PublicKey, cose: bool) -> Vec<u8> {
    if cose {
        return cose_key::write(key, None);
    }
    let pem = match key {
        PublicKey::P256(key) => key.to_public_key_pem(LineEnding::LF),
        PublicKey::Ed25519(key) => key.to_public_key_pem(LineEnding::LF),
    };
    pem.unwrap_or_default().into_bytes()
}

/// The fingerprint, for people: the first 8 bytes of the COSE key's SHA-256 thumbprint (RFC 9679).
#[must_use]
pub fn fingerprint(key: &PublicKey) -> String {
    let digest = Sha256::digest(cose_key::write(key, None));
    digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn text(content: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(content).ok()?;
    text.trim_start()
        .starts_with("-----BEGIN")
        .then(|| text.trim_start())
}
