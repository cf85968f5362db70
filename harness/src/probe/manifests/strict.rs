//! Holds a document against the schema of its type: fields that the type does not have, values that are not of theirs.

use k8s_openapi::schemars::{JsonSchema, SchemaGenerator};
use serde_json::Value;

/// Fields of a document that its type does not have.
///
/// # Errors
/// Where the document is not of that type, with the path of what is wrong.
pub fn unknown_fields<T: JsonSchema>(document: &Value) -> Result<Vec<String>, String> {
    let schema = SchemaGenerator::default().into_root_schema_for::<T>().to_value();
    let mut reading = Reading { root: &schema, unknown: Vec::new() };
    reading.value(&schema, document, "")?;
    Ok(reading.unknown)
}

struct Reading<'a> {
    root: &'a Value,
    unknown: Vec<String>,
}

impl Reading<'_> {
    /// A `null` is nothing given, and right everywhere.
    fn value(&mut self, schema: &Value, given: &Value, path: &str) -> Result<(), String> {
        if given.is_null() {
            return Ok(());
        }
        if let Some(name) = schema["$ref"].as_str() {
            let root = self.root;
            let referred = name.strip_prefix('#').and_then(|pointer| root.pointer(pointer));
            return referred.map_or(Ok(()), |referred| self.value(referred, given, path));
        }
        if schema["x-kubernetes-int-or-string"] == true {
            let scalar = given.is_string() || given.is_number();
            return if scalar { Ok(()) } else { Err(wrong(path, "a number or a text", given)) };
        }
        match (schema["type"].as_str(), given) {
            (Some("object"), Value::Object(_)) => self.object(schema, given, path),
            (Some("array"), Value::Array(items)) => {
                let each = &schema["items"];
                items.iter().enumerate().try_for_each(|(at, item)| self.value(each, item, &format!("{path}[{at}]")))
            }
            (Some("string"), Value::String(_)) | (Some("boolean"), Value::Bool(_)) | (None, _) => Ok(()),
            (Some("integer"), Value::Number(number)) if !number.is_f64() => Ok(()),
            (Some("number"), Value::Number(_)) => Ok(()),
            (Some(kind), _) => Err(wrong(path, &format!("of type {kind}"), given)),
        }
    }

    fn object(&mut self, schema: &Value, given: &Value, path: &str) -> Result<(), String> {
        let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        for key in required {
            if given[key].is_null() {
                return Err(format!("{} is missing", below(key)));
            }
        }
        for (key, value) in given.as_object().into_iter().flatten() {
            let path = below(key);
            match (schema["properties"].get(key), schema.get("additionalProperties")) {
                (Some(schema), _) | (None, Some(schema)) => self.value(schema, value, &path)?,
                (None, None) if schema["properties"].is_object() => self.unknown.push(path),
                (None, None) => {}
            }
        }
        Ok(())
    }
}

fn wrong(path: &str, wanted: &str, given: &Value) -> String {
    format!("{path} is {given}, and not {wanted}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::api::core::v1::Service;
    use serde_json::json;

    fn read(spec: Value) -> Result<Vec<String>, String> {
        unknown_fields::<Service>(&json!({"apiVersion": "v1", "kind": "Service", "metadata": {}, "spec": spec}))
    }

    #[test]
    fn a_field_that_the_type_does_not_have_is_named_by_its_path() {
        let found =
            read(json!({"ports": [{"port": 80, "targetPort": "http", "prot": "TCP"}], "selector": {"any": "a"}}));
        assert_eq!(found, Ok(vec!["spec.ports[0].prot".to_owned()]));
    }

    #[test]
    fn wrong_types_and_missing_fields_are_told() {
        assert_eq!(read(json!({"ports": [{"name": "http"}]})), Err("spec.ports[0].port is missing".to_owned()));
        let error = read(json!({"ports": [{"port": "80"}]})).unwrap_err();
        assert!(error.starts_with("spec.ports[0].port is \"80\""), "{error}");
        assert!(read(json!({"selector": {"version": 1}})).is_err());
    }
}
