//! When to repeat a request.

use std::time::{Duration, SystemTime};

/// Most repetitions of a request.
pub const REPETITIONS: u32 = 4;
/// The longest wait. A server that wants more gets no further request about this meme.
pub const LONGEST: Duration = Duration::from_secs(60);

/// How long to wait before repetition number `repetition`, which counts from 0; `None` if it is not worth it. `retry_after`
/// is the header's value, seconds or a date; without it, 1, 2, 4 and 8 seconds.
pub fn wait(repetition: u32, retry_after: Option<&str>, now: SystemTime) -> Option<Duration> {
    if repetition >= REPETITIONS {
        return None;
    }
    let asked = retry_after.map(str::trim).and_then(|value| match value.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => httpdate::parse_http_date(value).ok().map(|date| date.duration_since(now).unwrap_or_default()),
    });
    let wait = asked.unwrap_or(Duration::from_secs(1 << repetition));
    (wait <= LONGEST).then_some(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_is_what_the_server_says() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        let seconds = |repetition, header| wait(repetition, header, now).map(|wait| wait.as_secs());
        assert_eq!([0, 1, 2, 3, 4].map(|n| seconds(n, None)), [Some(1), Some(2), Some(4), Some(8), None]);
        for (header, expected) in [
            ("7", Some(7)),
            ("0", Some(0)),
            (" 60 ", Some(60)),
            ("61", None),
            ("99999999999999999999999", Some(2)),
            ("-1", Some(2)),
            ("soon", Some(2)),
            ("", Some(2)),
            ("Sun, 06 Nov 1994 08:49:40 GMT", Some(3)),
            ("Sun, 06 Nov 1994 08:49:30 GMT", Some(0)),
            ("Sun, 06 Nov 1994 09:49:37 GMT", None),
        ] {
            assert_eq!(seconds(1, Some(header)), expected, "{header}");
        }
    }
}
