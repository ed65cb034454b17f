// SPDX-License-Identifier: BSD-2-Clause
//! A disk's image file: its format and how large the disk in it is.
//!
//! The format is taken from the file's name, never guessed from its contents: a guest writes the contents of a raw image, and could
//! make it look like a qcow2 image whose backing file is any file of the host.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Formats that are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The disk's bytes and nothing else.
    Raw,
    /// QEMU's own (QEMU: docs/interop/qcow2.txt).
    Qcow2,
}

impl Format {
    /// By the name's ending: `.qcow2`, or anything else for raw.
    pub fn of(path: &Path) -> Self {
        match path.extension().is_some_and(|ending| ending == "qcow2") {
            true => Self::Qcow2,
            false => Self::Raw,
        }
    }

    /// QEMU's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Qcow2 => "qcow2",
        }
    }
}

/// Why a file is no disk's image.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Its name says qcow2.
    #[error("is named .qcow2 and is no qcow2 image")]
    NotQcow2,
    /// Its name says raw.
    #[error(
        "is a qcow2 image: name it .qcow2 (a raw image is not looked into, since its guest writes it)"
    )]
    NotNamed,
    /// It names another file that holds the rest.
    #[error(
        "is a qcow2 image with a backing file: make one of its own (qemu-img convert -O qcow2)"
    )]
    Backing,
}

const MAGIC: &[u8] = b"QFI\xfb";
/// Bytes of the header that are looked at: magic, version, backing file's offset and name's length, cluster bits, size.
const HEADER: usize = 32;

/// Bytes of the disk in the image.
///
/// # Errors
/// See [`ImageError`].
pub fn disk_size(path: &Path) -> Result<u64, ImageError> {
    let mut file = File::open(path)?;
    let mut start = Vec::new();
    file.by_ref().take(HEADER as u64).read_to_end(&mut start)?;
    let is_qcow2 = start.starts_with(MAGIC);
    match (Format::of(path), is_qcow2) {
        (Format::Raw, false) => Ok(file.metadata()?.len()),
        (Format::Raw, true) => Err(ImageError::NotNamed),
        (Format::Qcow2, false) => Err(ImageError::NotQcow2),
        (Format::Qcow2, true) => {
            let word = |at: usize| {
                let bytes = start
                    .get(at..at + 8)
                    .and_then(|bytes| bytes.try_into().ok());
                bytes.map(u64::from_be_bytes).ok_or(ImageError::NotQcow2)
            };
            match word(8)? {
                0 => word(24),
                _ => Err(ImageError::Backing),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn image(name: &str, content: &[u8]) -> Result<u64, ImageError> {
        let folder = std::env::temp_dir().join(format!("molt-image-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join(name);
        fs::write(&path, content).unwrap();
        let size = disk_size(&path);
        fs::remove_dir_all(&folder).unwrap();
        size
    }

    /// A header of version 3 as `qemu-img create -f qcow2` writes it, for a disk of 64 MiB.
    fn qcow2(backing: u64) -> Vec<u8> {
        let mut header = MAGIC.to_vec();
        header.extend(3_u32.to_be_bytes());
        header.extend(backing.to_be_bytes());
        header.extend([0, 0, 0, 0, 0, 0, 0, 16]);
        header.extend((64_u64 << 20).to_be_bytes());
        header.resize(512, 0);
        header
    }

    #[test]
    fn the_name_says_the_format_and_the_contents_must_agree() {
        assert_eq!(image("a.img", &[0; 1536]).unwrap(), 1536);
        assert_eq!(image("b.qcow2", &qcow2(0)).unwrap(), 64 << 20);
        assert!(matches!(
            image("c.img", &qcow2(0)),
            Err(ImageError::NotNamed)
        ));
        assert!(matches!(
            image("d.qcow2", &[0; 99]),
            Err(ImageError::NotQcow2)
        ));
        assert!(matches!(image("e.qcow2", MAGIC), Err(ImageError::NotQcow2)));
        assert!(matches!(
            image("f.qcow2", &qcow2(512)),
            Err(ImageError::Backing)
        ));
    }
}
