// SPDX-License-Identifier: BSD-2-Clause
//! Every form of a kernel is unpacked to the same bytes, or refused by its name.

use std::io::Write;

use molt_linux::{BootImageError, boot_image};

/// Text that packs well, behind the header of an arm64 image.
fn image() -> Vec<u8> {
    let mut image = vec![0; 64];
    image[56..60].copy_from_slice(b"ARMd");
    image.extend(b"all the code of a kernel".repeat(10_000));
    image
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(content).unwrap();
    packer.finish().unwrap()
}

fn zstd(content: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(content, ruzstd::encoding::CompressionLevel::Fastest)
}

/// Linux: drivers/firmware/efi/libstub/zboot-header.S.
fn zboot(payload: &[u8], compression: &str) -> Vec<u8> {
    const OFFSET: usize = 4096;
    let mut file = vec![0; OFFSET];
    file[..8].copy_from_slice(b"MZ\0\0zimg");
    file[8..12].copy_from_slice(&(OFFSET as u32).to_le_bytes());
    file[12..16].copy_from_slice(&(payload.len() as u32).to_le_bytes());
    file[24..24 + compression.len()].copy_from_slice(compression.as_bytes());
    // The kernel's build appends the size behind gzip's data; what follows the payload is the program that unpacks it.
    [&file, payload, b"the EFI program".as_slice()].concat()
}

#[test]
fn every_form_gives_the_same_image() {
    let image = image();
    let forms = [
        image.clone(),
        gzip(&image),
        zstd(&image),
        zboot(&gzip(&image), "gzip"),
        zboot(&zstd(&image), "zstd22"),
    ];
    for file in forms {
        assert!(boot_image(&file).unwrap() == image);
    }
}

/// What this crate's own encoder writes is simple. This is what `zstd --ultra -22` makes of the same sentence 10,000
/// times, as the kernel's build calls it.
const LEVEL_22: [u8; 56] = [
    0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x88, 0x04, 0x01, 0x00, 0xc0, 0x61, 0x6c, 0x6c, 0x20, 0x74, 0x68,
    0x65, 0x20, 0x63, 0x6f, 0x64, 0x65, 0x20, 0x6f, 0x66, 0x20, 0x61, 0x20, 0x6b, 0x65, 0x72, 0x6e,
    0x65, 0x6c, 0x01, 0x00, 0x94, 0xff, 0x6f, 0x3e, 0xc7, 0x45, 0x00, 0x00, 0x00, 0x01, 0x00, 0x7d,
    0xa9, 0x9b, 0x4f, 0x20, 0x70, 0xab, 0xe7, 0x41,
];

#[test]
fn the_highest_level_of_zstd_is_read() {
    let text = b"all the code of a kernel".repeat(10_000);
    assert!(boot_image(&zboot(&LEVEL_22, "zstd22")).unwrap() == text);
}

#[test]
fn what_is_not_taken_is_named() {
    let complaint = |file: &[u8]| boot_image(file).unwrap_err().to_string();
    for (start, name) in [
        (b"\xfd7zXZ\0".as_slice(), "xz"),
        (b"\x7fELF", "ELF"),
        (b"!<arch>\n", "Debian package"),
        (b"QFI\xfb", "qcow2"),
        (&[0x02, 0x21, 0x4c, 0x18], "lz4"),
    ] {
        let text = complaint(start);
        assert!(text.contains(name), "{text}");
    }
    let packed = complaint(&gzip(b"\x7fELF and so on"));
    assert!(packed.contains("ELF"), "{packed}");
    let xz = complaint(&zboot(b"data", "xzkern"));
    assert!(xz.contains("'xzkern'"), "{xz}");
    assert!(matches!(
        boot_image(&gzip(&gzip(&image()))),
        Err(BootImageError::Twice)
    ));
}

#[test]
fn what_is_cut_off_is_refused() {
    let whole = zboot(&gzip(&image()), "gzip");
    for length in [8, 24, 4096, 4200] {
        let result = boot_image(&whole[..length]);
        assert!(matches!(result, Err(BootImageError::ZbootPayload { .. })));
    }
    for file in [gzip(&image()), zstd(&image())] {
        let result = boot_image(&file[..file.len() / 2]);
        assert!(
            matches!(result, Err(BootImageError::Damaged { .. })),
            "{result:?}"
        );
    }
    assert!(boot_image(&[]).unwrap().is_empty());
}
