//! Diagrams and versions in the database. Each function knows whose they are: what is not the caller's is not there.

use serde_json::{Map, Value};
use sqlx::types::Json;
use sqlx::{AssertSqlSafe, Connection, PgConnection, QueryBuilder};
use uuid::Uuid;

use super::diagram::{Change, Diagram, Draft, Version};
use super::search::Search;
use crate::error::ApiError;
use crate::postgres::Database;

const COLUMNS: &str = "id, title, file_type, canvas_data, note_content, owner_id, folder_id, is_starred, \
                       is_deleted, view_count, current_version, created_at, updated_at";

/// One page of the caller's diagrams, and how many there are in all: the newest first, or the best match of a search.
pub(super) async fn list(
    db: &Database,
    owner: &str,
    search: Option<&Search>,
    page: i64,
    page_size: i64,
) -> Result<(Vec<Diagram>, i64), ApiError> {
    let of_owner = |select: String| {
        let mut query = QueryBuilder::new(select);
        query.push(" from files where not is_deleted and owner_id = ").push_bind(owner);
        if let Some(search) = search {
            search.restrict(&mut query);
        }
        query
    };
    let total = of_owner("select count(*)".to_owned()).build_query_scalar().fetch_one(db).await?;
    let mut query = of_owner(format!("select {COLUMNS}"));
    query.push(" order by ");
    if let Some(search) = search {
        search.best_first(&mut query);
    }
    query.push("updated_at desc, id limit ").push_bind(page_size);
    query.push(" offset ").push_bind((page - 1).saturating_mul(page_size));
    Ok((query.build_query_as().fetch_all(db).await?, total))
}

/// One diagram.
pub(super) async fn find(db: &Database, owner: &str, id: &str) -> Result<Diagram, ApiError> {
    sqlx::query_as(AssertSqlSafe(format!(
        "select {COLUMNS} from files where id = $1 and owner_id = $2 and not is_deleted"
    )))
    .bind(id)
    .bind(owner)
    .fetch_optional(db)
    .await?
    .ok_or_else(missing)
}

/// The versions of a diagram, the oldest first.
pub(super) async fn versions(db: &Database, owner: &str, id: &str) -> Result<Vec<Version>, ApiError> {
    find(db, owner, id).await?;
    let versions = sqlx::query_as(
        "select id, file_id, version_number, canvas_data, note_content, description, label,
                thumbnail_url, created_by, created_at
         from versions where file_id = $1 order by version_number",
    )
    .bind(id)
    .fetch_all(db)
    .await?;
    Ok(versions)
}

/// Adds a diagram and its version 1.
pub(super) async fn create(db: &Database, owner: &str, draft: &Draft) -> Result<Diagram, ApiError> {
    let mut connection = db.acquire().await?;
    let mut transaction = connection.begin().await?;
    if let Some(folder) = &draft.folder_id {
        must_own_folder(&mut transaction, owner, folder).await?;
    }
    let diagram: Diagram = sqlx::query_as(AssertSqlSafe(format!(
        "insert into files (id, title, owner_id, folder_id, file_type, canvas_data, note_content)
         values ($1, $2, $3, $4, $5, $6, $7) returning {COLUMNS}"
    )))
    .bind(Uuid::new_v4().to_string())
    .bind(draft.title.as_str())
    .bind(owner)
    .bind(&draft.folder_id)
    .bind(draft.file_type.as_str())
    .bind(draft.canvas_data.as_ref().map(Json))
    .bind(&draft.note_content)
    .fetch_one(&mut *transaction)
    .await
    .map_err(owner_may_be_gone)?;
    let description = Some("Initial version");
    add_version(&mut transaction, &diagram, owner, 1, description).await?;
    transaction.commit().await?;
    Ok(diagram)
}

/// Changes a diagram, which always makes a new version.
pub(super) async fn update(db: &Database, owner: &str, id: &str, change: &Change) -> Result<Diagram, ApiError> {
    let mut connection = db.acquire().await?;
    let mut transaction = connection.begin().await?;
    let number = next_number(&mut transaction, owner, id).await?;
    let canvas: Option<Json<&Map<String, Value>>> = change.canvas_data.as_ref().map(Json);
    let diagram: Diagram = sqlx::query_as(AssertSqlSafe(format!(
        "update files set
             title = coalesce($2, title),
             canvas_data = coalesce($3, canvas_data),
             note_content = coalesce($4, note_content),
             current_version = $5,
             updated_at = now()
         where id = $1 returning {COLUMNS}"
    )))
    .bind(id)
    .bind(change.title.as_ref().map(|title| title.as_str()))
    .bind(canvas)
    .bind(&change.note_content)
    .bind(number)
    .fetch_one(&mut *transaction)
    .await?;
    let description = change.description.as_deref();
    add_version(&mut transaction, &diagram, owner, number, description).await?;
    transaction.commit().await?;
    Ok(diagram)
}

/// Puts a diagram into the bin.
pub(super) async fn delete(db: &Database, owner: &str, id: &str) -> Result<(), ApiError> {
    let deleted = sqlx::query(
        "update files set is_deleted = true, deleted_at = now(), updated_at = now()
         where id = $1 and owner_id = $2 and not is_deleted",
    )
    .bind(id)
    .bind(owner)
    .execute(db)
    .await?;
    if deleted.rows_affected() == 0 {
        return Err(missing());
    }
    Ok(())
}

/// The number of the next version. The lock on the diagram's row makes writers take turns, in whichever
/// process they are, so that each gets a number of its own; a number is not used again after a deletion.
async fn next_number(connection: &mut PgConnection, owner: &str, id: &str) -> Result<i32, ApiError> {
    let current: Option<i32> = sqlx::query_scalar(
        "select coalesce(current_version, 0) from files
         where id = $1 and owner_id = $2 and not is_deleted for update",
    )
    .bind(id)
    .bind(owner)
    .fetch_optional(&mut *connection)
    .await?;
    let current = current.ok_or_else(missing)?;
    let highest: Option<i32> = sqlx::query_scalar("select max(version_number) from versions where file_id = $1")
        .bind(id)
        .fetch_one(connection)
        .await?;
    Ok(current.max(highest.unwrap_or(0)).saturating_add(1))
}

/// The time of a version is that of its making and not of its transaction's begin: writers that take turns wait within
/// theirs, and the order of times must be that of the numbers.
async fn add_version(
    connection: &mut PgConnection,
    diagram: &Diagram,
    author: &str,
    number: i32,
    description: Option<&str>,
) -> Result<(), ApiError> {
    sqlx::query(
        "insert into versions
             (id, file_id, version_number, canvas_data, note_content, description, created_by, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, clock_timestamp())",
    )
    .bind(Uuid::new_v4().to_string())
    .bind(&diagram.id)
    .bind(number)
    .bind(&diagram.canvas_data)
    .bind(&diagram.note_content)
    .bind(description)
    .bind(author)
    .execute(connection)
    .await?;
    Ok(())
}

async fn must_own_folder(connection: &mut PgConnection, owner: &str, folder: &str) -> Result<(), ApiError> {
    let owned: bool = sqlx::query_scalar("select exists (select from folders where id = $1 and owner_id = $2)")
        .bind(folder)
        .bind(owner)
        .fetch_one(connection)
        .await?;
    if owned {
        return Ok(());
    }
    let loc = ["body", "folder_id"];
    Err(ApiError::invalid("unknown_folder", &loc, "there is no such folder"))
}

/// A token outlives the user it was made for.
fn owner_may_be_gone(fault: sqlx::Error) -> ApiError {
    match &fault {
        sqlx::Error::Database(refusal) if refusal.is_foreign_key_violation() => {
            ApiError::Unauthorized("there is no such user any more, sign in again".to_owned())
        }
        _ => fault.into(),
    }
}

fn missing() -> ApiError {
    ApiError::NotFound("Diagram not found".to_owned())
}
