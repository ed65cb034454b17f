// SPDX-License-Identifier: BSD-2-Clause
//! Who holds a disk, by what Linux lists: `/proc/mounts`, `/proc/swaps`, and where a program's open files are.

/// Whether a path is that of the disk `disk` or of one of its partitions, as in `/dev/vda` and `/dev/vda2`.
#[must_use]
pub fn is_of_disk(path: &str, disk: &str) -> bool {
    let part = path
        .strip_prefix("/dev/")
        .and_then(|path| path.strip_prefix(disk));
    part.is_some_and(|part| part.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Where the disk or one of its partitions is mounted, by the text of `/proc/mounts`: the first place.
#[must_use]
pub fn mounted_at<'a>(mounts: &'a str, disk: &str) -> Option<&'a str> {
    mounts.lines().find_map(|line| {
        let mut words = line.split(' ');
        let of_disk = is_of_disk(words.next()?, disk);
        words.next().filter(|_| of_disk)
    })
}

/// The part of the disk that is used for swap, by the text of `/proc/swaps`: the first one.
#[must_use]
pub fn swapped_to<'a>(swaps: &'a str, disk: &str) -> Option<&'a str> {
    let mut devices = swaps
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    devices.find(|device| is_of_disk(device, disk))
}

/// The name of a disk as an argument has it, `vda` or `/dev/vda`; `None`: it is no such name.
#[must_use]
pub fn disk(argument: &str) -> Option<&str> {
    let name = argument.strip_prefix("/dev/").unwrap_or(argument);
    let fits = (1..=16).contains(&name.len());
    (fits && name.bytes().all(|byte| byte.is_ascii_alphanumeric())).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_disk_and_its_partitions_are_found_and_no_others() {
        let mounts = "proc /proc proc rw 0 0\n/dev/vdab / ext4 rw 0 0\n/dev/vda12 /mnt ext4 rw 0 0\n/dev/vda /x ext4\n";
        assert_eq!(mounted_at(mounts, "vda"), Some("/mnt"));
        assert_eq!(mounted_at(mounts, "vdab"), Some("/"));
        assert_eq!(mounted_at(mounts, "vd"), None);
        assert_eq!(
            mounted_at("/dev/vda", "vda"),
            None,
            "a line that is cut off"
        );
        let swaps = "Filename\t\tType\n/dev/vdb2\tpartition\t1\n";
        assert_eq!(swapped_to(swaps, "vdb"), Some("/dev/vdb2"));
        assert_eq!(swapped_to(swaps, "vda"), None);
        assert!(is_of_disk("/dev/vda", "vda") && !is_of_disk("/mnt/vda", "vda"));
    }

    #[test]
    fn a_disk_is_named_with_and_without_its_folder() {
        assert_eq!(disk("vda"), Some("vda"));
        assert_eq!(disk("/dev/sda"), Some("sda"));
        for wrong in [
            "",
            "/dev/",
            "../vda",
            "vda/x",
            "a b",
            "averyveryverylongname",
        ] {
            assert_eq!(disk(wrong), None, "{wrong}");
        }
    }
}
