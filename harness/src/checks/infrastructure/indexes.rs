//! The indexes that a schema has: on which columns, of which kind, over which rows.

use crate::check::{Case, Seen, Stop};

/// An index that is there and valid.
pub struct FoundIndex(Seen);

impl FoundIndex {
    /// Its name.
    pub fn name(&self) -> String {
        self.text("/name")
    }

    /// The table that it is on.
    pub fn table(&self) -> String {
        self.text("/table")
    }

    /// The operator classes of its columns, separated by comma and blank: `gin_trgm_ops`.
    pub fn operators(&self) -> String {
        self.text("/operators")
    }

    /// Which rows are in it, where that is not all of them: `(NOT is_deleted)`.
    pub fn predicate(&self) -> Option<String> {
        self.0.at("/predicate").text().map(str::to_owned)
    }

    /// Whether it is a B-tree over all rows that begins with these columns, separated by comma and blank.
    pub fn begins_with(&self, columns: &str) -> bool {
        self.is_plain("btree") && format!("{}, ", self.text("/columns")).starts_with(&format!("{columns}, "))
    }

    /// Whether it is of this kind (`gin`), over all rows, and on exactly these columns.
    pub fn is(&self, method: &str, columns: &str) -> bool {
        self.is_plain(method) && self.text("/columns") == columns
    }

    /// Whether no two rows may have the same.
    pub fn is_unique(&self) -> bool {
        self.0.at("/unique").value() == true
    }

    /// Whether its first column is this one.
    pub fn is_led_by(&self, column: &str) -> bool {
        self.text("/columns").split(", ").next() == Some(column)
    }

    /// Over the columns themselves, and over all rows.
    fn is_plain(&self, method: &str) -> bool {
        self.text("/method") == method && self.predicate().is_none() && self.0.at("/computed").value() == false
    }

    fn text(&self, place: &str) -> String {
        self.0.at(place).text().unwrap_or_default().to_owned()
    }
}

/// The valid indexes of one table of the schema, or of all.
pub async fn indexes(case: &mut Case, table: Option<&str>) -> Result<Vec<FoundIndex>, Stop> {
    let of_table = table.map_or_else(String::new, |name| format!("and t.relname = '{name}'"));
    let found = case
        .rows(&format!(
            "select x.relname as name, t.relname as table, m.amname as method, i.indisunique as unique, \
                    pg_get_expr(i.indpred, i.indrelid) as predicate, i.indexprs is not null as computed, \
                    (select string_agg(a.attname, ', ' order by k.place) \
                     from unnest(i.indkey::int2[]) with ordinality k(column_number, place) \
                     join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.column_number \
                     where k.place <= i.indnkeyatts) as columns, \
                    (select string_agg(o.opcname, ', ' order by k.place) \
                     from unnest(i.indclass::oid[]) with ordinality k(class, place) \
                     join pg_opclass o on o.oid = k.class) as operators \
             from pg_index i join pg_class t on t.oid = i.indrelid join pg_class x on x.oid = i.indexrelid \
             join pg_am m on m.oid = x.relam join pg_namespace n on n.oid = t.relnamespace \
             where n.nspname = 'public' and i.indisvalid {of_table} order by t.relname, x.relname"
        ))
        .await?;
    Ok(found.items().into_iter().map(FoundIndex).collect())
}
