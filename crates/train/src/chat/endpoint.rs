use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use memeclip::{Error, Result};
use ureq::http::Uri;

/// The base address of a server with OpenAI's interface, such as `http://127.0.0.1:8080/v1`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Without a slash at the end.
    base: String,
    host: String,
    encrypted: bool,
}

impl Endpoint {
    /// Where chat completions are asked for.
    pub(super) fn completions(&self) -> String {
        format!("{}{COMPLETIONS}", self.base)
    }

    /// Whether what is sent stays on this machine: the host is `localhost` or a loopback address. No name is looked up.
    pub fn is_loopback(&self) -> bool {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        let address = host.parse::<IpAddr>();
        host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.to_canonical().is_loopback())
    }

    /// Whether it is reached by https, so that others on the way cannot read what is sent.
    pub fn is_encrypted(&self) -> bool {
        self.encrypted
    }
}

const COMPLETIONS: &str = "/chat/completions";

impl FromStr for Endpoint {
    type Err = Error;

    /// With or without `/chat/completions`. Errors do not repeat the address, which may hold a password.
    fn from_str(text: &str) -> Result<Self> {
        let invalid = |what: &str| Error::Argument {
            reason: format!("the endpoint {what}. Give its base address, as in http://127.0.0.1:8080/v1."),
        };
        let text = text.trim();
        let uri: Uri = text.parse().map_err(|_| invalid("is not an address"))?;
        let (Some(scheme @ ("http" | "https")), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(invalid("does not begin with http:// or https://"));
        };
        if authority.as_str().contains('@') {
            return Err(invalid("holds a user name; a key belongs in the environment's OPENAI_API_KEY"));
        }
        if text.contains(['?', '#']) {
            return Err(invalid("has a query or a fragment"));
        }
        let path = uri.path().trim_end_matches('/');
        let path = path.strip_suffix(COMPLETIONS).unwrap_or(path);
        Ok(Endpoint {
            base: format!("{scheme}://{authority}{path}"),
            host: authority.host().into(),
            encrypted: scheme == "https",
        })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Endpoint {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn only_this_machine_is_loopback() {
        let here = [
            "http://127.0.0.1:8080/v1",
            "http://127.8.9.10",
            "HTTP://LocalHost:1/v1",
            "https://[::1]:8080/v1",
            "http://[::ffff:127.0.0.1]/v1",
        ];
        let elsewhere = [
            "https://api.openai.com/v1",
            "http://127.0.0.1.example.org/v1",
            "http://localhost.example.org/v1",
            "http://example.org/localhost",
            "http://0.0.0.0:8080/v1",
            "http://192.168.0.1/v1",
            "http://[::ffff:192.168.0.1]/v1",
            "http://2130706433/v1",
            "http://localhostess/v1",
        ];
        here.iter().for_each(|text| assert!(parse(text).is_loopback(), "{text}"));
        elsewhere.iter().for_each(|text| assert!(!parse(text).is_loopback(), "{text}"));
    }

    #[test]
    fn the_base_is_what_people_give() {
        for text in ["http://h/v1", "http://h/v1/", " http://h/v1/chat/completions", "http://h/v1/chat/completions/"] {
            assert_eq!(parse(text).completions(), "http://h/v1/chat/completions");
        }
        assert_eq!(parse("http://h:1").completions(), "http://h:1/chat/completions");
        for text in
            ["", "h/v1", "127.0.0.1:8080", "ftp://h/v1", "http://", "http://h/v1?key=hunter2", "http://h/#hunter2"]
                .into_iter()
                .chain(["http://me:hunter2@127.0.0.1/v1", "http://127.0.0.1@example.org/v1", "http:// hunter2"])
        {
            let error = text.parse::<Endpoint>().unwrap_err().to_string();
            assert!(error.contains("Give its base address") && !error.contains("hunter2"), "{text}: {error}");
        }
    }
}
