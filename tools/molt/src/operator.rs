// SPDX-License-Identifier: BSD-2-Clause
//! `molt operator`: types commands at a system's console and prints the answers.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use molt_report::operator::answer;
use serde_json::{Map, Value, json};

use crate::arguments::Operator;
use crate::output::say;

/// Both directions of a console.
struct Port {
    input: Box<dyn Write>,
    lines: mpsc::Receiver<String>,
    patience: Duration,
    tag: u32,
}

/// Runs it. Returns whether every command was executed.
pub fn run(arguments: &Operator) -> Result<bool> {
    let mut port = Port::open(&arguments.port, Duration::from_secs(arguments.patience))?;
    if !arguments.command.is_empty() {
        return port.ask(&arguments.command.join(" "), arguments.json);
    }
    let mut all = true;
    for line in io::stdin().lines() {
        let line = line.context("the commands cannot be read")?;
        if !line.trim().is_empty() {
            all &= port.ask(line.trim(), arguments.json)?;
        }
    }
    Ok(all)
}

impl Port {
    fn open(path: &Path, patience: Duration) -> Result<Self> {
        let name = || format!("{}: the console cannot be opened", path.display());
        let kind = std::fs::metadata(path).with_context(name)?.file_type();
        let (input, output): (Box<dyn Write>, Box<dyn Read + Send>) = if kind.is_socket() {
            let stream = UnixStream::connect(path).with_context(name)?;
            let reader = stream.try_clone().with_context(name)?;
            (Box::new(stream), Box::new(reader))
        } else if kind.is_char_device() {
            let open = || OpenOptions::new().write(true).open(path).with_context(name);
            let reader = File::open(path).with_context(name)?;
            (Box::new(open()?), Box::new(reader))
        } else {
            bail!(
                "{}: neither a serial device nor the socket of 'molt run --operator SOCKET'",
                path.display()
            );
        };
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).trim_end().to_owned();
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        // Answers to an earlier operator on the same line are not taken for ours, nor what a guest prints whose console was attached
        // until now: it does not know the number.
        Ok(Self {
            input,
            lines,
            patience,
            tag: fastrand::u32(..),
        })
    }

    /// Types a command and prints the answer. Returns whether it was executed.
    fn ask(&mut self, command: &str, as_json: bool) -> Result<bool> {
        self.tag = self.tag.wrapping_add(1);
        let tag = format!("#{}", self.tag);
        // What is typed is for `update` then, and the line end ends whatever somebody has typed in part.
        let detach = char::from(molt_terminal::ESCAPE);
        write!(self.input, "{detach}\n\n{tag} {command}\n")
            .context("the console cannot be written to")?;
        self.input
            .flush()
            .context("the console cannot be written to")?;
        loop {
            let line = self.lines.recv_timeout(self.patience);
            let line = line.map_err(|_| {
                anyhow::anyhow!(
                    "no answer to '{command}' within {} s: does the system have <operator>, and is this its console?",
                    self.patience.as_secs()
                )
            })?;
            let Some((of, text)) = answer(&line) else {
                continue;
            };
            if of != tag {
                continue;
            }
            match as_json {
                true => say!("{}", to_json(text)),
                false => say!("{text}"),
            }
            if text == "ok" || text.starts_with("refused") {
                return Ok(text == "ok");
            }
        }
    }
}

/// A line of an answer as an object: its first word is the value of `answer`, `-` is null, numbers are numbers.
fn to_json(text: &str) -> Value {
    let mut words = text.split(' ');
    let mut object = Map::new();
    object.insert("answer".to_owned(), json!(words.next().unwrap_or_default()));
    for word in words {
        match word.split_once('=') {
            Some((key, "-")) => object.insert(key.to_owned(), Value::Null),
            Some((key, value)) => {
                let number = value.parse::<u64>().ok().map(Value::from);
                object.insert(key.to_owned(), number.unwrap_or_else(|| json!(value)))
            }
            None => object.insert("reason".to_owned(), json!(word)),
        };
    }
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_become_objects() {
        let text = "component name=disk sequence=5 waits=- health=serving";
        let expected = json!({
            "answer": "component", "name": "disk", "sequence": 5, "waits": null, "health": "serving",
        });
        assert_eq!(to_json(text), expected);
        assert_eq!(to_json("ok"), json!({"answer": "ok"}));
        let refused = json!({"answer": "refused", "reason": "busy"});
        assert_eq!(to_json("refused busy"), refused);
    }
}
