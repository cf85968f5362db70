//! Hostile texts, and the answers that carry them in every field.

use super::Hostile;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// What stands in every field; a plain word where the hostility lies elsewhere.
pub(super) fn text(kind: Hostile) -> &'static str {
    match kind {
        Hostile::Nul => "a\0b\0",
        Hostile::Escapes => {
            "\u{1b}[2J\u{1b}]0;owned\u{7}\u{1b}[31mred\u{9b}31m\u{85}\u{7f}\r\u{8}\u{202e}drawkcab\u{2066}"
        }
        Hostile::Markup | Hostile::GarbageLog => {
            "\"'><script>alert(1)</script><img src=x onerror=alert(1)></style><svg/onload=alert(1)>[x](javascript:alert(1))"
        }
        Hostile::Commands => {
            "x\n::error::owned\n##[error]owned ##vso[task.complete result=Succeeded;]owned\n::set-output name=a::b\r::warning::owned"
        }
        Hostile::BreaksXml => "]]><owned/>&owned;<!-- -- \u{1}\u{b}\u{ffff} --><?owned?>",
        _ => "plain",
    }
}

/// An object that has whatever a check may look for, and a hostile text wherever it looks.
pub(super) fn object(kind: Hostile, path: &str) -> Value {
    let text = text(kind);
    let status = if path.contains("health") { "healthy" } else { text };
    let mut body = json!({"status": status, "service": text, "version": text, "user": {"id": text, "email": text}});
    for field in [
        "id",
        "error",
        "detail",
        "message",
        "access_token",
        "refresh_token",
        "token_type",
        "timestamp",
        "uptime",
        "correlation_id",
        "configuration",
        "services",
        "alerts",
        "dependencies",
    ] {
        body[field] = json!(text);
    }
    body["items"] = json!([text, {"name": text}]);
    body[text] = json!({text: text});
    body
}

/// An exposition with the text in names, help and labels.
pub(super) fn metrics(kind: Hostile) -> String {
    let text = text(kind);
    format!(
        "# HELP requests {text}\n# TYPE requests {text}\nrequests{{path=\"{text}\"}} 1\n{text} 1\nplain{{}} {text}\n"
    )
}

/// An answer of an object store, with the text as the code of an error.
pub(super) fn xml(kind: Hostile) -> String {
    let text = text(kind).replace('&', "&amp;").replace('<', "&lt;");
    format!("<?xml version=\"1.0\"?><Error><Code>{text}</Code><Message>{text}</Message></Error>")
}

/// The request, and the credential that it bears, as they are and encoded.
pub(super) fn echo(request: &str) -> Value {
    let bearer = request.lines().find_map(|line| line.strip_prefix("authorization: ")).unwrap_or_default();
    let credential = bearer.strip_prefix("Bearer ").unwrap_or(bearer);
    let digits = |before: &str| credential.bytes().map(|byte| format!("{before}{byte:02X}")).collect::<String>();
    json!({
        "status": "healthy",
        "request": request,
        "request_in_base64": STANDARD.encode(request),
        "credential": credential,
        "note": format!("you are {bearer}, are you not?"),
        "base64": STANDARD.encode(credential),
        "base64_of_a_pair": URL_SAFE_NO_PAD.encode(format!("user:{credential}")),
        "hex": digits(""),
        "url": digits("%"),
        "unicode": digits("\\u00"),
        "escapes": digits("\\x"),
        "json": json!(json!(request).to_string()).to_string(),
        credential: credential,
    })
}
