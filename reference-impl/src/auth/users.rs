//! Users as they stand in the database.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::FromRow;
use uuid::Uuid;

use super::email::Email;
use crate::error::ApiError;
use crate::postgres::Database;

/// A user as others may see it.
#[derive(Debug, Serialize, FromRow)]
pub struct User {
    /// Its id.
    pub id: String,
    /// Its address.
    pub email: String,
    /// Its name.
    pub full_name: Option<String>,
    /// Whether it may sign in.
    pub is_active: bool,
    /// What it may do.
    pub role: String,
    /// Since when it is there.
    pub created_at: DateTime<Utc>,
}

/// A user as the sign-in needs it.
#[derive(FromRow)]
pub struct Credentials {
    /// Its id.
    pub id: String,
    /// Its password's hash.
    pub password_hash: String,
    /// Whether it may sign in.
    pub is_active: bool,
}

/// Adds a user; `None` when the address is taken.
pub async fn add(
    db: &Database,
    email: &Email,
    password_hash: &str,
    full_name: Option<&str>,
) -> Result<Option<User>, ApiError> {
    // Whoever comes second gets no row back, however close the two were.
    let user = sqlx::query_as(
        "insert into users (id, email, password_hash, full_name) values ($1, $2, $3, $4)
         on conflict (email) do nothing
         returning id, email, full_name, is_active, role, created_at",
    )
    .bind(Uuid::new_v4().to_string())
    .bind(email.as_str())
    .bind(password_hash)
    .bind(full_name)
    .fetch_optional(db)
    .await?;
    Ok(user)
}

/// The user with this id.
pub async fn find(db: &Database, id: &str) -> Result<Option<User>, ApiError> {
    let user = sqlx::query_as("select id, email, full_name, is_active, role, created_at from users where id = $1")
        .bind(id)
        .fetch_optional(db)
        .await?;
    Ok(user)
}

/// The credentials that belong to this address.
pub async fn credentials(db: &Database, email: &str) -> Result<Option<Credentials>, ApiError> {
    let credentials = sqlx::query_as("select id, password_hash, is_active from users where email = $1")
        .bind(email)
        .fetch_optional(db)
        .await?;
    Ok(credentials)
}

/// Notes that the user has just signed in.
pub async fn signed_in(db: &Database, id: &str, at: DateTime<Utc>) -> Result<(), ApiError> {
    sqlx::query("update users set last_login_at = $2 where id = $1").bind(id).bind(at).execute(db).await?;
    Ok(())
}
