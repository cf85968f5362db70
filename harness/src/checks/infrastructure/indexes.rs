//! The indexes that a schema has: on which columns, of which kind, over which rows.

use crate::check::{Case, Seen, Stop};
use std::time::Duration;

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

/// All valid indexes of the schema.
pub async fn indexes(case: &mut Case) -> Result<Vec<FoundIndex>, Stop> {
    list(case, "true").await
}

/// The valid indexes of a table whose first column is this one.
pub async fn indexes_led_by(case: &mut Case, table: &str, column: &str) -> Result<Vec<FoundIndex>, Stop> {
    list(case, &format!("\"table\" = '{table}' and (columns = '{column}' or columns like '{column}, %')")).await
}

/// The valid indexes of a table that leave rows out.
pub async fn partial_indexes(case: &mut Case, table: &str) -> Result<Vec<FoundIndex>, Stop> {
    list(case, &format!("\"table\" = '{table}' and predicate is not null")).await
}

async fn list(case: &mut Case, condition: &str) -> Result<Vec<FoundIndex>, Stop> {
    let found = case
        .rows(&format!(
            "select * from ( \
               select x.relname as name, t.relname as table, m.amname as method, i.indisunique as unique, \
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
               where n.nspname = 'public' and i.indisvalid order by t.relname, x.relname) of_schema \
             where {condition}"
        ))
        .await?;
    Ok(found.items().into_iter().map(FoundIndex).collect())
}

/// The statements that take indexes of the schema away: with its constraint goes the index of one.
pub async fn dropping(case: &mut Case, names: &[String]) -> Result<Vec<String>, Stop> {
    let found = case
        .rows(&format!(
            "select case when c.conname is null then format('drop index %I', x.relname) \
               else format('alter table %I drop constraint %I cascade', t.relname, c.conname) end as statement \
             from pg_index i join pg_class x on x.oid = i.indexrelid join pg_class t on t.oid = i.indrelid \
             join pg_namespace n on n.oid = x.relnamespace left join pg_constraint c on c.conindid = i.indexrelid \
               and c.conrelid = i.indrelid and c.contype in ('p', 'u', 'x') \
             where n.nspname = 'public' and x.relname in ('{}') order by x.relname",
            names.join("', '")
        ))
        .await?;
    Ok(found.items().iter().filter_map(|row| row.at("/statement").text().map(str::to_owned)).collect())
}

/// Waits until every statement may use a new index. Where rows had been updated before, that is once all transactions
/// that were running then have ended, those of other databases among them.
pub async fn until_usable(case: &mut Case, index: &str) -> Result<(), Stop> {
    let usable = format!(
        "select not indcheckxmin or xmin::text::bigint < pg_snapshot_xmin(pg_current_snapshot())::text::bigint as usable \
         from pg_index where indexrelid = '{index}'::regclass"
    );
    case.rows_until(&usable, Duration::from_secs(20), |rows| rows[0]["usable"] == true).await?;
    Ok(())
}
