// SPDX-License-Identifier: BSD-2-Clause
//! Names for the numbers of draft-ietf-suit-manifest-37 (section 11) and of its companions (suit-trust-domains,
//! suit-update-management, suit-firmware-encryption), and for the algorithms of RFC 9053, 9054 and 9864. A refusal names
//! what is not supported by them.

macro_rules! names {
    ($(#[$doc:meta])* $function:ident { $($number:pat => $name:literal,)* }) => {
        $(#[$doc])*
        #[must_use]
        pub const fn $function(number: i64) -> Option<&'static str> {
            Some(match number {
                $($number => $name,)*
                _ => return None,
            })
        }
    };
}

names! {
    /// Members of the envelope.
    envelope {
        2 => "authentication-wrapper",
        3 => "manifest",
        14 => "coswid",
        15 => "dependency-resolution",
        16 => "payload-fetch",
        20 => "install",
        23 => "text",
    }
}
names! {
    /// Members of the manifest.
    manifest {
        1 => "manifest-version",
        2 => "manifest-sequence-number",
        3 => "common",
        4 => "reference-uri",
        5 => "manifest-component-id",
        6 => "set-version",
        7 => "validate",
        8 => "load",
        9 => "invoke",
        14 => "coswid",
        15 => "dependency-resolution",
        16 => "payload-fetch",
        20 => "install",
        23 => "text",
        24 => "uninstall",
    }
}
names! {
    /// Members of suit-common.
    common {
        1 => "dependencies",
        2 => "components",
        4 => "shared-sequence",
    }
}
names! {
    /// Conditions and directives.
    command {
        1 => "condition-vendor-identifier",
        2 => "condition-class-identifier",
        3 => "condition-image-match",
        4 => "condition-use-before",
        5 => "condition-component-slot",
        6 => "condition-check-content",
        7 => "condition-dependency-integrity",
        8 => "condition-is-dependency",
        11 => "directive-process-dependency",
        12 => "directive-set-component-index",
        14 => "condition-abort",
        15 => "directive-try-each",
        18 => "directive-write",
        19 => "directive-set-parameters",
        20 => "directive-override-parameters",
        21 => "directive-fetch",
        22 => "directive-copy",
        23 => "directive-invoke",
        24 => "condition-device-identifier",
        25 => "condition-image-not-match",
        26 => "condition-minimum-battery",
        27 => "condition-update-authorized",
        28 => "condition-version",
        29 => "directive-wait",
        31 => "directive-swap",
        32 => "directive-run-sequence",
        33 => "directive-unlink",
        34 => "directive-override-multiple",
        35 => "directive-copy-params",
    }
}
names! {
    /// Parameters.
    parameter {
        1 => "vendor-identifier",
        2 => "class-identifier",
        3 => "image-digest",
        4 => "use-before",
        5 => "component-slot",
        12 => "strict-order",
        13 => "soft-failure",
        14 => "image-size",
        18 => "content",
        19 => "encryption-info",
        20 => "compression-info",
        21 => "uri",
        22 => "source-component",
        23 => "invoke-args",
        24 => "device-identifier",
        25 => "fetch-arguments",
        26 => "minimum-battery",
        27 => "update-priority",
        28 => "version",
        29 => "wait-info",
        30 => "component-metadata",
    }
}
names! {
    /// COSE algorithms.
    algorithm {
        -7 => "ES256",
        -8 => "EdDSA",
        -9 => "ESP256",
        -16 => "SHA-256",
        -18 => "SHAKE128",
        -19 => "Ed25519",
        -35 => "ES384",
        -36 => "ES512",
        -43 => "SHA-384",
        -44 => "SHA-512",
        -45 => "SHAKE256",
        -51 => "ESP384",
        -52 => "ESP512",
        -53 => "Ed448",
        5 => "HMAC 256/256",
    }
}
