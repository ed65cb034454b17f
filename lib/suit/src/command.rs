// SPDX-License-Identifier: BSD-2-Clause
//! The numbers of the commands and parameters that are interpreted (draft-ietf-suit-manifest-37, 11.3 and 11.4).

pub const VENDOR_IDENTIFIER: i64 = 1;
pub const CLASS_IDENTIFIER: i64 = 2;
pub const IMAGE_MATCH: i64 = 3;
pub const COMPONENT_SLOT: i64 = 5;
pub const CHECK_CONTENT: i64 = 6;
pub const SET_COMPONENT_INDEX: i64 = 12;
pub const ABORT: i64 = 14;
pub const TRY_EACH: i64 = 15;
pub const WRITE: i64 = 18;
pub const OVERRIDE_PARAMETERS: i64 = 20;
pub const FETCH: i64 = 21;
pub const INVOKE: i64 = 23;
pub const DEVICE_IDENTIFIER: i64 = 24;
pub const RUN_SEQUENCE: i64 = 32;
/// Commands whose only argument is a reporting policy (8.4.7).
pub const REPORTING: [i64; 10] = [
    VENDOR_IDENTIFIER,
    CLASS_IDENTIFIER,
    DEVICE_IDENTIFIER,
    IMAGE_MATCH,
    COMPONENT_SLOT,
    CHECK_CONTENT,
    ABORT,
    FETCH,
    WRITE,
    INVOKE,
];
/// Commands of suit-trust-domains, which all concern dependencies.
pub const DEPENDENCIES: [i64; 3] = [7, 8, 11];

pub mod parameter {
    pub const VENDOR_IDENTIFIER: i64 = 1;
    pub const CLASS_IDENTIFIER: i64 = 2;
    pub const IMAGE_DIGEST: i64 = 3;
    pub const COMPONENT_SLOT: i64 = 5;
    pub const STRICT_ORDER: i64 = 12;
    pub const SOFT_FAILURE: i64 = 13;
    pub const IMAGE_SIZE: i64 = 14;
    pub const CONTENT: i64 = 18;
    pub const ENCRYPTION_INFO: i64 = 19;
    pub const URI: i64 = 21;
    pub const SOURCE_COMPONENT: i64 = 22;
    pub const DEVICE_IDENTIFIER: i64 = 24;
}
