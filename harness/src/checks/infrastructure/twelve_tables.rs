//! The twelve tables of AutoGraph's schema, as features 2 and 22 to 26 expect them (contract, sections 4.1 to 4.3).

/// SQLSTATE of a row that refers to nothing, and of the removal of one that others refer to.
pub const FOREIGN_KEY_VIOLATION: &str = "23503";

/// A column's kind; a text may hold more than is asked, JSON may be binary or not, an integer of any width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `varchar` of at least so many characters, or `text`.
    Text(u32),
    /// `text`, without a bound.
    LongText,
    /// `boolean`.
    Boolean,
    /// `timestamptz`.
    Time,
    /// `json` or `jsonb`.
    Json,
    /// `integer` or `bigint`.
    Integer,
    /// `double precision`.
    Number,
}

impl Kind {
    /// Whether a type of the information schema is of this kind; `longest` is the bound of a text, in characters.
    pub fn is(self, data_type: &str, longest: Option<f64>) -> bool {
        let names: &[&str] = match self {
            Kind::Text(_) | Kind::LongText => &["character varying", "text"],
            Kind::Boolean => &["boolean"],
            Kind::Time => &["timestamp with time zone"],
            Kind::Json => &["json", "jsonb"],
            Kind::Integer => &["integer", "bigint"],
            Kind::Number => &["double precision", "real", "numeric"],
        };
        let long_enough = match self {
            Kind::Text(wanted) => longest.is_none_or(|longest| longest >= f64::from(wanted)),
            Kind::LongText => longest.is_none(),
            _ => true,
        };
        names.contains(&data_type) && long_enough
    }
}

/// What an index must be; an index of the right columns that does more than asked is as good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Index {
    /// Any B-tree that begins with the columns.
    Plain,
    /// Exactly the column, and unique.
    Unique,
    /// GIN, for what is inside a JSON document.
    Gin,
}

/// One table. Further columns, references and indexes are nobody's business.
pub struct Table {
    /// Name, in lower case.
    pub name: &'static str,
    /// Name, kind, and whether it may be null.
    pub columns: &'static [(&'static str, Kind, bool)],
    /// Column, and the table whose `id` it refers to.
    pub references: &'static [(&'static str, &'static str)],
    /// Columns, separated by comma and blank, and what the index on them must be; the primary key on `id` goes without saying.
    pub indexes: &'static [(&'static str, Index)],
}

/// The tables, in the order of feature 2's steps.
pub const TABLES: [Table; 12] = [
    Table {
        name: "users",
        columns: &[
            ("id", Kind::Text(36), false),
            ("email", Kind::Text(255), false),
            ("password_hash", Kind::Text(255), false),
            ("full_name", Kind::Text(255), true),
            ("avatar_url", Kind::Text(512), true),
            ("is_active", Kind::Boolean, false),
            ("is_verified", Kind::Boolean, false),
            ("role", Kind::Text(50), false),
            ("sso_provider", Kind::Text(50), true),
            ("sso_id", Kind::Text(255), true),
            ("created_at", Kind::Time, false),
            ("updated_at", Kind::Time, false),
            ("last_login_at", Kind::Time, true),
            ("preferences", Kind::Json, true),
        ],
        references: &[],
        indexes: &[("email", Index::Unique), ("sso_provider, sso_id", Index::Plain)],
    },
    Table {
        name: "teams",
        columns: &[
            ("id", Kind::Text(36), false),
            ("name", Kind::Text(255), false),
            ("slug", Kind::Text(255), false),
            ("owner_id", Kind::Text(36), false),
            ("plan", Kind::Text(50), false),
            ("max_members", Kind::Integer, true),
            ("settings", Kind::Json, true),
            ("logo_url", Kind::Text(512), true),
            ("custom_domain", Kind::Text(255), true),
            ("created_at", Kind::Time, false),
            ("updated_at", Kind::Time, false),
        ],
        references: &[("owner_id", "users")],
        indexes: &[("slug", Index::Unique), ("owner_id", Index::Plain)],
    },
    Table {
        name: "files",
        columns: &[
            ("id", Kind::Text(36), false),
            ("title", Kind::Text(255), false),
            ("owner_id", Kind::Text(36), false),
            ("team_id", Kind::Text(36), true),
            ("folder_id", Kind::Text(36), true),
            ("file_type", Kind::Text(50), false),
            ("canvas_data", Kind::Json, true),
            ("note_content", Kind::LongText, true),
            ("thumbnail_url", Kind::Text(512), true),
            ("is_starred", Kind::Boolean, true),
            ("is_deleted", Kind::Boolean, true),
            ("deleted_at", Kind::Time, true),
            ("view_count", Kind::Integer, true),
            ("current_version", Kind::Integer, true),
            ("created_at", Kind::Time, false),
            ("updated_at", Kind::Time, false),
            ("last_accessed_at", Kind::Time, true),
        ],
        references: &[("owner_id", "users"), ("team_id", "teams"), ("folder_id", "folders")],
        indexes: &[
            ("owner_id", Index::Plain),
            ("team_id", Index::Plain),
            ("folder_id", Index::Plain),
            ("is_deleted", Index::Plain),
            ("title", Index::Plain),
            ("canvas_data", Index::Gin),
        ],
    },
    Table {
        name: "versions",
        columns: &[
            ("id", Kind::Text(36), false),
            ("file_id", Kind::Text(36), false),
            ("version_number", Kind::Integer, false),
            ("canvas_data", Kind::Json, true),
            ("note_content", Kind::LongText, true),
            ("description", Kind::Text(500), true),
            ("label", Kind::Text(100), true),
            ("thumbnail_url", Kind::Text(512), true),
            ("created_by", Kind::Text(36), true),
            ("created_at", Kind::Time, false),
        ],
        references: &[("file_id", "files"), ("created_by", "users")],
        indexes: &[("file_id", Index::Plain), ("file_id, version_number", Index::Plain), ("canvas_data", Index::Gin)],
    },
    Table {
        name: "comments",
        columns: &[
            ("id", Kind::Text(36), false),
            ("file_id", Kind::Text(36), false),
            ("user_id", Kind::Text(36), false),
            ("parent_id", Kind::Text(36), true),
            ("content", Kind::LongText, false),
            ("position_x", Kind::Number, true),
            ("position_y", Kind::Number, true),
            ("element_id", Kind::Text(255), true),
            ("is_resolved", Kind::Boolean, true),
            ("resolved_at", Kind::Time, true),
            ("resolved_by", Kind::Text(36), true),
            ("created_at", Kind::Time, false),
            ("updated_at", Kind::Time, false),
        ],
        references: &[("file_id", "files"), ("user_id", "users"), ("parent_id", "comments"), ("resolved_by", "users")],
        indexes: &[("file_id", Index::Plain), ("user_id", Index::Plain), ("parent_id", Index::Plain)],
    },
    Table {
        name: "mentions",
        columns: &[
            ("id", Kind::Text(36), false),
            ("comment_id", Kind::Text(36), false),
            ("user_id", Kind::Text(36), false),
            ("is_read", Kind::Boolean, true),
            ("read_at", Kind::Time, true),
            ("created_at", Kind::Time, false),
        ],
        references: &[("comment_id", "comments"), ("user_id", "users")],
        indexes: &[("comment_id", Index::Plain), ("user_id", Index::Plain), ("user_id, is_read", Index::Plain)],
    },
    Table {
        name: "folders",
        columns: &[
            ("id", Kind::Text(36), false),
            ("name", Kind::Text(255), false),
            ("owner_id", Kind::Text(36), false),
            ("parent_id", Kind::Text(36), true),
            ("color", Kind::Text(7), true),
            ("icon", Kind::Text(50), true),
            ("position", Kind::Integer, true),
            ("created_at", Kind::Time, false),
            ("updated_at", Kind::Time, false),
        ],
        references: &[("owner_id", "users"), ("parent_id", "folders")],
        indexes: &[("owner_id", Index::Plain), ("parent_id", Index::Plain)],
    },
    Table {
        name: "shares",
        columns: &[
            ("id", Kind::Text(36), false),
            ("file_id", Kind::Text(36), false),
            ("token", Kind::Text(255), false),
            ("permission", Kind::Text(20), false),
            ("is_public", Kind::Boolean, true),
            ("password_hash", Kind::Text(255), true),
            ("expires_at", Kind::Time, true),
            ("view_count", Kind::Integer, true),
            ("last_accessed_at", Kind::Time, true),
            ("created_at", Kind::Time, false),
            ("created_by", Kind::Text(36), true),
        ],
        references: &[("file_id", "files"), ("created_by", "users")],
        indexes: &[("token", Index::Unique), ("file_id", Index::Plain)],
    },
    Table {
        name: "git_connections",
        columns: &[
            ("id", Kind::Text(36), false),
            ("user_id", Kind::Text(36), false),
            ("provider", Kind::Text(50), false),
            ("repository_url", Kind::Text(512), false),
            ("repository_name", Kind::Text(255), true),
            ("branch", Kind::Text(255), true),
            ("access_token", Kind::Text(512), true),
            ("refresh_token", Kind::Text(512), true),
            ("auto_sync", Kind::Boolean, true),
            ("sync_frequency", Kind::Text(20), true),
            ("file_path", Kind::Text(512), true),
            ("last_sync_at", Kind::Time, true),
            ("last_sync_status", Kind::Text(50), true),
            ("created_at", Kind::Time, false),
            ("updated_at", Kind::Time, false),
        ],
        references: &[("user_id", "users")],
        indexes: &[("user_id", Index::Plain), ("provider", Index::Plain)],
    },
    Table {
        name: "audit_log",
        columns: &[
            ("id", Kind::Integer, false),
            ("user_id", Kind::Text(36), true),
            ("action", Kind::Text(100), false),
            ("resource_type", Kind::Text(50), true),
            ("resource_id", Kind::Text(36), true),
            ("ip_address", Kind::Text(45), true),
            ("user_agent", Kind::Text(512), true),
            ("extra_data", Kind::Json, true),
            ("created_at", Kind::Time, false),
        ],
        references: &[("user_id", "users")],
        indexes: &[
            ("user_id", Index::Plain),
            ("action", Index::Plain),
            ("created_at", Index::Plain),
            ("resource_type, resource_id", Index::Plain),
        ],
    },
    Table {
        name: "api_keys",
        columns: &[
            ("id", Kind::Text(36), false),
            ("user_id", Kind::Text(36), false),
            ("name", Kind::Text(255), false),
            ("key_hash", Kind::Text(255), false),
            ("key_prefix", Kind::Text(10), true),
            ("scopes", Kind::Json, true),
            ("is_active", Kind::Boolean, true),
            ("last_used_at", Kind::Time, true),
            ("expires_at", Kind::Time, true),
            ("created_at", Kind::Time, false),
        ],
        references: &[("user_id", "users")],
        indexes: &[("key_hash", Index::Unique), ("user_id", Index::Plain)],
    },
    Table {
        name: "usage_metrics",
        columns: &[
            ("id", Kind::Integer, false),
            ("user_id", Kind::Text(36), false),
            ("metric_type", Kind::Text(50), false),
            ("metric_value", Kind::Number, true),
            ("extra_data", Kind::Json, true),
            ("created_at", Kind::Time, false),
        ],
        references: &[("user_id", "users")],
        indexes: &[
            ("user_id", Index::Plain),
            ("metric_type", Index::Plain),
            ("created_at", Index::Plain),
            ("user_id, metric_type", Index::Plain),
        ],
    },
];
