// SPDX-License-Identifier: BSD-2-Clause
//! The answers of `update` to an operator (`molt-operator`), as they come on the console.

/// An answer's tag and text, if the line is one.
pub fn answer(line: &str) -> Option<(&str, &str)> {
    line.strip_prefix("update: operator ")?.split_once(' ')
}

/// The last line of an answer: `ok`, or `refused` and the reason.
pub fn ended(line: &str) -> Option<String> {
    let (_, text) = answer(line)?;
    (text == "ok" || text.starts_with("refused ")).then(|| text.to_owned())
}

/// The value of `key=` in an answer, if it has one.
pub fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let words = text.split(' ');
    let pairs = words.filter_map(|word| word.split_once('='));
    pairs
        .into_iter()
        .find(|(name, _)| *name == key)
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_recognised() {
        let line = "update: operator #7 component name=disk waits=5:1f3a before=-";
        let (tag, text) = answer(line).expect("an answer");
        assert_eq!((tag, value(text, "waits")), ("#7", Some("5:1f3a")));
        assert_eq!(value(text, "what"), None);
        assert_eq!(ended(line), None);
        let refused = "update: operator - refused busy";
        assert_eq!(ended(refused).as_deref(), Some("refused busy"));
        for other in ["first: operator #7 ok", "vmm: update: operator #7 ok"] {
            assert_eq!(answer(other), None, "a guest's line");
        }
    }
}
