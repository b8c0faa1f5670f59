//! What holds for all answers: a field that may be null is never missing, and each answer has an example.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

const PREFIX: &str = "#/components/schemas/";
/// Schemas may refer to each other; no example is deeper than this.
const DEPTH_MAX: usize = 8;

/// Marks the nullable fields of answers as required: an unknown value is null, never missing. Types that are also part of a request
/// are left alone, because there a field may be left out.
pub fn require_nullable_fields(document: &mut Value) {
    let mut asked = BTreeSet::new();
    for operation in operations(document) {
        collect(document, &operation["requestBody"], &mut asked);
    }
    let Some(schemas) = document["components"]["schemas"].as_object_mut() else {
        return;
    };
    for (name, schema) in schemas {
        if !asked.contains(name) {
            require_in(schema);
        }
    }
}

fn require_in(schema: &mut Value) {
    if let Some(parts) = schema.get_mut("allOf").and_then(Value::as_array_mut) {
        parts.iter_mut().for_each(require_in);
    }
    let Some(properties) = schema["properties"].as_object() else {
        return;
    };
    let declared: BTreeSet<&str> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let required: Vec<Value> = properties
        .iter()
        .filter(|(name, of)| declared.contains(name.as_str()) || is_nullable(of))
        .map(|(name, _)| name.clone().into())
        .collect();
    if !required.is_empty() {
        schema["required"] = required.into();
    }
}

fn is_nullable(schema: &Value) -> bool {
    let null = |part: &Value| part == "null" || part["type"] == "null";
    let any = |key: &str| {
        schema[key]
            .as_array()
            .is_some_and(|all| all.iter().any(null))
    };
    any("type") || any("oneOf")
}

/// Adds an example to every answer in JSON that has none, made from the examples of its types.
pub fn add_examples(document: &mut Value) {
    let source = document.clone();
    let Some(paths) = document["paths"].as_object_mut() else {
        return;
    };
    let operations = paths
        .values_mut()
        .filter_map(Value::as_object_mut)
        .flat_map(Map::values_mut);
    for operation in operations {
        let Some(responses) = operation["responses"].as_object_mut() else {
            continue;
        };
        for response in responses.values_mut() {
            let content = response.get_mut("content");
            let Some(body) = content.and_then(|content| content.get_mut("application/json")) else {
                continue;
            };
            if body.get("example").is_none()
                && let Some(example) = example(&source, &body["schema"], 0)
            {
                body["example"] = example;
            }
        }
    }
}

fn operations(document: &Value) -> impl Iterator<Item = &Value> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(_, path)| path.as_object().into_iter().flat_map(Map::values))
}

/// Collects the names of all schemas that `part` refers to.
fn collect(document: &Value, part: &Value, names: &mut BTreeSet<String>) {
    match part {
        Value::Object(fields) => {
            let name = fields.get("$ref").and_then(Value::as_str);
            if let Some(name) = name.and_then(|name| name.strip_prefix(PREFIX))
                && names.insert(name.to_owned())
            {
                collect(document, &document["components"]["schemas"][name], names);
            }
            fields
                .values()
                .for_each(|value| collect(document, value, names));
        }
        Value::Array(items) => items
            .iter()
            .for_each(|value| collect(document, value, names)),
        _ => {}
    }
}

/// An example of a schema: its own, or one made of the examples of its parts. `None` for an object of any shape.
fn example(document: &Value, schema: &Value, depth: usize) -> Option<Value> {
    if depth > DEPTH_MAX {
        return None;
    }
    let of = |schema: &Value| example(document, schema, depth + 1);
    if let Some(own) = schema["examples"].get(0) {
        return Some(own.clone());
    }
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.strip_prefix(PREFIX)?;
        return of(&document["components"]["schemas"][name]);
    }
    if let Some(word) = schema["enum"].get(0) {
        return Some(word.clone());
    }
    if is_nullable(schema) {
        return Some(Value::Null);
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let parts = parts.iter().map(of).collect::<Option<Vec<_>>>()?;
        let fields = parts.into_iter().filter_map(|part| match part {
            Value::Object(fields) => Some(fields),
            _ => None,
        });
        return Some(Value::Object(fields.flatten().collect()));
    }
    match schema["type"].as_str()? {
        "array" => Some(vec![of(&schema["items"])?].into()),
        "object" => {
            let fields = schema["properties"].as_object()?.iter();
            let fields = fields.map(|(name, field)| Some((name.clone(), of(field)?)));
            fields.collect::<Option<Map<_, _>>>().map(Value::Object)
        }
        _ => None,
    }
}
