// SPDX-License-Identifier: BSD-2-Clause
//! Addresses of resources (RFC 3986), as many forms as servers use here.

/// Most bytes of an address.
pub const MAX_URL: usize = 1024;

/// An `http` address. Its parts are visible ASCII characters, so that none can end a line of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Url<'t> {
    /// A name, or an address of IPv4.
    pub host: &'t str,
    /// The port; 80 where none is given.
    pub port: u16,
    /// Path and query, with the first slash.
    pub path: &'t str,
}

/// Why a text is no address that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    /// It wants TLS.
    #[error("it begins with https://, and TLS is left to a proxy")]
    Tls,
    /// Anything else.
    #[error("it is no http address")]
    Malformed,
}

impl<'t> Url<'t> {
    /// Reads `http://HOST[:PORT][/PATH]`.
    ///
    /// # Errors
    /// See [`BadUrl`].
    pub fn parse(text: &'t str) -> Result<Self, BadUrl> {
        let (scheme, authority, path) = split(text).ok_or(BadUrl::Malformed)?;
        match scheme {
            "http" => {}
            "https" => return Err(BadUrl::Tls),
            _ => return Err(BadUrl::Malformed),
        }
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => (host, port.parse().map_err(|_| BadUrl::Malformed)?),
            None => (authority, 80),
        };
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        if host.is_empty() || !host.bytes().all(is_host) {
            return Err(BadUrl::Malformed);
        }
        let path = if path.is_empty() { "/" } else { path };
        Ok(Self { host, port, path })
    }

    /// The same place at this one's server: what a link leads to when its host is not believed.
    ///
    /// # Errors
    /// See [`BadUrl`].
    pub fn at_same_server(self, link: &'t str) -> Result<Self, BadUrl> {
        let path = match split(link) {
            Some((_, _, path)) => path,
            None if link.starts_with('/') && is_plain(link) => link,
            None => return Err(BadUrl::Malformed),
        };
        Ok(Self { path, ..self })
    }

    /// Whether both lead to the same server.
    #[must_use]
    pub fn is_same_server(self, other: Url<'_>) -> bool {
        self.host.eq_ignore_ascii_case(other.host) && self.port == other.port
    }
}

/// Scheme, authority, and the rest.
fn split(text: &str) -> Option<(&str, &str, &str)> {
    if !is_plain(text) {
        return None;
    }
    let (scheme, rest) = text.split_once("://")?;
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    Some((scheme, authority, path))
}

fn is_plain(text: &str) -> bool {
    let visible = |byte: u8| byte.is_ascii_graphic() && byte != b'#';
    text.len() <= MAX_URL && text.bytes().all(visible)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let url = Url::parse("http://10.0.2.2:8080/a/b?c=1").unwrap();
        assert_eq!(
            (url.host, url.port, url.path),
            ("10.0.2.2", 8080, "/a/b?c=1")
        );
        let url = Url::parse("http://fleet.example").unwrap();
        assert_eq!((url.host, url.port, url.path), ("fleet.example", 80, "/"));
        assert_eq!(Url::parse("https://fleet.example/"), Err(BadUrl::Tls));
        for text in [
            "",
            "fleet",
            "ftp://a/",
            "http://",
            "http://:1/",
            "http://a:99999/",
            "http://a@b/",
            "http://a/ b",
            "http://a/\r\nX: y",
            "http://a/#b",
            "http://[::1]/",
        ] {
            assert_eq!(Url::parse(text), Err(BadUrl::Malformed), "{text:?}");
        }
    }

    #[test]
    fn a_link_leads_to_the_server_that_is_meant() {
        let server = Url::parse("http://10.0.2.2:8080/").unwrap();
        for (link, path) in [
            ("https://fleet.example/DEFAULT/x?c=2", "/DEFAULT/x?c=2"),
            ("/DEFAULT/y", "/DEFAULT/y"),
        ] {
            let url = server.at_same_server(link).unwrap();
            assert_eq!((url.host, url.port, url.path), ("10.0.2.2", 8080, path));
        }
        assert_eq!(server.at_same_server("x/y"), Err(BadUrl::Malformed));
        assert_eq!(server.at_same_server("/x y"), Err(BadUrl::Malformed));
    }
}
