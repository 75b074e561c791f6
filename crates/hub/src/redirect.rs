//! Where redirects lead.

use iri_string::format::ToDedicatedString;
use iri_string::types::{IriReferenceStr, UriAbsoluteString};
use ureq::http::Uri;

/// Where a redirect from `from` to the value of its header `Location` leads; `None` if that is no address, or one that others on
/// the way can read though the first was not.
pub fn redirected(from: &Uri, location: &str) -> Option<Uri> {
    let from = UriAbsoluteString::try_from(from.to_string()).ok()?;
    let location = IriReferenceStr::new(location).ok()?.encode_to_uri().to_dedicated_string();
    let to: Uri = location.resolve_against(&from).to_string().parse().ok()?;
    matches!((from.scheme_str(), to.scheme_str()?), (_, "https") | ("http", "http")).then_some(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_are_resolved_as_rfc_3986_says() {
        let from = "https://a.example/b/c?d".parse().unwrap();
        for (location, expected) in [
            ("e", Some("https://a.example/b/e")),
            ("/e", Some("https://a.example/e")),
            ("?e=f", Some("https://a.example/b/c?e=f")),
            ("e?t=12:30", Some("https://a.example/b/e?t=12:30")),
            ("../e", Some("https://a.example/e")),
            ("//b.example/e", Some("https://b.example/e")),
            ("https://b.example/ü", Some("https://b.example/%C3%BC")),
            ("http://a.example/b/c", None),
            ("ftp://a.example/e", None),
            ("data:,e", None),
        ] {
            assert_eq!(redirected(&from, location), expected.map(|to| to.parse().unwrap()), "{location}");
        }
    }
}
