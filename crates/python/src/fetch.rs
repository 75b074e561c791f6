//! Fetches an image that is given by its address.

use std::time::{Duration, Instant};

use memeclip::preprocess::read_from;
use memeclip::{Error, Result};
use memeclip_hub::redirect::redirected;
use ureq::Agent;
use ureq::http::{StatusCode, Uri, header};

/// Most redirects that are followed.
const REDIRECTS: usize = 5;

/// Whether it is an address, not a path.
pub fn is_address(name: &str) -> bool {
    let scheme = name.split_once("://").map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)))
}

/// The content at an address, `timeout` for all of it. Redirects from https to http are refused.
///
/// # Errors
/// [`Error::UnreadableImage`].
pub fn fetch(address: &str, timeout: Duration) -> Result<Vec<u8>> {
    get(address, Instant::now() + timeout).map_err(|reason| Error::UnreadableImage { name: address.into(), reason })
}

fn get(address: &str, end: Instant) -> Result<Vec<u8>, String> {
    let config = Agent::config_builder().http_status_as_error(false).max_redirects(0).max_redirects_will_error(false);
    let agent: Agent = config.build().into();
    let mut address: Uri = address.parse().map_err(|_| "not an address")?;
    for _ in 0..=REDIRECTS {
        let left = end.saturating_duration_since(Instant::now());
        let request = agent.get(&address).config().timeout_global(Some(left)).build();
        let response = request.call().map_err(|e| e.to_string())?;
        match response.status() {
            StatusCode::OK => return read_from(response.into_body().into_reader()).map_err(|e| e.to_string()),
            status if status.is_redirection() => {
                let to = response.headers().get(header::LOCATION).ok_or("a redirect to nowhere")?;
                let to = String::from_utf8_lossy(to.as_bytes());
                address = redirected(&address, &to).ok_or_else(|| format!("a redirect from {address} to {to}"))?;
            }
            status => return Err(format!("the server answers {status}")),
        }
    }
    Err(format!("more than {REDIRECTS} redirects"))
}
