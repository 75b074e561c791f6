//! Files from a web server.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Duration;

use ureq::Agent;
use ureq::http::{StatusCode, header};

use crate::{Error, Result, Watch};

/// A connection is there within this time, or the server is not.
const CONNECT: Duration = Duration::from_secs(20);

fn agent() -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(CONNECT))
        .user_agent(concat!("memeclip/", env!("CARGO_PKG_VERSION")))
        .build();
    config.into()
}

/// The content of a file of at most `limit` bytes.
///
/// # Errors
/// [`Error::Network`], [`Error::Status`].
pub fn get(url: &str, limit: u64) -> Result<Vec<u8>> {
    let lost = |reason: String| Error::Network { name: url.into(), reason };
    let mut response = agent().get(url).call().map_err(|e| lost(e.to_string()))?;
    match response.status() {
        StatusCode::OK => response.body_mut().with_config().limit(limit).read_to_vec().map_err(|e| lost(e.to_string())),
        status => Err(Error::Status { name: url.into(), status: status.as_u16() }),
    }
}

/// Downloads a file to `path`, and continues after what is there already.
///
/// # Errors
/// [`Error::Network`], after which what came stays; [`Error::Status`]; [`Error::Library`] if the file cannot be written.
pub fn download(url: &str, path: &Path, watch: &mut dyn Watch) -> Result<()> {
    let here = |e: io::Error| Error::Library(memeclip::Error::io(path, e));
    let lost = |reason: String| Error::Network { name: url.into(), reason };
    let done = fs::metadata(path).map_or(0, |file| file.len());
    let mut response = agent()
        .get(url)
        .header(header::RANGE, format!("bytes={done}-"))
        // What is compressed on the way has other ranges.
        .header(header::ACCEPT_ENCODING, "identity")
        .call()
        .map_err(|e| lost(e.to_string()))?;
    let done = match response.status() {
        StatusCode::PARTIAL_CONTENT => done,
        StatusCode::OK => 0,
        // All of it is there.
        StatusCode::RANGE_NOT_SATISFIABLE if done > 0 => return Ok(()),
        status => return Err(Error::Status { name: url.into(), status: status.as_u16() }),
    };
    let rest = response.body().content_length().unwrap_or(0);
    let mut file = OpenOptions::new().create(true).append(true).open(path).map_err(here)?;
    file.set_len(done).map_err(here)?;
    watch.begin(url.rsplit('/').next().unwrap_or(url), done + rest);
    watch.add(done);
    let mut body = response.body_mut().as_reader();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match body.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => {
                file.write_all(&buffer[..count]).map_err(here)?;
                watch.add(count as u64);
            }
            Err(e) => return Err(lost(e.to_string())),
        }
    }
    watch.end();
    Ok(())
}
