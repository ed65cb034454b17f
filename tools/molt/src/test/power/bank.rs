// SPDX-License-Identifier: BSD-2-Clause
//! What is known of a bank over several starts: what the guest was told, and the records that were in it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use molt_store::{Kind, Record};

use super::cut::Sequence;
use crate::audit::Log;

/// What is known of a bank.
#[derive(Default)]
pub struct Known {
    /// The sequence number that the guest was told is committed last; 0: none.
    told: u64,
    /// The one that was verified last, which may have been committed when the power went.
    tried: u64,
    records: Vec<Record>,
    /// Unfinished records among them.
    torn: usize,
}

impl Known {
    /// The sequence number that was committed last.
    pub fn told(&self) -> u64 {
        self.told
    }

    /// Follows a run.
    pub fn follow(&mut self, sequences: &[Sequence]) {
        for sequence in sequences {
            match *sequence {
                Sequence::Verified(number) => self.tried = number,
                Sequence::Committed(number) => self.told = number,
            }
        }
    }

    /// A start. Returns the sequence number that runs.
    ///
    /// # Errors
    /// It is neither what was committed last nor what was about to be.
    pub fn started(&mut self, source: &str) -> Result<u64> {
        let number = match source.strip_prefix("disk: committed ") {
            Some(number) => number.parse().with_context(|| source.to_owned())?,
            None if source == "disk: factory 0: nothing-committed" => 0,
            None => bail!("started with '{source}'"),
        };
        ensure!(
            number == self.told || (number == self.tried && number > self.told),
            "started with '{source}': {} was committed, {} was tried last",
            self.told,
            self.tried
        );
        (self.told, self.tried) = (number, number);
        Ok(number)
    }

    /// Reads the bank after a run. Returns how many records in it are new and unfinished.
    ///
    /// # Errors
    /// A record is missing, damaged or another than before, or what the guest was told is not in it.
    pub fn bank(&mut self, file: &Path) -> Result<usize> {
        let content = fs::read(file).with_context(|| format!("{}", file.display()))?;
        let log = Log::read(&content);
        if let Some(complaint) = log.complaints.first() {
            bail!("the log: {complaint}");
        }
        ensure!(
            log.records.starts_with(&self.records),
            "the log had {} records, which are not the first of the {} that it has now",
            self.records.len(),
            log.records.len()
        );
        let is_commit = |record: &&Record| record.kind() == Some(Kind::Committed);
        let committed = log.records.iter().rfind(is_commit);
        let committed = committed.map_or(0, |record| record.sequence);
        ensure!(
            committed >= self.told,
            "the guest was told that {} is committed, and the log has {committed}",
            self.told
        );
        self.records = log.records;
        let new = log.torn.saturating_sub(self.torn);
        self.torn = log.torn;
        Ok(new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_has_what_was_committed_or_what_was_about_to_be() {
        let known = |told, tried| Known {
            told,
            tried,
            ..Known::default()
        };
        let factory = "disk: factory 0: nothing-committed";
        assert_eq!(known(0, 0).started(factory).unwrap(), 0);
        assert_eq!(known(0, 1).started(factory).unwrap(), 0);
        assert_eq!(known(1, 2).started("disk: committed 1").unwrap(), 1);
        assert_eq!(known(1, 2).started("disk: committed 2").unwrap(), 2);
        for (told, tried, source) in [
            (2, 2, "disk: committed 1"),
            (2, 3, factory),
            (2, 4, "disk: committed 3"),
            (2, 2, "disk: factory 0: bundle-damaged"),
            (0, 0, "disk: factory 0: store-broken"),
        ] {
            assert!(known(told, tried).started(source).is_err(), "{source}");
        }
    }
}
