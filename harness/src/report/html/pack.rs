//! Packs the details of features where a page would be too large to open at once; the page's script unpacks each as
//! it is opened.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use std::collections::BTreeSet;
use std::io::Write as _;

/// Details of so many bytes stand in the page as they are. A browser lays out about this much in half a second.
pub(super) const PLAIN: usize = 6 << 20;

/// Markup as the page's script unpacks it: zlib in base64.
pub(super) fn pack(markup: &str) -> std::io::Result<String> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(markup.as_bytes())?;
    Ok(STANDARD.encode(encoder.finish()?))
}

/// The words of packed texts, each once, so that a search still finds what they say.
pub(super) fn words<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    let each = texts.flat_map(|text| text.split(|letter: char| !letter.is_alphanumeric() && letter != '_'));
    let distinct: BTreeSet<String> = each.filter(|word| word.len() > 1).map(str::to_lowercase).collect();
    distinct.into_iter().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::ZlibDecoder;
    use std::io::Read as _;

    #[test]
    fn what_was_packed_can_be_unpacked() {
        let markup = "<p>grüße</p>".repeat(100);
        let packed = pack(&markup).unwrap();
        assert!(packed.len() < markup.len() / 4);
        let mut unpacked = String::new();
        ZlibDecoder::new(&STANDARD.decode(packed).unwrap()[..]).read_to_string(&mut unpacked).unwrap();
        assert_eq!(unpacked, markup);
    }

    #[test]
    fn every_word_stands_once() {
        assert_eq!(words(["The status, the Body", "status_code: a"].into_iter()), "body status status_code the");
    }
}
