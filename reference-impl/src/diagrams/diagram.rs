//! Diagrams, their versions, and what a caller may put into them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sqlx::FromRow;

use crate::error::ApiError;

/// A diagram as its owner sees it.
#[derive(Debug, Serialize, FromRow)]
pub struct Diagram {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// `canvas`, `note` or `mixed`.
    pub file_type: String,
    /// What is drawn.
    pub canvas_data: Option<Value>,
    /// What is written.
    pub note_content: Option<String>,
    /// Whose it is.
    pub owner_id: String,
    /// Where it lies.
    pub folder_id: Option<String>,
    /// Whether its owner marked it.
    pub is_starred: Option<bool>,
    /// Whether it is in the bin.
    pub is_deleted: Option<bool>,
    /// How often it was shown.
    pub view_count: Option<i32>,
    /// The number of its newest version.
    pub current_version: Option<i32>,
    /// Since when it is there.
    pub created_at: DateTime<Utc>,
    /// When it changed last.
    pub updated_at: DateTime<Utc>,
}

/// What a diagram looked like when it was saved.
#[derive(Debug, Serialize, FromRow)]
pub struct Version {
    /// Its id.
    pub id: String,
    /// The diagram.
    pub file_id: String,
    /// Counts up from one.
    pub version_number: i32,
    /// What was drawn.
    pub canvas_data: Option<Value>,
    /// What was written.
    pub note_content: Option<String>,
    /// What the one who saved it said about it.
    pub description: Option<String>,
    /// Its name.
    pub label: Option<String>,
    /// A small picture of it.
    pub thumbnail_url: Option<String>,
    /// Who saved it.
    pub created_by: Option<String>,
    /// When it was saved.
    pub created_at: DateTime<Utc>,
}

/// A diagram to be.
#[derive(Debug, Deserialize)]
pub struct Draft {
    /// Its title.
    pub title: Title,
    /// What it is; a canvas unless said otherwise.
    #[serde(default)]
    pub file_type: FileType,
    /// What is drawn.
    pub canvas_data: Option<Map<String, Value>>,
    /// What is written.
    pub note_content: Option<String>,
    /// Where it shall lie.
    pub folder_id: Option<String>,
}

/// A change to a diagram; what is absent stays as it is.
#[derive(Debug, Deserialize)]
pub struct Change {
    /// A new title.
    pub title: Option<Title>,
    /// A new drawing.
    pub canvas_data: Option<Map<String, Value>>,
    /// A new text.
    pub note_content: Option<String>,
    /// What to say about the version that comes of it.
    pub description: Option<String>,
}

impl Draft {
    /// The draft, if its texts fit.
    pub fn checked(self) -> Result<Draft, ApiError> {
        at_most(LONGEST_NOTE, "note_content", self.note_content.as_deref())?;
        Ok(self)
    }
}

impl Change {
    /// The change, if its texts fit.
    pub fn checked(self) -> Result<Change, ApiError> {
        at_most(LONGEST_NOTE, "note_content", self.note_content.as_deref())?;
        at_most(LONGEST_DESCRIPTION, "description", self.description.as_deref())?;
        Ok(self)
    }
}

const LONGEST_TITLE: usize = 255;
const LONGEST_NOTE: usize = 1_000_000;
const LONGEST_DESCRIPTION: usize = 500;

fn at_most(limit: usize, field: &str, text: Option<&str>) -> Result<(), ApiError> {
    if text.is_some_and(|text| text.chars().count() > limit) {
        let msg = format!("at most {limit} characters are expected");
        return Err(ApiError::invalid("too_long", &["body", field], msg));
    }
    Ok(())
}

/// A title of 1 to 255 characters, without blanks around it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Title(String);

impl Title {
    /// The title as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Title {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Title, Self::Error> {
        let text = text.trim();
        if (1..=LONGEST_TITLE).contains(&text.chars().count()) {
            Ok(Title(text.to_owned()))
        } else {
            Err("expected: a title of 1 to 255 characters")
        }
    }
}

/// What a diagram is made of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileType {
    /// A drawing.
    #[default]
    Canvas,
    /// A text.
    Note,
    /// Both.
    Mixed,
}

impl FileType {
    /// Its word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            FileType::Canvas => "canvas",
            FileType::Note => "note",
            FileType::Mixed => "mixed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn title_has_1_to_255_characters_after_trimming() {
        let title = |text: &str| Title::try_from(text.to_owned());
        assert_eq!(title("  Plan ").unwrap().as_str(), "Plan");
        assert!(title(&"ü".repeat(255)).is_ok());
        assert!(title(&"x".repeat(256)).is_err());
        assert!(title("   ").is_err());
    }

    #[test]
    fn description_of_501_characters_is_refused() {
        let change = |length: usize| Change {
            title: None,
            canvas_data: None,
            note_content: None,
            description: Some("x".repeat(length)),
        };
        assert!(change(500).checked().is_ok());
        assert!(change(501).checked().is_err());
    }
}
