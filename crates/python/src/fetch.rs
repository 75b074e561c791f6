//! Fetches an image that is given by its address.

use std::time::{Duration, Instant};

use memeclip::preprocess::read_from;
use memeclip::{Error, Result};
use ureq::Agent;
use ureq::http::{StatusCode, Uri, header};

/// Most redirects that are followed.
const REDIRECTS: usize = 5;

/// Whether it is an address, not a path.
pub fn is_address(name: &str) -> bool {
    scheme(name).is_some()
}

/// `http` or `https`.
fn scheme(address: &str) -> Option<&'static str> {
    let (scheme, _) = address.split_once("://")?;
    ["http", "https"].into_iter().find(|known| scheme.eq_ignore_ascii_case(known))
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
                let to = response.headers().get(header::LOCATION).and_then(|to| to.to_str().ok());
                address = redirected(&address, to.ok_or("a redirect to nowhere")?)?;
            }
            status => return Err(format!("the server answers {status}")),
        }
    }
    Err(format!("more than {REDIRECTS} redirects"))
}

/// Where a redirect leads.
fn redirected(from: &Uri, to: &str) -> Result<Uri, String> {
    let (scheme_of_from, authority) =
        (from.scheme_str().unwrap_or_default(), from.authority().map_or("", |a| a.as_str()));
    let whole = match (scheme(to), to) {
        (Some(_), _) => to.to_string(),
        (None, to) if to.starts_with("//") => format!("{scheme_of_from}:{to}"),
        (None, to) if to.starts_with('/') => format!("{scheme_of_from}://{authority}{to}"),
        (None, to) if to.contains(':') => return Err(format!("a redirect to {to}")),
        (None, to) => {
            let folder = from.path().rsplit_once('/').map_or("", |(folder, _)| folder);
            format!("{scheme_of_from}://{authority}{folder}/{to}")
        }
    };
    match (scheme_of_from, scheme(&whole)) {
        ("https", Some("http")) | (_, None) => Err(format!("a redirect from {scheme_of_from} to {whole}")),
        _ => whole.parse().map_err(|_| format!("a redirect to {whole}, which is no address")),
    }
}
