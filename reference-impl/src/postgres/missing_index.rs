//! Reads out of a plan which columns were compared while a whole table was read.

use std::fmt;

/// A table that was read from end to end, and the columns its rows were chosen by.
#[derive(Debug, PartialEq, Eq)]
pub struct Scan {
    /// The table.
    pub table: String,
    /// The columns, in the order of the comparison.
    pub columns: Vec<String>,
}

impl fmt::Display for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.table, self.columns.join(", "))
    }
}

/// The scans in the lines of a plan that compare at least one column in a way an index could have done.
pub fn scans(lines: &[String]) -> Vec<Scan> {
    let mut found = Vec::new();
    let mut table = None;
    for line in lines {
        // Details of a node follow it, before the next node begins.
        if line.contains("(cost=") {
            table = scanned_table(line);
        }
        let Some(filter) = line.trim_start().strip_prefix("Filter: ") else {
            continue;
        };
        let columns = compared_columns(filter);
        if let (Some(table), false) = (table.take(), columns.is_empty()) {
            found.push(Scan { table, columns });
        }
    }
    found
}

fn scanned_table(node: &str) -> Option<String> {
    let (_, after) = node.split_once("Seq Scan on ")?;
    let table = after.split_whitespace().next()?;
    Some(table.trim_matches('"').to_owned())
}

/// One piece of a condition.
#[derive(Debug, Clone, PartialEq)]
enum Token {
    /// A column, a function, a word of the language.
    Name(String),
    Open,
    Close,
    /// `=`, `<`, `>`, `<=`, `>=`: what an ordered index can answer.
    Comparison,
    /// Anything else: literals, parameters, other operators.
    Other,
}

fn compared_columns(condition: &str) -> Vec<String> {
    let tokens = tokens(condition);
    let mut columns = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        if *token != Token::Comparison {
            continue;
        }
        let sides = [column_before(&tokens[..index]), column_after(&tokens[index + 1..])];
        for column in sides.into_iter().flatten() {
            if !columns.contains(&column) {
                columns.push(column);
            }
        }
    }
    columns
}

/// The column that ends the tokens, bare or in parentheses; `lower(email)` is none.
fn column_before(tokens: &[Token]) -> Option<String> {
    match tokens {
        [.., Token::Name(name)] => column(name),
        [before @ .., Token::Open, Token::Name(name), Token::Close] => match before.last() {
            Some(Token::Name(word)) if !is_word(word) => None,
            _ => column(name),
        },
        _ => None,
    }
}

/// The column that begins the tokens; `now()` is none.
fn column_after(tokens: &[Token]) -> Option<String> {
    match tokens {
        [Token::Name(_), Token::Open, ..] => None,
        [Token::Name(name), ..] | [Token::Open, Token::Name(name), Token::Close, ..] => column(name),
        _ => None,
    }
}

/// The column's own name, without the table's.
fn column(name: &str) -> Option<String> {
    let own = name.rsplit('.').next().unwrap_or(name);
    (!is_word(name)).then(|| own.to_owned())
}

/// Words of the language that may stand beside a comparison.
fn is_word(name: &str) -> bool {
    const WORDS: [&str; 9] = ["and", "or", "not", "true", "false", "null", "any", "all", "is"];
    let lower = name.to_ascii_lowercase();
    WORDS.contains(&lower.as_str()) || lower.starts_with("current_")
}

fn tokens(condition: &str) -> Vec<Token> {
    let mut rest = condition;
    let mut tokens = Vec::new();
    while let Some(first) = rest.chars().next() {
        let taken = match first {
            '(' | ')' => {
                let token = if first == '(' { Token::Open } else { Token::Close };
                tokens.push(token);
                1
            }
            ':' if rest.starts_with("::") => 2 + type_length(&rest[2..]),
            '\'' => {
                tokens.push(Token::Other);
                literal_length(rest)
            }
            '=' | '<' | '>' | '!' | '~' | '@' | '+' | '-' | '*' | '/' | '%' | '|' | '&' | '?' => {
                let length = length_while(rest, |c| "=<>!~@+-*/%|&?".contains(c));
                let comparison = matches!(&rest[..length], "=" | "<" | ">" | "<=" | ">=");
                tokens.push(if comparison { Token::Comparison } else { Token::Other });
                length
            }
            c if c.is_alphabetic() || c == '_' || c == '"' => {
                let length = length_while(rest, |c| c.is_alphanumeric() || "_.\"".contains(c));
                tokens.push(Token::Name(rest[..length].replace('"', "")));
                length
            }
            c if c.is_whitespace() => c.len_utf8(),
            // Numbers, parameters and what is left.
            _ => {
                tokens.push(Token::Other);
                length_while(rest, |c| c.is_alphanumeric() || "$.[]{}".contains(c)).max(first.len_utf8())
            }
        };
        rest = &rest[taken..];
    }
    tokens
}

fn length_while(text: &str, wanted: impl Fn(char) -> bool) -> usize {
    text.find(|c| !wanted(c)).unwrap_or(text.len())
}

/// A type is words, maybe with brackets; `double precision`, `timestamp with time zone`, `text[]`.
fn type_length(text: &str) -> usize {
    let words = length_while(text, |c| c.is_alphanumeric() || "_ []\"".contains(c));
    // The blank before what follows, or a word that joins conditions, is no part of it.
    let text = &text[..words];
    let joined = [" AND ", " OR "].iter().filter_map(|word| text.find(word)).min();
    joined.unwrap_or(text.trim_end().len())
}

/// A literal ends at a quote that is not doubled.
fn literal_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        match (bytes[at], bytes.get(at + 1)) {
            (b'\'', Some(b'\'')) => at += 2,
            (b'\'', _) => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(plan: &str) -> Vec<String> {
        let lines: Vec<String> = plan.lines().map(str::to_owned).collect();
        scans(&lines).iter().map(Scan::to_string).collect()
    }

    #[test]
    fn compared_column_of_a_full_scan_is_found() {
        let plan = "Seq Scan on users  (cost=0.00..10.62 rows=1 width=100)\n  Filter: ((email)::text = $1)";
        assert_eq!(missing(plan), ["users(email)"]);
        let plan = "Limit  (cost=0.00..1.00 rows=1 width=8)\n  ->  Seq Scan on files f  (cost=0.00..9.00 rows=1 width=8)\n        Filter: ((NOT is_deleted) AND ((owner_id)::text = $1) AND (f.view_count >= 3))";
        assert_eq!(missing(plan), ["files(owner_id, view_count)"]);
    }

    #[test]
    fn scan_without_comparison_is_no_sign_of_a_missing_index() {
        for plan in [
            "Result  (cost=0.00..0.01 rows=1 width=4)",
            "Seq Scan on users  (cost=0.00..10.00 rows=1 width=4)",
            "Seq Scan on users  (cost=0.00..10.00 rows=1 width=4)\n  Filter: (NOT is_active)",
            "Seq Scan on users  (cost=0.00..10.00 rows=1 width=4)\n  Filter: (lower((email)::text) = $1)",
            "Seq Scan on users  (cost=0.00..10.00 rows=1 width=4)\n  Filter: ((email)::text <> 'it''s = x'::text)",
            "Index Scan using a on users  (cost=0.00..8.00 rows=1 width=4)\n  Index Cond: ((email)::text = $1)\n  Filter: (role = 'x'::text)",
        ] {
            assert_eq!(missing(plan), [""; 0], "{plan}");
        }
    }

    #[test]
    fn column_may_stand_on_either_side_and_beside_any_value() {
        let filter = |text: &str| compared_columns(text);
        assert_eq!(filter("(created_at > (now() - '30 days'::interval))"), ["created_at"]);
        assert_eq!(filter("($1 = \"position\")"), ["position"]);
        assert_eq!(filter("((id)::text = ANY ('{a,b}'::text[]))"), ["id"]);
        assert_eq!(filter("((a)::double precision < '1'::double precision)"), ["a"]);
        assert_eq!(filter("'ü"), [""; 0]);
    }
}
