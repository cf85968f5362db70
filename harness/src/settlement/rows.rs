//! Removes a row with all that refers to it, whatever the schema says of deleting.

use super::Remains;
use crate::check::Case;
use std::collections::BTreeMap;

/// Chains of references in the contract's schema are four tables long.
const LONGEST_CHAIN: usize = 8;
/// A schema in which a row is removed by more statements is not the contract's.
const MOST_STATEMENTS: usize = 1000;

/// References of one column to one other, but for those that the database itself unties.
const REFERENCES: &str = "select c.confrelid::regclass::text as referred, quote_ident(p.attname) as by, \
     c.conrelid::regclass::text as table, quote_ident(a.attname) as column \
     from pg_constraint c \
     join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1] \
     join pg_attribute p on p.attrelid = c.confrelid and p.attnum = c.confkey[1] \
     where c.contype = 'f' and cardinality(c.conkey) = 1 and c.confdeltype in ('a', 'r', 'c') \
     and c.connamespace = to_regnamespace(current_schema()) order by 3, 4";

/// A column that refers to a column of another table.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Reference {
    table: String,
    column: String,
    by: String,
}

/// Removes the rows of a table that a condition names, and before them the rows that refer to them.
pub(super) async fn remove(case: &mut Case, table: &str, condition: &str) -> Result<(), Remains> {
    let seen = case.rows(REFERENCES).await?;
    let mut references: BTreeMap<String, Vec<Reference>> = BTreeMap::new();
    for row in seen.items() {
        let text = |column: &str| row.key(column).text().unwrap_or_default().to_owned();
        let reference = Reference { table: text("table"), column: text("column"), by: text("by") };
        references.entry(text("referred")).or_default().push(reference);
    }
    let mut statements = Vec::new();
    deletes(&references, &mut vec![table.to_owned()], condition, &mut statements);
    if statements.len() > MOST_STATEMENTS {
        return Err(Remains("the database says that too many tables refer to it".to_owned()));
    }
    let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
    Ok(case.execute(&statements).await?)
}

/// The statements that delete, those who refer first. `chain` leads to the table at its end; a table that refers to itself
/// loses all such rows at once.
fn deletes(
    references: &BTreeMap<String, Vec<Reference>>,
    chain: &mut Vec<String>,
    condition: &str,
    statements: &mut Vec<String>,
) {
    let table = chain.last().cloned().unwrap_or_default();
    for Reference { table: referring, column, by } in references.get(&table).into_iter().flatten() {
        if chain.len() < LONGEST_CHAIN && !chain.contains(referring) && statements.len() <= MOST_STATEMENTS {
            let condition = format!("{column} in (select {by} from {table} where {condition})");
            chain.push(referring.clone());
            deletes(references, chain, &condition, statements);
            chain.pop();
        }
    }
    statements.push(format!("delete from {table} where {condition}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_refers_goes_first_and_nobody_twice_in_a_chain() {
        let reference = |table: &str, column: &str| Reference {
            table: table.to_owned(),
            column: column.to_owned(),
            by: "id".to_owned(),
        };
        let references = BTreeMap::from([
            ("users".to_owned(), vec![reference("files", "owner_id")]),
            ("files".to_owned(), vec![reference("files", "parent"), reference("users", "favourite")]),
        ]);
        let mut statements = Vec::new();
        deletes(&references, &mut vec!["users".to_owned()], "email = 'e'", &mut statements);
        assert_eq!(
            statements,
            [
                "delete from files where owner_id in (select id from users where email = 'e')",
                "delete from users where email = 'e'"
            ]
        );
    }

    #[test]
    fn a_schema_in_which_every_table_refers_to_every_other_comes_to_an_end() {
        let name = |nth: usize| format!("t{nth}");
        let all = |table: usize| (0..60).filter(move |other| *other != table);
        let reference = |nth: usize| Reference { table: name(nth), column: "c".to_owned(), by: "id".to_owned() };
        let references = (0..60).map(|table| (name(table), all(table).map(reference).collect())).collect();
        let mut statements = Vec::new();
        deletes(&references, &mut vec![name(0)], "email = 'e'", &mut statements);
        assert!(statements.len() < MOST_STATEMENTS + 2 * LONGEST_CHAIN, "{}", statements.len());
    }
}
