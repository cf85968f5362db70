//! Pages of a listing: keys in order, those that share a prefix up to a delimiter told as one.

/// What is asked for.
#[derive(Debug, Default)]
pub struct Asked {
    /// Only keys that begin with this.
    pub prefix: String,
    /// What is behind the prefix is told up to the first of these.
    pub delimiter: Option<String>,
    /// Only what comes after this key or common prefix.
    pub after: String,
    /// No more entries than this.
    pub most: usize,
}

/// One page.
#[derive(Debug)]
pub struct Page<'a, T> {
    /// Keys with what belongs to them.
    pub entries: Vec<(&'a str, T)>,
    /// Beginnings that several keys share.
    pub prefixes: Vec<String>,
    /// The last entry of the page, if more follow.
    pub next: Option<String>,
}

/// The page of all keys, which come in order.
pub fn page<'a, T>(all: impl Iterator<Item = (&'a str, T)>, asked: &Asked) -> Page<'a, T> {
    let mut page = Page { entries: Vec::new(), prefixes: Vec::new(), next: None };
    let delimiter = asked.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty());
    let mut last = String::new();
    for (key, entry) in all {
        let Some(rest) = key.strip_prefix(&asked.prefix) else {
            continue;
        };
        let shared = delimiter
            .and_then(|delimiter| rest.find(delimiter).map(|at| &key[..asked.prefix.len() + at + delimiter.len()]));
        let told = shared.unwrap_or(key);
        if told <= asked.after.as_str() || page.prefixes.last().is_some_and(|known| known == told) {
            continue;
        }
        if page.entries.len() + page.prefixes.len() == asked.most {
            page.next = Some(last);
            break;
        }
        last = told.to_owned();
        match shared {
            Some(prefix) => page.prefixes.push(prefix.to_owned()),
            None => page.entries.push((key, entry)),
        }
    }
    page
}

/// A key as it may stand in XML where the client asks for it to be encoded, which it does as XML cannot hold all keys.
pub fn encoded(key: &str, encode: bool) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~/".contains(byte);
    if !encode {
        return key.to_owned();
    }
    key.bytes().map(|byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 6] = ["a/1", "a/2", "b", "c/1", "c/d/1", "e"];

    fn pages(prefix: &str, delimiter: Option<&str>, most: usize) -> Vec<(Vec<&'static str>, Vec<String>)> {
        let mut all = Vec::new();
        let mut after = String::new();
        loop {
            let asked = Asked { prefix: prefix.into(), delimiter: delimiter.map(str::to_owned), after, most };
            let page = page(KEYS.into_iter().map(|key| (key, ())), &asked);
            all.push((page.entries.into_iter().map(|(key, ())| key).collect(), page.prefixes));
            match page.next {
                Some(next) => after = next,
                None => return all,
            }
        }
    }

    #[test]
    fn pages_hold_every_key_once() {
        let keys: Vec<&str> = pages("", None, 4).into_iter().flat_map(|(keys, _)| keys).collect();
        assert_eq!(keys, KEYS);
        assert_eq!(pages("c/", None, 10), [(vec!["c/1", "c/d/1"], vec![])]);
        // A full page that is the last one says so.
        assert_eq!(pages("", None, 6).len(), 1);
    }

    #[test]
    fn what_is_behind_a_delimiter_is_told_once_over_all_pages() {
        assert_eq!(pages("", Some("/"), 10), [(vec!["b", "e"], vec!["a/".into(), "c/".into()])]);
        let told: usize = pages("", Some("/"), 1).iter().map(|(keys, prefixes)| keys.len() + prefixes.len()).sum();
        assert_eq!(told, 4);
    }

    #[test]
    fn keys_are_encoded_on_demand() {
        assert_eq!(encoded("a b/ü+", true), "a%20b/%C3%BC%2B");
        assert_eq!(encoded("a b", false), "a b");
    }
}
