//! Requests to the endpoint.

use std::io::ErrorKind;
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use ureq::http::{HeaderValue, header};
use ureq::{Agent, Proxy, Timeout};

use super::endpoint::Endpoint;
use super::fault::Fault;
use super::reply::{Failure, Reply, Response, read};
use super::request::OPTIONAL;
use super::retry;
use memeclip::stand_in::{StandIn, stand_in_for_text};
use memeclip::{Error, Result};

/// A connection is there within this time, or the server is not.
const CONNECT: Duration = Duration::from_secs(20);
/// The largest response, in bytes.
const LIMIT: u64 = 4 << 20;
/// The longest quotation of a server's message, in characters.
const QUOTED: usize = 300;

/// Asks one endpoint. It knows the key, which is in no message.
pub struct Client {
    agent: Agent,
    url: String,
    key: String,
    authorization: Option<HeaderValue>,
    timeout: Duration,
    /// Parameters that this server or model does not take.
    left_out: Vec<&'static str>,
}

impl Client {
    /// `key`: empty for a server that needs none. `timeout`: for each request.
    ///
    /// # Errors
    /// [`Error::Argument`] if the key has characters that a header cannot have, or others on the way could read it.
    pub fn new(endpoint: &Endpoint, key: &str, timeout: Duration) -> Result<Self> {
        let key = key.trim();
        if !key.is_empty() && !endpoint.is_loopback() && !endpoint.is_encrypted() {
            let reason = format!(
                "{endpoint}: others on the way could read the key in OPENAI_API_KEY. Give an address with https://, or unset the key."
            );
            return Err(Error::Argument { reason });
        }
        let value = HeaderValue::try_from(format!("Bearer {key}")).ok().filter(|_| key.is_ascii());
        let mut value = value.ok_or_else(|| Error::Argument {
            reason: "OPENAI_API_KEY has characters that no key has. Set it again.".into(),
        })?;
        value.set_sensitive(true);
        let config = Agent::config_builder()
            .http_status_as_error(false)
            // A redirect could lead the images to another machine.
            .max_redirects(0)
            .max_redirects_will_error(false)
            // So could a proxy, if they are to stay on this one.
            .proxy(if endpoint.is_loopback() { None } else { Proxy::try_from_env() })
            // A server may close an idle connection at the moment of a request, which then may have been answered or not.
            .max_idle_connections(0)
            .timeout_connect(Some(CONNECT))
            .timeout_global(Some(timeout))
            .user_agent(concat!("memeclip/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Client {
            agent: config.into(),
            url: endpoint.completions(),
            key: key.into(),
            authorization: (!key.is_empty()).then_some(value),
            timeout,
            left_out: Vec::new(),
        })
    }

    /// The parameters that the server does not take, as far as is known.
    pub fn left_out(&self) -> &[&'static str] {
        &self.left_out
    }

    /// Sends a request, `body`, and repeats it while the server says that it did not answer it. `body` is given the
    /// parameters to leave out.
    pub(super) fn ask(&mut self, body: impl Fn(&[&str]) -> Value) -> Result<Reply, Fault> {
        let mut left_out = self.left_out.clone();
        let mut repetition = 0;
        loop {
            let body = body(&left_out);
            let response = self.send(&body)?;
            let rejection = match read(&response) {
                Ok(reply) => {
                    self.left_out = left_out;
                    return Ok(reply);
                }
                Err(Failure::Fault(fault)) => return Err(fault),
                Err(Failure::Rejection(rejection)) => rejection,
            };
            let said = self.fit(&rejection.message);
            if rejection.is_policy() {
                return Ok(Reply::refusal(said));
            }
            if let Some(name) = OPTIONAL.into_iter().find(|name| !body[name].is_null() && rejection.names(name)) {
                left_out.push(name);
                continue;
            }
            let wait = retry::wait(repetition, response.retry_after.as_deref(), SystemTime::now());
            match wait.filter(|_| rejection.is_temporary()) {
                Some(wait) => sleep(wait),
                None => return Err(rejection.fault(said)),
            }
            repetition += 1;
        }
    }

    fn send(&self, body: &Value) -> Result<Response, Fault> {
        let mut request =
            self.agent.post(&self.url).content_type("application/json").header(header::ACCEPT, "application/json");
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization.clone());
        }
        let mut response = request.send(body.to_string()).map_err(|e| self.fault(e))?;
        let value = |name| Some(response.headers().get(name)?.to_str().ok()?.to_string());
        let (content_type, retry_after) = (value(header::CONTENT_TYPE), value(header::RETRY_AFTER));
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(LIMIT).read_to_vec();
        let body = match body {
            Ok(body) => body,
            // The status says enough.
            Err(_) if !matches!(status, 200..=299) => Vec::new(),
            Err(e) => return Err(self.fault(e)),
        };
        Ok(Response { status, content_type: content_type.map(|found| self.fit(&found)), retry_after, body })
    }

    /// An error below HTTP. A connection that is lost may have cost an answer; any other error is one of the connection.
    fn fault(&self, error: ureq::Error) -> Fault {
        use ureq::Error::*;
        let reason = self.fit(&error.to_string());
        match &error {
            Timeout(self::Timeout::Connect | self::Timeout::Resolve) => Fault::Unreachable { reason },
            Timeout(_) => Fault::Timeout { after: self.timeout },
            HostNotFound
            | ConnectionFailed
            | Tls(_)
            | Rustls(_)
            | TlsRequired
            | InvalidProxyUrl
            | ConnectProxyFailed(_) => Fault::Unreachable { reason },
            Io(e) => match e.kind() {
                ErrorKind::UnexpectedEof
                | ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::BrokenPipe
                | ErrorKind::NotConnected => Fault::CutOff { reason },
                // No server at the address, no address of the name, no trust in the certificate, and the like.
                _ => Fault::Unreachable { reason },
            },
            _ => Fault::CutOff { reason },
        }
    }

    /// A server's words, fit to be shown: short, on one line, and without the key.
    fn fit(&self, text: &str) -> String {
        match stand_in_for_text(text.as_bytes()) {
            Some(StandIn::Empty) => return "no reason given".into(),
            Some(StandIn::Html) => return "an HTML page".into(),
            _ => {}
        }
        let text = match &*self.key {
            "" => text.into(),
            key => text.replace(key, "[the key]"),
        };
        let line = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
        line.collect::<Vec<_>>().join(" ").chars().take(QUOTED).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_goes_where_others_could_read_it() {
        let client = |endpoint: &str, key| Client::new(&endpoint.parse().unwrap(), key, CONNECT);
        let error = client("http://example.org/v1", "hunter2").err().unwrap().to_string();
        assert!(error.contains("http://example.org/v1") && error.contains("https") && !error.contains("hunter2"));
        assert!(client("http://example.org/v1", " ").is_ok());
        assert!(client("https://example.org/v1", "hunter2").is_ok());
        assert!(client("http://127.0.0.1:8080/v1", "hunter2").is_ok());
    }
}
