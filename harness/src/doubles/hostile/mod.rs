//! Hostile servers: what a target may do to whoever checks it, by accident or on purpose.

mod answers;
mod log;
mod server;
mod store;
mod texts;

pub use server::HostileServer;
pub use store::{HostileStore, HostileStoreServer};

/// One way of being hostile over HTTP; [`super::Worthless`] has the plainer ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hostile {
    /// Sends headers for ever.
    EndlessHeaders,
    /// Sends a byte a second.
    Drip,
    /// Sends little that unpacks to a gigabyte.
    GzipBomb,
    /// Sends more than it promised, an answer to nobody among it.
    LengthTooSmall,
    /// Announces chunks of impossible sizes.
    BrokenChunks,
    /// Sends what is no UTF-8.
    InvalidUtf8,
    /// Sends the character NUL in every text.
    Nul,
    /// Sends sequences that steer terminals.
    Escapes,
    /// Sends HTML, scripts and handlers in every text.
    Markup,
    /// Sends lines that CI services take for commands.
    Commands,
    /// Sends what ends CDATA and has no place in XML.
    BreaksXml,
    /// Sends JSON of 100,000 levels.
    DeepJson,
    /// Sends half a million values in one JSON list.
    WideJson,
    /// Sends numbers beyond all types.
    HugeNumbers,
    /// Sends every key of an object twice.
    DoubleKeys,
    /// Speaks TLS where HTTP is asked.
    Tls,
    /// Resets connections when they come in.
    ResetsAtOnce,
    /// Resets connections once it has the request.
    ResetsAfterRequest,
    /// Resets connections within the headers.
    ResetsInHeaders,
    /// Resets connections within the body.
    ResetsInBody,
    /// Answers without a status line, as HTTP/0.9 had it.
    Http09,
    /// Says "100 Continue" for ever.
    EndlessContinue,
    /// Answers 200 and asks to be spared for some thousand years.
    RetryAfter,
    /// Leads every request to another host.
    RedirectsAway,
    /// Sends back what it was sent, credentials among it, plain and encoded.
    Echoes,
    /// Claims to be healthy, and its metrics have no end.
    EndlessMetrics,
    /// Claims to be healthy, and its object store lists without end.
    EndlessXml,
    /// Claims to be healthy, and its object store sends XML that unfolds to gigabytes.
    EntityBomb,
    /// Claims to be healthy, and its object store answers when nobody listens any more.
    LateStore,
    /// Claims to be healthy, and logs what cannot be read.
    GarbageLog,
    /// Claims to be healthy, and logs a line without end.
    EndlessLogLine,
}

impl Hostile {
    /// All kinds.
    pub const ALL: [Hostile; 31] = [
        Hostile::EndlessHeaders,
        Hostile::Drip,
        Hostile::GzipBomb,
        Hostile::LengthTooSmall,
        Hostile::BrokenChunks,
        Hostile::InvalidUtf8,
        Hostile::Nul,
        Hostile::Escapes,
        Hostile::Markup,
        Hostile::Commands,
        Hostile::BreaksXml,
        Hostile::DeepJson,
        Hostile::WideJson,
        Hostile::HugeNumbers,
        Hostile::DoubleKeys,
        Hostile::Tls,
        Hostile::ResetsAtOnce,
        Hostile::ResetsAfterRequest,
        Hostile::ResetsInHeaders,
        Hostile::ResetsInBody,
        Hostile::Http09,
        Hostile::EndlessContinue,
        Hostile::RetryAfter,
        Hostile::RedirectsAway,
        Hostile::Echoes,
        Hostile::EndlessMetrics,
        Hostile::EndlessXml,
        Hostile::EntityBomb,
        Hostile::LateStore,
        Hostile::GarbageLog,
        Hostile::EndlessLogLine,
    ];

    /// What it does, in words.
    pub fn what(self) -> &'static str {
        self.words().0
    }

    /// Which bound a run survives it by.
    pub fn survived(self) -> &'static str {
        self.words().1
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Hostile::EndlessHeaders => {
                ("sends headers for ever", "headers come to 400 KB at most, else the connection is closed")
            }
            Hostile::Drip => ("sends a byte a second", "the deadline of a request covers its whole body"),
            Hostile::GzipBomb => {
                ("sends a gzip bomb", "nothing is unpacked but where its weight is asked for, and 16 MB of it")
            }
            Hostile::LengthTooSmall => ("sends more than it promised", "what comes unasked closes the connection"),
            Hostile::BrokenChunks => ("announces impossible chunks", "a body that breaks off makes no answer"),
            Hostile::InvalidUtf8 => ("sends what is no UTF-8", "each wrong byte is seen as U+FFFD"),
            Hostile::Nul => ("sends NUL in every text", "reports show it as `␀`"),
            Hostile::Escapes => ("sends terminal escapes", "reports show control characters as pictures"),
            Hostile::Markup => {
                ("sends HTML and scripts", "reports escape every text, and their policy admits no script but their own")
            }
            Hostile::Commands => (
                "sends commands for CI services",
                "no text of a target begins a line, and none holds what begins a command",
            ),
            Hostile::BreaksXml => {
                ("sends what breaks XML", "reports escape every text; what XML has no place for is shown by its number")
            }
            Hostile::DeepJson => ("sends JSON of 100,000 levels", "JSON deeper than 128 levels is seen as a text"),
            Hostile::WideJson => ("sends JSON of 500,000 values", "JSON of more than 100,000 values is seen as a text"),
            Hostile::HugeNumbers => {
                ("sends numbers beyond all types", "JSON with a number beyond a double is seen as a text")
            }
            Hostile::DoubleKeys => ("sends every key twice", "the last one counts"),
            Hostile::Tls => ("speaks TLS", "what is not HTTP counts as silence"),
            Hostile::ResetsAtOnce => ("resets connections at once", "a reset counts as silence"),
            Hostile::ResetsAfterRequest => ("resets connections after the request", "a reset counts as silence"),
            Hostile::ResetsInHeaders => ("resets connections in the headers", "a reset counts as silence"),
            Hostile::ResetsInBody => ("resets connections in the body", "a body that breaks off makes no answer"),
            Hostile::Http09 => ("answers as HTTP/0.9", "what has no status line counts as silence"),
            Hostile::EndlessContinue => {
                ("says 100 Continue for ever", "the deadline of a request covers what comes before its answer")
            }
            Hostile::RetryAfter => ("asks to be spared for ages", "nobody waits at a target's word"),
            Hostile::RedirectsAway => ("redirects to another host", "no redirect is followed"),
            Hostile::Echoes => (
                "echoes credentials in every encoding",
                "secrets are taken out of evidence plain, escaped (once or twice), in digits and in base64",
            ),
            Hostile::EndlessMetrics => ("has metrics without end", "a scrape is read to 2 MB and 20,000 lines"),
            Hostile::EndlessXml => {
                ("has an object store that lists without end", "an answer is read to 8 MB, its XML to 100,000 nodes")
            }
            Hostile::EntityBomb => {
                ("has an object store that sends entity bombs", "XML with a document type is not read")
            }
            Hostile::LateStore => {
                ("has an object store that answers late", "the deadline of a request holds for stores, too")
            }
            Hostile::GarbageLog => {
                ("logs what cannot be read", "a line too long, too deep or no JSON is seen by its first 2000 letters")
            }
            Hostile::EndlessLogLine => {
                ("logs a line without end", "a log is read from its mark on, 16 MB of it, and a line when it has ended")
            }
        }
    }
}
