//! Whether a request that would change something was made by another site's page: a browser says so, and programs say nothing.

use hyper::{
    HeaderMap,
    header::{self, HeaderValue},
};

/// Whether a browser sends this on behalf of a page that is not ours (Fetch Metadata, `Sec-Fetch-Site`; RFC 6454, section 7,
/// `Origin`). `ours` is the URL by which people reach the page, where there is one beside what the request's `Host` says.
pub(super) fn is_cross_site(headers: &HeaderMap, ours: Option<&str>) -> bool {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let origin = origins.next();
    if origins.next().is_some() || headers.get_all(SEC_FETCH_SITE).iter().count() > 1 {
        return true;
    }
    let is_ours = || origin.and_then(|origin| origin.to_str().ok()).is_some_and(|origin| is_ours(origin, headers, ours));
    match headers.get(SEC_FETCH_SITE).map(HeaderValue::as_bytes) {
        // A proxy in front of us may have another name than the one that it asks us by: what the browser says goes.
        Some(b"same-origin" | b"none") => false,
        Some(_) => !ours.is_some_and(|ours| origin.is_some_and(|origin| is_origin_of(origin.as_bytes(), ours))),
        None => origin.is_some() && !is_ours(),
    }
}

fn is_ours(origin: &str, headers: &HeaderMap, ours: Option<&str>) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let is_asked =
        || host.is_some_and(|host| origin.split_once("://").is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host)));
    is_asked() || ours.is_some_and(|ours| is_origin_of(origin.as_bytes(), ours))
}

/// `https://certs.example.com` is the origin of `https://certs.example.com/certs`.
fn is_origin_of(origin: &[u8], url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    let authority = rest.split('/').next().unwrap_or_default();
    let authority = match scheme {
        "https" => authority.strip_suffix(":443").unwrap_or(authority),
        _ => authority.strip_suffix(":80").unwrap_or(authority),
    };
    !authority.is_empty() && origin.eq_ignore_ascii_case(format!("{scheme}://{authority}").as_bytes())
}

const SEC_FETCH_SITE: &str = "sec-fetch-site";

#[cfg(test)]
mod tests {
    use hyper::header::HeaderName;

    use super::*;

    fn refused(headers: &[(&'static str, &'static str)]) -> bool {
        let mut map = HeaderMap::new();
        map.insert(header::HOST, HeaderValue::from_static("127.0.0.1:9843"));
        for (name, value) in headers {
            map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        is_cross_site(&map, Some("https://certs.example.com/certs"))
    }

    #[test]
    fn a_page_of_another_site_is_refused() {
        // Programs say neither.
        assert!(!refused(&[]));
        assert!(!refused(&[("sec-fetch-site", "same-origin"), ("origin", "http://127.0.0.1:9843")]));
        // A bookmark, or an address that was typed.
        assert!(!refused(&[("sec-fetch-site", "none")]));
        // A proxy asks us by another name than the browser asks it.
        assert!(!refused(&[("sec-fetch-site", "same-origin"), ("origin", "https://proxy.example.com")]));
        assert!(!refused(&[("sec-fetch-site", "same-site"), ("origin", "https://certs.example.com")]));
        for site in ["cross-site", "same-site", "other", ""] {
            assert!(refused(&[("sec-fetch-site", site)]), "{site}");
            assert!(refused(&[("sec-fetch-site", site), ("origin", "https://evil.example")]), "{site}");
        }
        // Our own address in the headers of a page that the browser calls another's.
        assert!(refused(&[("sec-fetch-site", "cross-site"), ("origin", "http://127.0.0.1:9843")]));
    }

    #[test]
    fn an_old_browser_says_only_the_origin() {
        for ours in ["http://127.0.0.1:9843", "https://certs.example.com", "HTTPS://Certs.Example.com"] {
            assert!(!refused(&[("origin", ours)]), "{ours}");
        }
        for other in [
            "null",
            "",
            "127.0.0.1:9843",
            "http://127.0.0.1",
            "http://127.0.0.1:98430",
            "http://certs.example.com",
            "https://certs.example.com:8443",
            "https://certs.example.com.evil.example",
        ] {
            assert!(refused(&[("origin", other)]), "{other}");
        }
        assert!(refused(&[("origin", "https://certs.example.com"), ("origin", "https://certs.example.com")]));
        assert!(is_origin_of(b"https://a.example", "https://a.example:443/x"));
        assert!(is_origin_of(b"https://a.example:8443", "https://a.example:8443"));
        assert!(!is_origin_of(b"https://", "https://"));
    }
}
