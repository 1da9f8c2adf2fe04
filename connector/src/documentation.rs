//! The pages of `docs/connectors`, from what connectors say about themselves, so that they can't say something else.
//! Deliberately absent: words about a single connector, which stand in its own description.

use std::fmt::Write;

use serde_json::Value;

use crate::{Description, Failure, Registry};

/// File names and their text in Markdown: one page a connector, and `README.md`, which lists them.
pub fn pages(registry: &Registry) -> Vec<(String, String)> {
    let descriptions: Vec<&Description> = registry.all().map(|connector| connector.description()).collect();
    let mut pages = vec![("README.md".to_owned(), index(&descriptions))];
    pages.extend(
        descriptions.iter().map(|description| (format!("{}.md", description.name), page(description))),
    );
    pages
}

fn index(descriptions: &[&Description]) -> String {
    let mut text = String::from(
        "# Connectors\n\nWritten by `make schema` from what the connectors say about themselves; \
         `{ connectors { name configSchema … } }` answers with the same as JSON Schema.\n\n\
         | connector | reads | writes | is |\n| --- | --- | --- | --- |\n",
    );
    let yes = |schema: &Option<Value>| if schema.is_some() { "yes" } else { "–" };
    for description in descriptions {
        let (reads, writes) = (yes(&description.source_schema), yes(&description.destination_schema));
        line(
            &mut text,
            &format!(
                "| [`{0}`]({0}.md) | {reads} | {writes} | {1} |",
                description.name, description.description
            ),
        );
    }
    text
}

fn page(description: &Description) -> String {
    let mut text = String::new();
    let guide = &description.guide;
    line(
        &mut text,
        &format!("# {} (`{}`)\n\n{}", description.title, description.name, description.description),
    );
    list(&mut text, guide.notes);
    if description.can_be_paced {
        line(&mut text, "\nA system's `rateLimit` counts its requests.");
    }
    line(&mut text, "\n## System: `config`\n");
    options(&mut text, &description.config_schema, "config");
    line(&mut text, "\n## System: `credentials`\n");
    if properties(&description.credentials_schema).next().is_some() {
        line(&mut text, "Write-only: stored encrypted, and never given out again.\n");
        if !description.credentials_go_to.is_empty() {
            let names =
                description.credentials_go_to.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>();
            line(
                &mut text,
                &format!(
                    "They are given again when one of these of the config changes: {}.\n",
                    names.join(", ")
                ),
            );
        }
    }
    options(&mut text, &description.credentials_schema, "credentials");
    for (end, schema) in
        [("source", &description.source_schema), ("destination", &description.destination_schema)]
    {
        line(&mut text, &format!("\n## Stream: `{end}`\n"));
        match schema {
            Some(schema) => options(&mut text, schema, end),
            None if end == "source" => line(&mut text, "It can't be read from."),
            None => line(&mut text, "It can't be written to."),
        }
    }
    line(&mut text, "\n## Example\n\n```json");
    line(&mut text, &format!("{:#}\n```", example(description)));
    if !guide.limits.is_empty() {
        line(&mut text, "\n## Limits");
        list(&mut text, guide.limits);
    }
    line(&mut text, "\n## Failures\n\n| code | when |\n| --- | --- |");
    for Failure { code, when } in guide.failures {
        line(&mut text, &format!("| {} | {when} |", codes(description, code).join("<br>")));
    }
    text
}

/// The whole codes of a failure: of both ends, where the connector has both.
fn codes(description: &Description, code: &str) -> Vec<String> {
    if code.contains('.') {
        return vec![format!("`{code}`")];
    }
    let ends = [("source", &description.source_schema), ("destination", &description.destination_schema)];
    ends.iter().filter(|(_, schema)| schema.is_some()).map(|(end, _)| format!("`{end}.{code}`")).collect()
}

fn example(description: &Description) -> Value {
    let example = &description.guide.example;
    let mut all = serde_json::Map::new();
    all.insert("config".to_owned(), example.config.clone());
    if !example.credentials.is_null() {
        all.insert("credentials".to_owned(), example.credentials.clone());
    }
    for (end, options) in [("source", &example.source), ("destination", &example.destination)] {
        if let Some(options) = options {
            all.insert(end.to_owned(), options.clone());
        }
    }
    Value::Object(all)
}

/// A table of an object's properties, then one for each form of those that have several.
fn options(text: &mut String, schema: &Value, at: &str) {
    if properties(schema).next().is_none() {
        line(text, "None.");
        return;
    }
    line(text, "| name | type | default | required | is |\n| --- | --- | --- | --- | --- |");
    for (name, property) in properties(schema) {
        let default = match property.get("default") {
            // What a form begins with, not what is taken when it is absent.
            Some(Value::String(empty)) if empty.is_empty() && is_required(schema, name) => "–".to_owned(),
            Some(default) => format!("`{default}`"),
            None => "–".to_owned(),
        };
        let required = if is_required(schema, name) { "yes" } else { "" };
        let words = property.get("description").and_then(Value::as_str).unwrap_or_default();
        line(text, &format!("| `{name}` | {} | {default} | {required} | {} |", kind(property), cell(words)));
    }
    let alternatives = one_of(schema).filter_map(|form| form.get("required")?.as_array());
    let alternatives: Vec<String> = alternatives.flatten().map(|name| format!("`{}`", plain(name))).collect();
    if !alternatives.is_empty() {
        line(text, &format!("\nExactly one of {} is given.", alternatives.join(" and ")));
    }
    for (name, property) in properties(schema) {
        for form in one_of(property) {
            let constant = properties(form).find_map(|(name, inner)| Some((name, inner.get("const")?)));
            if let Some((constant, value)) = constant {
                line(text, &format!("\n### `{at}.{name}` with `{constant}`: `{}`\n", plain(value)));
                options(text, form, at);
            }
        }
    }
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema.get("properties").and_then(Value::as_object).into_iter().flatten()
}

fn one_of(schema: &Value) -> impl Iterator<Item = &Value> {
    schema.get("oneOf").and_then(Value::as_array).into_iter().flatten()
}

fn is_required(schema: &Value, name: &str) -> bool {
    schema
        .get("required")
        .and_then(Value::as_array)
        .is_some_and(|names| names.iter().any(|other| other == name))
}

/// Type and bounds, in words.
fn kind(property: &Value) -> String {
    if let Some(value) = property.get("const") {
        return format!("`{}`", plain(value));
    }
    if let Some(values) = property.get("enum").and_then(Value::as_array).filter(|values| !values.is_empty()) {
        return values.iter().map(|value| format!("`{}`", plain(value))).collect::<Vec<_>>().join(", ");
    }
    if one_of(property).next().is_some() {
        return "object, in one of the forms below".to_owned();
    }
    let name = types(property.get("type")).unwrap_or_else(|| "any".to_owned());
    let inner = property.pointer("/items/type").or_else(|| property.pointer("/additionalProperties/type"));
    let name = match types(inner) {
        Some(inner) => format!("{name} of {inner}"),
        None => name,
    };
    let bound = |lower: &str, upper: &str, unit: &str| {
        let (lower, upper) = (property.get(lower).filter(|least| **least != 0), property.get(upper));
        match (lower, upper) {
            (Some(lower), Some(upper)) => Some(format!("{lower} to {upper}{unit}")),
            (Some(lower), None) if *lower == 1 && !unit.is_empty() => None,
            (Some(lower), None) => Some(format!("at least {lower}{unit}")),
            (None, Some(upper)) => Some(format!("at most {upper}{unit}")),
            (None, None) => None,
        }
    };
    let bounds = [
        bound("minimum", "maximum", ""),
        property.get("exclusiveMinimum").map(|least| format!("more than {least}")),
        bound("minLength", "maxLength", " characters"),
        bound("minItems", "maxItems", " entries"),
        bound("minProperties", "maxProperties", " entries"),
    ];
    let bounds: Vec<String> = bounds.into_iter().flatten().collect();
    if bounds.is_empty() { name } else { format!("{name}, {}", bounds.join(", ")) }
}

fn types(types: Option<&Value>) -> Option<String> {
    match types? {
        Value::Array(names) => Some(names.iter().map(plain).collect::<Vec<_>>().join(" or ")),
        name => Some(plain(name)),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Text in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn list(text: &mut String, lines: &[&str]) {
    if !lines.is_empty() {
        line(text, "");
    }
    for words in lines {
        line(text, &format!("- {words}"));
    }
}

fn line(text: &mut String, words: &str) {
    writeln!(text, "{words}").expect("writing to a String does not fail");
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::{Value, json};

    use super::{kind, one_of, options, pages, properties};
    use crate::{Egress, Registry, SingerOptions};

    fn registry() -> Registry {
        let taps = [("tap-postgres".to_owned(), "/bin/false".into())];
        Registry::with_taps(Egress::default(), SingerOptions { taps: taps.into(), ..SingerOptions::none() })
    }

    #[test]
    fn each_connector_has_a_page_with_everything_that_it_takes() {
        fn named(schema: &Value, page: &str, at: &str) {
            for (name, property) in properties(schema) {
                assert!(page.contains(&format!("| `{name}` |")), "{at}.{name} is not on its page");
                let words = property.get("description").or(property.get("const"));
                assert!(words.is_some(), "{at}.{name} has no description");
                for form in one_of(property) {
                    named(form, page, &format!("{at}.{name}"));
                }
            }
        }
        let registry = registry();
        let pages = pages(&registry);
        assert_eq!(pages.len(), 1 + registry.all().count());
        for (connector, (file, page)) in registry.all().zip(&pages[1..]) {
            let description = connector.description();
            assert_eq!(*file, format!("{}.md", description.name));
            assert!(pages[0].1.contains(&format!("({file})")));
            let ends = description.source_schema.iter().chain(&description.destination_schema);
            for schema in
                [&description.config_schema, &description.credentials_schema].into_iter().chain(ends)
            {
                named(schema, page, description.name);
            }
            assert!(!description.guide.failures.is_empty(), "{} says no failure", description.name);
        }
    }

    #[test]
    fn examples_are_ones_that_could_be_saved() {
        let registry = registry();
        for connector in registry.all() {
            let description = connector.description();
            let (name, example) = (description.name, &description.guide.example);
            assert_eq!(registry.config_problems(name, &example.config), [], "{name}");
            let credentials =
                if example.credentials.is_null() { json!({}) } else { example.credentials.clone() };
            assert_eq!(registry.credentials_problems(name, &credentials), [], "{name}");
            assert_eq!(example.source.is_some(), description.source_schema.is_some(), "{name}");
            assert_eq!(example.destination.is_some(), description.destination_schema.is_some(), "{name}");
            if let Some(source) = &example.source {
                assert_eq!(registry.source_problems(name, source), [], "{name}");
            }
            if let Some(destination) = &example.destination {
                assert_eq!(registry.destination_problems(name, destination), [], "{name}");
            }
        }
    }

    #[test]
    fn types_and_bounds_are_said_in_words() {
        for (schema, words) in [
            (json!({"type": "integer", "minimum": 1, "maximum": 65535}), "integer, 1 to 65535"),
            (json!({"type": "integer", "minimum": 0}), "integer"),
            (json!({"type": "string", "minLength": 1}), "string"),
            (json!({"type": "string", "maxLength": 20}), "string, at most 20 characters"),
            (
                json!({"type": "array", "items": {"type": "string"}, "maxItems": 3}),
                "array of string, at most 3 entries",
            ),
            (json!({"enum": ["a", "b"]}), "`a`, `b`"),
            (json!({"const": "page"}), "`page`"),
            (
                json!({"type": "object", "additionalProperties": {"type": ["string", "number"]}}),
                "object of string or number",
            ),
        ] {
            assert_eq!(kind(&schema), words);
        }
        let mut text = String::new();
        options(
            &mut text,
            &json!({"properties": {"a|b": {"type": "string", "description": "x|y"}}}),
            "config",
        );
        assert!(text.ends_with("| `a|b` | string | – |  | x\\|y |\n"), "{text}");
        text.clear();
        options(&mut text, &json!({"properties": {}}), "config");
        assert_eq!(text, "None.\n");
        let page = pages(&registry()).into_iter().find(|(file, _)| file == "postgres.md").unwrap().1;
        assert!(page.contains("Exactly one of `table` and `query` is given."));
    }
}
