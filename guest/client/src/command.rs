// SPDX-License-Identifier: BSD-2-Clause
//! The command line.

/// What is printed without a command, and for `help`.
pub const HELP: &str = "\
molt-guest: updates the drivers of this guest's devices, through the port org.molt.doorbell

  molt-guest devices                the devices, and which of them this guest may update
  molt-guest offer FILE             offers the bundle or list of keys in FILE, confirms it, and waits for the end
      --device NAME                 for this device; needed if the guest may update several
      --no-confirm                  ends when the offer is made, and prints its handle
      --no-wait                     ends when the offer is confirmed
  molt-guest confirm [HANDLE]       confirms the offer and waits for the end; --no-wait
  molt-guest cancel [HANDLE]        takes the offer back
  molt-guest status [--follow]      where the update stands; --follow: until it has ended
  molt-guest log                    what has become of this guest's offers since its machine was started
  molt-guest forgive [--device NAME]  lets an image be offered again that has failed
  molt-guest defer [--device NAME]  has updates of the device wait for this guest, as long as it may; an update that has not begun
                                    to disturb the device waits too
      --seconds N                   for so long, and not until 'admit'
  molt-guest admit [--device NAME]  lets them pass again
  molt-guest unplug DISK            takes the driver off a disk that nothing holds (vda, /dev/vda), so that it may be updated where the
                                    disk's technique is 'unplug'
  molt-guest plug                   gives disks that were unplugged their driver again
  molt-guest poll --server URL --id ID  asks a server of a fleet (hawkBit's device interface) for updates, offers them, and
                                    reports what came of them
      --device NAME                 for this device; needed if the guest may update several
      --tenant NAME                 the server's tenant; DEFAULT if not given
      --token FILE                  the file with 'TargetToken TOKEN' or 'GatewayToken TOKEN'; TOKEN alone is a target's
      --attribute NAME=VALUE        (up to 8 times) what the server is told about this guest
      --state FOLDER                where the last action is kept; /var/lib/molt-guest if not given
      --interval SECONDS            between polls, in place of what the server wants
      --once                        asks once, and ends when what it was told to do is done
      --json                        (with every other command) one JSON object a line

exit codes: 0 done, 1 wrong usage or unreadable file, 2 no doorbell or no proper answer, 3 refused, 4 rolled back,
5 out of service, 6 the bundle's part for this guest is not allowed or cannot be stored: nothing was updated,
7 the server cannot be reached or does not answer as it should

A bundle can have a part for the guest: files, parameters of modules, commands. What of it is allowed is said by
/etc/molt-guest.conf, a statement a line: 'file PATH' (or a folder with '/' at its end), 'parameter MODULE NAME',
'command NAME PROGRAM ARGUMENT...'.";

/// What is to be done.
#[expect(
    clippy::large_enum_variant,
    reason = "there is one of these in a run, and no heap"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command<'a> {
    /// Print [`HELP`].
    Help,
    /// List the devices.
    Devices,
    /// Offer the bundle, or the list of keys, in this file.
    Offer(&'a str),
    /// Confirm the offer with this handle, or with the one that the doorbell shows.
    Confirm(Option<u64>),
    /// Take that offer back.
    Cancel(Option<u64>),
    /// Print the state.
    Status,
    /// Print the log.
    Log,
    /// Forget failed images.
    Forgive,
    /// Defer updates of a device for so many ms; 0: not any more.
    Defer(u32),
    /// Take the driver off this disk.
    Unplug(&'a str),
    /// Give unplugged disks their driver.
    Plug,
    /// Ask the server of a fleet.
    Poll(Server<'a>),
}

/// Most attributes of a guest.
pub const MAX_ATTRIBUTES: usize = 8;

/// The server of a fleet, and this guest as the server knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Server<'a> {
    /// `--server`
    pub url: &'a str,
    /// `--id`: hawkBit's controller ID.
    pub id: &'a str,
    /// `--tenant`
    pub tenant: &'a str,
    /// `--token`: a file's name.
    pub token: Option<&'a str>,
    /// `--attribute`: each `NAME=VALUE`.
    pub attributes: [Option<&'a str>; MAX_ATTRIBUTES],
    /// `--state`: a folder.
    pub state: &'a str,
    /// `--interval`, in seconds.
    pub interval: Option<u32>,
    /// `--once`
    pub once: bool,
}

impl Default for Server<'_> {
    fn default() -> Self {
        Self {
            url: "",
            id: "",
            tenant: "DEFAULT",
            token: None,
            attributes: [None; MAX_ATTRIBUTES],
            state: "/var/lib/molt-guest",
            interval: None,
            once: false,
        }
    }
}

impl<'a> Server<'a> {
    /// Reads an option, and the argument behind it; `None`: it is another one's.
    fn option(
        &mut self,
        option: &str,
        arguments: &mut impl Iterator<Item = &'a str>,
    ) -> Option<Result<(), Usage<'a>>> {
        let mut text = || {
            arguments
                .next()
                .ok_or(Usage::Missing("what stands behind the last option"))
        };
        let set =
            |place: &mut &'a str, text: Result<&'a str, Usage<'a>>| text.map(|text| *place = text);
        Some(match option {
            "--server" => set(&mut self.url, text()),
            "--id" => set(&mut self.id, text()),
            "--tenant" => set(&mut self.tenant, text()),
            "--state" => set(&mut self.state, text()),
            "--token" => text().map(|text| self.token = Some(text)),
            "--interval" => text().and_then(|text| {
                let seconds = text.parse().ok().filter(|seconds| *seconds > 0);
                self.interval = Some(seconds.ok_or(Usage::Seconds(text))?);
                Ok(())
            }),
            "--attribute" => text().and_then(|text| {
                let free = self.attributes.iter_mut().find(|place| place.is_none());
                let pair = Some(text).filter(|text| text.contains('='));
                *free.ok_or(Usage::Unexpected(text))? = Some(pair.ok_or(Usage::Unexpected(text))?);
                Ok(())
            }),
            "--once" => {
                self.once = true;
                Ok(())
            }
            _ => return None,
        })
    }

    /// Whether all is there that a poll needs.
    fn complete(self) -> Result<Self, Usage<'a>> {
        match self {
            Self { url: "", .. } => Err(Usage::Missing("--server URL")),
            Self { id: "", .. } => Err(Usage::Missing("--id ID")),
            complete => Ok(complete),
        }
    }
}

/// What the command line says beside the command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options<'a> {
    /// `--json`
    pub json: bool,
    /// `--device`: a name, or the component's number.
    pub device: Option<&'a str>,
    /// `--no-confirm`
    pub no_confirm: bool,
    /// `--no-wait`
    pub no_wait: bool,
    /// `--follow`
    pub follow: bool,
    /// `--seconds`
    pub seconds: Option<u32>,
}

/// What is wrong with a command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage<'a> {
    /// No such command.
    Unknown(&'a str),
    /// The command takes no such option or argument.
    Unexpected(&'a str),
    /// This is missing.
    Missing(&'static str),
    /// A handle is a number: decimal, or hexadecimal behind `0x`.
    Handle(&'a str),
    /// A time is a number of seconds, and not 0.
    Seconds(&'a str),
}

impl core::fmt::Display for Usage<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Unknown(word) => write!(f, "there is no command '{word}'"),
            Self::Unexpected(word) => write!(f, "'{word}' does not belong here"),
            Self::Missing(what) => write!(f, "{what} is missing"),
            Self::Handle(word) => write!(
                f,
                "'{word}' is no handle: it is a number, as 'offer' prints it"
            ),
            Self::Seconds(word) => write!(f, "'{word}' is no number of seconds"),
        }
    }
}

impl<'a> Command<'a> {
    /// Reads the arguments behind the program's name.
    ///
    /// # Errors
    /// See [`Usage`].
    pub fn parse(
        arguments: impl IntoIterator<Item = &'a str>,
    ) -> Result<(Self, Options<'a>), Usage<'a>> {
        let mut options = Options::default();
        let mut words = heapless::Vec::<&str, 2>::new();
        let mut given = heapless::Vec::<&str, 24>::new();
        let mut server = Server::default();
        let mut arguments = arguments.into_iter();
        while let Some(word) = arguments.next() {
            match word {
                "--json" => options.json = true,
                "--no-confirm" => options.no_confirm = true,
                "--no-wait" => options.no_wait = true,
                "--follow" => options.follow = true,
                "--device" => {
                    let name = arguments.next();
                    options.device = Some(name.ok_or(Usage::Missing("the name behind --device"))?);
                }
                "--seconds" => {
                    let text = arguments.next();
                    let text = text.ok_or(Usage::Missing("the number behind --seconds"))?;
                    let seconds = text.parse().ok().filter(|n| (1..=LONGEST).contains(n));
                    options.seconds = Some(seconds.ok_or(Usage::Seconds(text))?);
                }
                "-h" | "--help" => return Ok((Self::Help, options)),
                word if word.starts_with('-') => match server.option(word, &mut arguments) {
                    Some(read) => read?,
                    None => return Err(Usage::Unexpected(word)),
                },
                word => {
                    words.push(word).map_err(Usage::Unexpected)?;
                    continue;
                }
            }
            given.push(word).map_err(Usage::Unexpected)?;
        }
        let mut words = words.into_iter();
        let (name, argument) = (words.next(), words.next());
        let (command, allowed): (_, &[&str]) = match name {
            None | Some("help") => (Self::Help, &[]),
            Some("devices") => (Self::Devices, &[]),
            Some("offer") => {
                let file = argument.ok_or(Usage::Missing("the bundle's file"))?;
                (
                    Self::Offer(file),
                    &["--device", "--no-confirm", "--no-wait"],
                )
            }
            Some("confirm") => (Self::Confirm(handle(argument)?), &["--no-wait"]),
            Some("cancel") => (Self::Cancel(handle(argument)?), &[]),
            Some("status") => (Self::Status, &["--follow"]),
            Some("log") => (Self::Log, &[]),
            Some("forgive") => (Self::Forgive, &["--device"]),
            Some("defer") => {
                let ms = options.seconds.map_or(u32::MAX, |seconds| seconds * 1000);
                (Self::Defer(ms), &["--device", "--seconds"])
            }
            Some("admit") => (Self::Defer(0), &["--device"]),
            Some("unplug") => {
                let disk = argument.ok_or(Usage::Missing("the disk's name"))?;
                (Self::Unplug(disk), &[])
            }
            Some("plug") => (Self::Plug, &[]),
            Some("poll") => (Self::Poll(server.complete()?), OF_POLL),
            Some(other) => return Err(Usage::Unknown(other)),
        };
        let takes = matches!(
            command,
            Self::Offer(_) | Self::Confirm(_) | Self::Cancel(_) | Self::Unplug(_)
        );
        if let Some(argument) = argument.filter(|_| !takes) {
            return Err(Usage::Unexpected(argument));
        }
        let mut given = given.into_iter();
        let json = !matches!(command, Self::Poll(_));
        let is_allowed = |option: &&str| json && *option == "--json" || allowed.contains(option);
        let other = given.find(|option| !is_allowed(option));
        match other {
            Some(option) => Err(Usage::Unexpected(option)),
            None => Ok((command, options)),
        }
    }
}

/// Most seconds for which updates are deferred: as many as their milliseconds fit into a command.
const LONGEST: u32 = u32::MAX / 1000;

const OF_POLL: &[&str] = &[
    "--device",
    "--server",
    "--id",
    "--tenant",
    "--token",
    "--attribute",
    "--state",
    "--interval",
    "--once",
];

fn handle(argument: Option<&str>) -> Result<Option<u64>, Usage<'_>> {
    let Some(text) = argument else {
        return Ok(None);
    };
    let number = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    number.map(Some).map_err(|_| Usage::Handle(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse<'a>(line: &'a str) -> Result<(Command<'a>, Options<'a>), Usage<'a>> {
        Command::parse(line.split_whitespace())
    }

    #[test]
    fn every_command() {
        let plain = |line| parse(line).map(|(command, _)| command);
        assert_eq!(plain(""), Ok(Command::Help));
        assert_eq!(plain("offer a --help"), Ok(Command::Help));
        assert_eq!(plain("devices --json"), Ok(Command::Devices));
        assert_eq!(plain("offer a.suit"), Ok(Command::Offer("a.suit")));
        assert_eq!(plain("confirm"), Ok(Command::Confirm(None)));
        assert_eq!(plain("confirm 0xff"), Ok(Command::Confirm(Some(255))));
        assert_eq!(plain("cancel 12"), Ok(Command::Cancel(Some(12))));
        assert_eq!(plain("status --follow"), Ok(Command::Status));
        assert_eq!(plain("log"), Ok(Command::Log));
        assert_eq!(plain("forgive --device disk"), Ok(Command::Forgive));
        assert_eq!(plain("defer"), Ok(Command::Defer(u32::MAX)));
        assert_eq!(
            plain("defer --seconds 30 --device disk"),
            Ok(Command::Defer(30_000))
        );
        assert_eq!(plain("admit --device disk"), Ok(Command::Defer(0)));
        assert_eq!(plain("unplug vda --json"), Ok(Command::Unplug("vda")));
        assert_eq!(plain("plug"), Ok(Command::Plug));
        let options = Options {
            json: true,
            device: Some("disk"),
            no_confirm: true,
            ..Options::default()
        };
        assert_eq!(
            parse("--json offer --device disk a --no-confirm"),
            Ok((Command::Offer("a"), options))
        );
    }

    #[test]
    fn a_poll() {
        let line = "poll --server http://h --id a --attribute x=1 --attribute y= --interval 9 --once --device disk";
        let (command, options) = parse(line).unwrap();
        let mut server = Server {
            url: "http://h",
            id: "a",
            interval: Some(9),
            once: true,
            ..Server::default()
        };
        (server.attributes[0], server.attributes[1]) = (Some("x=1"), Some("y="));
        assert_eq!(
            (command, options.device),
            (Command::Poll(server), Some("disk"))
        );
        assert_eq!(
            (server.tenant, server.state),
            ("DEFAULT", "/var/lib/molt-guest")
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (line, usage) in [
            ("poll --id a", Usage::Missing("--server URL")),
            ("poll --server a", Usage::Missing("--id ID")),
            (
                "poll --server",
                Usage::Missing("what stands behind the last option"),
            ),
            ("poll --server a --id b --interval 0", Usage::Seconds("0")),
            (
                "poll --server a --id b --attribute c",
                Usage::Unexpected("c"),
            ),
            (
                "poll --server a --id b --no-wait",
                Usage::Unexpected("--no-wait"),
            ),
            ("status --once", Usage::Unexpected("--once")),
            ("poll --server a --id b --json", Usage::Unexpected("--json")),
            (
                "defer --seconds",
                Usage::Missing("the number behind --seconds"),
            ),
            ("defer --seconds 0", Usage::Seconds("0")),
            ("defer --seconds 4294968", Usage::Seconds("4294968")),
            ("admit --seconds 1", Usage::Unexpected("--seconds")),
            ("update", Usage::Unknown("update")),
            ("offer", Usage::Missing("the bundle's file")),
            ("offer a b", Usage::Unexpected("b")),
            ("unplug", Usage::Missing("the disk's name")),
            ("plug vda", Usage::Unexpected("vda")),
            ("offer a --follow", Usage::Unexpected("--follow")),
            (
                "offer a --device",
                Usage::Missing("the name behind --device"),
            ),
            ("log x", Usage::Unexpected("x")),
            ("log -v", Usage::Unexpected("-v")),
            ("status --no-wait", Usage::Unexpected("--no-wait")),
            ("confirm it", Usage::Handle("it")),
            (
                "confirm 0x10000000000000000",
                Usage::Handle("0x10000000000000000"),
            ),
        ] {
            assert_eq!(parse(line), Err(usage), "{line}");
        }
    }
}
