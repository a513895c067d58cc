//! Which trigger answers a path.
//!
//! Exact segments, `:name` for one segment, and `/...` at the end for the rest. Among several that match, the first segment in which they
//! differ decides: exact before named before the rest; so the longest match wins, whatever the order in the manifest.

#[derive(Debug)]
pub struct Routes<T>(Vec<Route<T>>);

#[derive(Debug)]
struct Route<T> {
    raw: String,
    segments: Vec<Segment>,
    target: T,
}

#[derive(Debug, PartialEq, Eq)]
enum Segment {
    Rest,
    Named(String),
    Exact(String),
}

/// What a path met.
#[derive(Debug, PartialEq, Eq)]
pub struct Match<'a, T> {
    pub target: &'a T,
    /// As the manifest writes it.
    pub raw: &'a str,
    pub named: Vec<(&'a str, String)>,
    /// What `/...` stood for, with its leading slash.
    pub path_info: String,
}

impl<T> Routes<T> {
    /// Two equal routes: the later one replaces the earlier one, as in Spin.
    pub fn new(routes: impl IntoIterator<Item = (String, T)>) -> Self {
        let mut list: Vec<Route<T>> = Vec::new();
        for (raw, target) in routes {
            let segments = parse(&raw);
            list.retain(|other| other.segments != segments);
            list.push(Route { raw, segments, target });
        }
        list.sort_by(|a, b| rank(&b.segments).cmp(&rank(&a.segments)));
        Self(list)
    }

    pub fn find(&self, path: &str) -> Option<Match<'_, T>> {
        self.0.iter().find_map(|route| route.meet(path))
    }

    /// For the list that is printed at start: the pattern without its `/...`, whether it had one, and the target.
    pub fn list(&self) -> impl Iterator<Item = (&str, bool, &T)> {
        self.0.iter().map(|route| match route.raw.strip_suffix("/...") {
            Some(prefix) => (prefix, true, &route.target),
            None => (route.raw.as_str(), false, &route.target),
        })
    }
}

impl<T> Route<T> {
    fn meet(&self, path: &str) -> Option<Match<'_, T>> {
        let mut given = split(path);
        let mut named = Vec::new();
        for segment in &self.segments {
            match segment {
                Segment::Exact(text) => (given.next()? == text).then_some(())?,
                Segment::Named(name) => named.push((name.as_str(), given.next()?.to_owned())),
                Segment::Rest => {
                    let rest = given.collect::<Vec<_>>().join("/");
                    let path_info = match (rest.is_empty(), path.ends_with('/')) {
                        (true, false) => String::new(),
                        (true, true) => "/".to_owned(),
                        (false, false) => format!("/{rest}"),
                        (false, true) => format!("/{rest}/"),
                    };
                    return Some(Match { target: &self.target, raw: &self.raw, named, path_info });
                }
            }
        }
        given.next().is_none().then(|| Match { target: &self.target, raw: &self.raw, named, path_info: String::new() })
    }
}

fn parse(raw: &str) -> Vec<Segment> {
    let (path, rest) = match raw.strip_suffix("/...").or_else(|| raw.strip_suffix("/*")) {
        Some(path) => (path, Some(Segment::Rest)),
        None => (raw, None),
    };
    let segments = split(path).map(|segment| match segment.strip_prefix(':') {
        Some(name) => Segment::Named(name.to_owned()),
        None => Segment::Exact(segment.to_owned()),
    });
    segments.chain(rest).collect()
}

/// Slashes at both ends do not count.
fn split(path: &str) -> impl Iterator<Item = &str> {
    let path = path.trim_matches('/');
    path.split('/').take(if path.is_empty() { 0 } else { usize::MAX })
}

/// Higher is asked first. An end beats `/...`, which would match there as well; names of segments do not count.
fn rank(segments: &[Segment]) -> Vec<(u8, &str)> {
    const END: (u8, &str) = (1, "");
    let end = (segments.last() != Some(&Segment::Rest)).then_some(END);
    let ranks = segments.iter().map(|segment| match segment {
        Segment::Rest => (0, ""),
        Segment::Named(_) => (1, ""),
        Segment::Exact(text) => (2, text.as_str()),
    });
    ranks.chain(end).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(routes: &[&str], path: &str) -> Option<(String, String)> {
        let mut list: Vec<_> = routes.iter().map(|route| ((*route).to_owned(), ())).collect();
        let forward = Routes::new(list.clone()).find(path).map(|met| (met.raw.to_owned(), met.path_info));
        list.reverse();
        let backward = Routes::new(list).find(path).map(|met| (met.raw.to_owned(), met.path_info));
        assert_eq!(forward, backward, "the order in the manifest must not matter");
        forward
    }

    #[test]
    fn the_longest_match_wins() {
        let routes = ["/...", "/a/...", "/a/b", "/a/:x", "/a/:x/c", "/a/b/..."];
        for (path, route, info) in [
            ("/", "/...", "/"),
            ("/z", "/...", "/z"),
            ("/a", "/a/...", ""),
            ("/a/", "/a/...", "/"),
            ("/a/b", "/a/b", ""),
            ("/a/q", "/a/:x", ""),
            ("/a/q/c", "/a/:x/c", ""),
            ("/a/q/d/", "/a/...", "/q/d/"),
            ("/a/b/q", "/a/b/...", "/q"),
        ] {
            assert_eq!(met(&routes, path), Some((route.to_owned(), info.to_owned())), "{path}");
        }
    }

    #[test]
    fn nothing_matches_what_no_route_names() {
        assert_eq!(met(&["/a", "/b/:x"], "/b"), None);
        assert_eq!(met(&["/a", "/b/:x"], "/a/b"), None);
        assert_eq!(met(&[], "/"), None);
    }

    #[test]
    fn named_segments_are_told() {
        let routes = Routes::new([("/u/:user/p/:pass".to_owned(), ())]);
        assert_eq!(routes.find("/u/ada/p/7").unwrap().named, [("user", "ada".to_owned()), ("pass", "7".to_owned())]);
    }
}
