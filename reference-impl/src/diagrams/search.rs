//! What a search finds: a text that stands in a title or a note, and titles that are much like it.

use sqlx::{Postgres, QueryBuilder};

/// A text to look for.
#[derive(Debug, PartialEq, Eq)]
pub struct Search {
    text: String,
    /// The text as a part of another, for `ilike`.
    pattern: String,
}

impl Search {
    /// A search for a text; blanks alone are no search.
    pub fn new(text: &str) -> Option<Search> {
        let text = text.trim();
        (!text.is_empty()).then(|| Search { text: text.to_owned(), pattern: format!("%{}%", escaped(text)) })
    }

    /// Adds what a row of `files` must be like. Each of the three is answered by an index of trigrams; how alike two
    /// texts must be for `%` is the database's `pg_trgm.similarity_threshold`.
    pub(super) fn restrict(&self, query: &mut QueryBuilder<Postgres>) {
        query.push(" and (title ilike ").push_bind(self.pattern.clone());
        query.push(" or title % ").push_bind(self.text.clone());
        query.push(" or note_content ilike ").push_bind(self.pattern.clone()).push(")");
    }

    /// Adds to an `order by` that the title most like the text comes first.
    pub(super) fn best_first(&self, query: &mut QueryBuilder<Postgres>) {
        query.push("similarity(title, ").push_bind(self.text.clone()).push(") desc, ");
    }
}

/// A text in which `ilike` sees no signs of its own.
fn escaped(text: &str) -> String {
    text.chars()
        .flat_map(|letter| {
            let sign = matches!(letter, '%' | '_' | '\\');
            sign.then_some('\\').into_iter().chain([letter])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_are_no_search() {
        assert_eq!(Search::new("  "), None);
        assert_eq!(Search::new(" plan ").map(|search| search.pattern), Some("%plan%".to_owned()));
    }

    #[test]
    fn signs_of_patterns_are_looked_for_as_they_are() {
        assert_eq!(escaped(r"100%_\"), r"100\%\_\\");
    }
}
