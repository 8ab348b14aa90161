//! Who may ask: this machine's own pages, and others only with the token.
use crate::http::{Refusal, Response, header, query};
use axum::extract::Request;
use axum::http::Method;
use std::net::IpAddr;

/// What is asked of every request before anything else.
pub(crate) struct Guard {
    /// needed where others than this machine can reach the server
    token: Option<String>,
}

impl Guard {
    /// For a server at that address: off the loopback, with a token.
    ///
    /// # Errors
    /// Where the system gives no random numbers.
    pub(crate) fn new(address: IpAddr) -> std::io::Result<Guard> {
        let token = match address.is_loopback() {
            true => None,
            false => Some(random_token()?),
        };
        Ok(Guard { token })
    }

    /// What has to be known to get in.
    pub(crate) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Lets a request through, or answers it.
    pub(crate) fn check(&self, request: &Request) -> Result<(), Box<Response>> {
        self.known_host(request)
            .and_then(|()| own_page(request))
            .map_err(|r| Box::new(r.response()))?;
        let Some(token) = &self.token else { return Ok(()) };
        let query = query(request.uri());
        let sent = query.iter().find(|(n, _)| n == "token").map(|(_, t)| t.as_str());
        if sent.is_some_and(|t| same(t, token)) && request.uri().path() == "/" {
            // From here on the cookie tells, and the address bar does not.
            let cookie = format!("studio={token}; Path=/; HttpOnly; SameSite=Strict");
            let to_page = Response::new("text/plain", "").with_status(303);
            return Err(Box::new(to_page.with("Location", "/").with("Set-Cookie", cookie)));
        }
        let cookies = header(request.headers(), "cookie").unwrap_or_default();
        let given = cookies
            .split(';')
            .filter_map(|c| c.trim().strip_prefix("studio="))
            .chain(sent);
        match given.into_iter().any(|t| same(t, token)) {
            true => Ok(()),
            false => Err(Box::new(
                Refusal::new(
                    401,
                    "open the address that `menagerie studio` printed, with its token",
                )
                .response(),
            )),
        }
    }

    /// A page of another site may have its name point to this machine (DNS rebinding), but cannot change the name that the
    /// browser asks by. With a token, that is what tells.
    fn known_host(&self, request: &Request) -> Result<(), Refusal> {
        let host = header(request.headers(), "host")
            .ok_or_else(|| Refusal::new(400, "the header Host is missing"))?;
        let name = host_name(host);
        let is_loopback = name == "localhost" || name.parse::<IpAddr>().is_ok_and(|a| a.is_loopback());
        match is_loopback || self.token.is_some() {
            true => Ok(()),
            false => Err(Refusal::new(
                403,
                "the studio answers at localhost and 127.0.0.1 only",
            )),
        }
    }
}

/// A host without its port, and an IPv6 address without its brackets; nothing where more follows than a port.
fn host_name(host: &str) -> &str {
    let (name, rest) = match host.strip_prefix('[') {
        Some(inside) => inside.split_once(']').unwrap_or(("", "")),
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    let port = rest.strip_prefix(':').unwrap_or(rest);
    match port.bytes().all(|b| b.is_ascii_digit()) {
        true => name,
        false => "",
    }
}

/// Refuses what a page of another site sends: browsers say where a request comes from.
fn own_page(request: &Request) -> Result<(), Refusal> {
    let refused = || {
        Err(Refusal::new(
            403,
            "the studio answers its own pages only, not those of other sites",
        ))
    };
    let header = |name| header(request.headers(), name);
    if let Some(origin) = header("origin") {
        let own = format!("http://{}", header("host").unwrap_or_default());
        if origin != own {
            return refused();
        }
    }
    // A link from elsewhere may be followed to a page; nothing may be embedded or fetched.
    let follows = request.method() == Method::GET && header("sec-fetch-dest") == Some("document");
    match header("sec-fetch-site") {
        None | Some("same-origin" | "none") => Ok(()),
        Some(_) if follows => Ok(()),
        Some(_) => refused(),
    }
}

/// Compares without telling by the time how much is right.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |d, (a, b)| d | (a ^ b)) == 0
}

/// 128 bits, as hexadecimal digits.
#[cfg(unix)]
fn random_token() -> std::io::Result<String> {
    use std::io::Read;
    let mut bytes = [0; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
}

#[cfg(not(unix))]
fn random_token() -> std::io::Result<String> {
    use std::io::{Error, ErrorKind};
    Err(Error::new(
        ErrorKind::Unsupported,
        "only the loopback address is supported on this system",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_with_ports() {
        for (host, name) in [
            ("localhost:7878", "localhost"),
            ("127.0.0.1", "127.0.0.1"),
            ("[::1]:7878", "::1"),
            ("evil.example:7878", "evil.example"),
            ("[::1]evil.example", ""),
            ("[::1", ""),
            ("localhost:80:80", ""),
            ("127.0.0.1:evil", ""),
        ] {
            assert_eq!(host_name(host), name);
        }
        assert!(same("abc", "abc") && !same("abc", "abd") && !same("abc", "ab"));
    }

    #[test]
    #[cfg(unix)]
    fn only_the_loopback_needs_no_token() {
        let token = |a: &str| Guard::new(a.parse().unwrap()).unwrap().token().map(String::from);
        assert!(token("127.0.0.1").is_none() && token("::1").is_none());
        let (a, b) = (token("0.0.0.0").unwrap(), token("0.0.0.0").unwrap());
        assert!(a.len() == 32 && a != b);
    }
}
