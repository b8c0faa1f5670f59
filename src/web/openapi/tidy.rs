//! Removes what generating leaves behind: line breaks inside of sentences, and schemas that only add a description to another.

use serde_json::Value;

/// Tidies every description and every schema.
pub fn tidy(part: &mut Value) {
    match part {
        Value::Object(fields) => {
            if let Some(Value::String(text)) = fields.get_mut("description") {
                *text = unwrapped(text);
            }
            fields.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
    merge_description(part);
}

/// Joins the lines of each paragraph.
fn unwrapped(text: &str) -> String {
    let paragraphs: Vec<String> = text.split("\n\n").map(|p| p.replace('\n', " ")).collect();
    paragraphs.join("\n\n")
}

/// Makes one schema of `allOf: [schema, {"type": "object", "description": …}]`, which utoipa writes for an inline field with a doc
/// comment. The second part would allow only objects.
fn merge_description(part: &mut Value) {
    let Some([schema, extra]) = part["allOf"].as_array().map(Vec::as_slice) else {
        return;
    };
    let only_describes = extra["properties"].is_null() && extra["description"].is_string();
    if only_describes && schema["$ref"].is_null() {
        let mut merged = schema.clone();
        merged["description"] = extra["description"].clone();
        *part = merged;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_description_is_joined_and_merged_into_its_schema() {
        let mut document = json!({"name": {"allOf": [
            {"type": ["string", "null"], "maxLength": 5},
            {"type": "object", "description": "The name\nof a thing.\n\nMore."},
        ]}});
        tidy(&mut document);
        let merged = json!({"type": ["string", "null"], "maxLength": 5, "description": "The name of a thing.\n\nMore."});
        assert_eq!(document["name"], merged);
    }
}
