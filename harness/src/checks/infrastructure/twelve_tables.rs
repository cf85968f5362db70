//! The twelve tables of AutoGraph's schema, as features 2 and 22 to 26 expect them (contract, sections 4.1 to 4.3).

/// A column's kind; a text may be bounded or not, JSON binary or not, an integer of any width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `varchar` or `text`.
    Text,
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
    /// Whether a type of the information schema is of this kind.
    pub fn is(self, data_type: &str) -> bool {
        let names: &[&str] = match self {
            Kind::Text => &["character varying", "text", "character"],
            Kind::Boolean => &["boolean"],
            Kind::Time => &["timestamp with time zone"],
            Kind::Json => &["json", "jsonb"],
            Kind::Integer => &["integer", "bigint"],
            Kind::Number => &["double precision", "real", "numeric"],
        };
        names.contains(&data_type)
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
            ("id", Kind::Text, false),
            ("email", Kind::Text, false),
            ("password_hash", Kind::Text, false),
            ("full_name", Kind::Text, true),
            ("avatar_url", Kind::Text, true),
            ("is_active", Kind::Boolean, false),
            ("is_verified", Kind::Boolean, false),
            ("role", Kind::Text, false),
            ("sso_provider", Kind::Text, true),
            ("sso_id", Kind::Text, true),
            ("created_at", Kind::Time, false),
            ("updated_at", Kind::Time, false),
            ("last_login_at", Kind::Time, true),
            ("preferences", Kind::Json, true),
        ],
        references: &[],
        indexes: &[
            ("email", Index::Unique),
            ("sso_provider, sso_id", Index::Plain),
        ],
    },
    Table {
        name: "teams",
        columns: &[
            ("id", Kind::Text, false),
            ("name", Kind::Text, false),
            ("slug", Kind::Text, false),
            ("owner_id", Kind::Text, false),
            ("plan", Kind::Text, false),
            ("max_members", Kind::Integer, true),
            ("settings", Kind::Json, true),
            ("logo_url", Kind::Text, true),
            ("custom_domain", Kind::Text, true),
            ("created_at", Kind::Time, false),
            ("updated_at", Kind::Time, false),
        ],
        references: &[("owner_id", "users")],
        indexes: &[
            ("slug", Index::Unique),
            ("owner_id", Index::Plain),
        ],
    },
    Table {
        name: "files",
        columns: &[
            ("id", Kind::Text, false),
            ("title", Kind::Text, false),
            ("owner_id", Kind::Text, false),
            ("team_id", Kind::Text, true),
            ("folder_id", Kind::Text, true),
            ("file_type", Kind::Text, false),
            ("canvas_data", Kind::Json, true),
            ("note_content", Kind::Text, true),
            ("thumbnail_url", Kind::Text, true),
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
            ("id", Kind::Text, false),
            ("file_id", Kind::Text, false),
            ("version_number", Kind::Integer, false),
            ("canvas_data", Kind::Json, true),
            ("note_content", Kind::Text, true),
            ("description", Kind::Text, true),
            ("label", Kind::Text, true),
            ("thumbnail_url", Kind::Text, true),
            ("created_by", Kind::Text, true),
            ("created_at", Kind::Time, false),
        ],
        references: &[("file_id", "files"), ("created_by", "users")],
        indexes: &[
            ("file_id", Index::Plain),
            ("file_id, version_number", Index::Plain),
            ("canvas_data", Index::Gin),
        ],
    },
    Table {
        name: "comments",
        columns: &[
            ("id", Kind::Text, false),
            ("file_id", Kind::Text, false),
            ("user_id", Kind::Text, false),
            ("parent_id", Kind::Text, true),
            ("content", Kind::Text, false),
            ("position_x", Kind::Number, true),
            ("position_y", Kind::Number, true),
            ("element_id", Kind::Text, true),
            ("is_resolved", Kind::Boolean, true),
            ("resolved_at", Kind::Time, true),
            ("resolved_by", Kind::Text, true),
            ("created_at", Kind::Time, false),
            ("updated_at", Kind::Time, false),
        ],
        references: &[("file_id", "files"), ("user_id", "users"), ("parent_id", "comments"), ("resolved_by", "users")],
        indexes: &[
            ("file_id", Index::Plain),
            ("user_id", Index::Plain),
            ("parent_id", Index::Plain),
        ],
    },
    Table {
        name: "mentions",
        columns: &[
            ("id", Kind::Text, false),
            ("comment_id", Kind::Text, false),
            ("user_id", Kind::Text, false),
            ("is_read", Kind::Boolean, true),
            ("read_at", Kind::Time, true),
            ("created_at", Kind::Time, false),
        ],
        references: &[("comment_id", "comments"), ("user_id", "users")],
        indexes: &[
            ("comment_id", Index::Plain),
            ("user_id", Index::Plain),
            ("user_id, is_read", Index::Plain),
        ],
    },
    Table {
        name: "folders",
        columns: &[
            ("id", Kind::Text, false),
            ("name", Kind::Text, false),
            ("owner_id", Kind::Text, false),
            ("parent_id", Kind::Text, true),
            ("color", Kind::Text, true),
            ("icon", Kind::Text, true),
            ("position", Kind::Integer, true),
            ("created_at", Kind::Time, false),
            ("updated_at", Kind::Time, false),
        ],
        references: &[("owner_id", "users"), ("parent_id", "folders")],
        indexes: &[
            ("owner_id", Index::Plain),
            ("parent_id", Index::Plain),
        ],
    },
    Table {
        name: "shares",
        columns: &[
            ("id", Kind::Text, false),
            ("file_id", Kind::Text, false),
            ("token", Kind::Text, false),
            ("permission", Kind::Text, false),
            ("is_public", Kind::Boolean, true),
            ("password_hash", Kind::Text, true),
            ("expires_at", Kind::Time, true),
            ("view_count", Kind::Integer, true),
            ("last_accessed_at", Kind::Time, true),
            ("created_at", Kind::Time, false),
            ("created_by", Kind::Text, true),
        ],
        references: &[("file_id", "files"), ("created_by", "users")],
        indexes: &[
            ("token", Index::Unique),
            ("file_id", Index::Plain),
        ],
    },
    Table {
        name: "git_connections",
        columns: &[
            ("id", Kind::Text, false),
            ("user_id", Kind::Text, false),
            ("provider", Kind::Text, false),
            ("repository_url", Kind::Text, false),
            ("repository_name", Kind::Text, true),
            ("branch", Kind::Text, true),
            ("access_token", Kind::Text, true),
            ("refresh_token", Kind::Text, true),
            ("auto_sync", Kind::Boolean, true),
            ("sync_frequency", Kind::Text, true),
            ("file_path", Kind::Text, true),
            ("last_sync_at", Kind::Time, true),
            ("last_sync_status", Kind::Text, true),
            ("created_at", Kind::Time, false),
            ("updated_at", Kind::Time, false),
        ],
        references: &[("user_id", "users")],
        indexes: &[
            ("user_id", Index::Plain),
            ("provider", Index::Plain),
        ],
    },
    Table {
        name: "audit_log",
        columns: &[
            ("id", Kind::Integer, false),
            ("user_id", Kind::Text, true),
            ("action", Kind::Text, false),
            ("resource_type", Kind::Text, true),
            ("resource_id", Kind::Text, true),
            ("ip_address", Kind::Text, true),
            ("user_agent", Kind::Text, true),
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
            ("id", Kind::Text, false),
            ("user_id", Kind::Text, false),
            ("name", Kind::Text, false),
            ("key_hash", Kind::Text, false),
            ("key_prefix", Kind::Text, true),
            ("scopes", Kind::Json, true),
            ("is_active", Kind::Boolean, true),
            ("last_used_at", Kind::Time, true),
            ("expires_at", Kind::Time, true),
            ("created_at", Kind::Time, false),
        ],
        references: &[("user_id", "users")],
        indexes: &[
            ("key_hash", Index::Unique),
            ("user_id", Index::Plain),
        ],
    },
    Table {
        name: "usage_metrics",
        columns: &[
            ("id", Kind::Integer, false),
            ("user_id", Kind::Text, false),
            ("metric_type", Kind::Text, false),
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
