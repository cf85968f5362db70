//! What the tokens in an answer say, for checks never see tokens themselves.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

/// Header and claims of every JWT among a JSON object's fields, by field name; nothing where there is none.
///
/// The signature is not looked at: whether the target accepts a token is seen by using it.
pub(super) fn claims(body: &Value) -> Option<Value> {
    let found: Map<String, Value> =
        body.as_object()?.iter().filter_map(|(field, value)| Some((field.clone(), decode(value.as_str()?)?))).collect();
    (!found.is_empty()).then_some(Value::Object(found))
}

/// Header and claims of a JWT; nothing where it is none.
pub(super) fn decode(token: &str) -> Option<Value> {
    // Three parts, the last of which is a signature (RFC 7515, section 3.1).
    let [header, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else { return None };
    let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).ok().filter(|bytes| !bytes.is_empty());
    let json_of = |part: &str| -> Option<Value> { serde_json::from_slice(&decoded(part)?).ok() };
    decoded(signature)?;
    Some(json!({"header": json_of(header)?, "claims": json_of(payload)?}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_of_a_token_are_read_and_other_texts_are_not_tokens() {
        let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
        let token = format!("{}.{}.c2ln", part(r#"{"alg":"HS256"}"#), part(r#"{"sub":"u"}"#));
        let body = json!({"access_token": token, "token_type": "bearer", "version": "1.0.0"});
        let claims = claims(&body).unwrap();
        assert_eq!(claims, json!({"access_token": {"header": {"alg": "HS256"}, "claims": {"sub": "u"}}}));
        let unsigned = token.trim_end_matches("c2ln");
        for other in [unsigned.to_owned(), format!("{unsigned}!"), format!("{token}.x"), format!("{token}..")] {
            assert_eq!(decode(&other), None, "{other}");
        }
    }
}
