//! The description of the API is whole: every route, every shape, every word that a reader needs.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::{Database, TestHost, stories};

stories!(the_description_is_whole, the_reference_needs_nobody_else);

const METHODS: [&str; 5] = ["get", "put", "post", "patch", "delete"];

async fn the_description_is_whole(database: Database) {
    let host = TestHost::start(&database).await;
    let document = host.stranger().get("/v1/openapi.json").await.is(200);
    assert!(
        document["openapi"]
            .as_str()
            .is_some_and(|version| version.starts_with("3.1."))
    );
    let tags: BTreeSet<&str> = document["tags"]
        .as_array()
        .expect("tags")
        .iter()
        .filter_map(|tag| tag["name"].as_str())
        .collect();
    let schemes = document["components"]["securitySchemes"]
        .as_object()
        .expect("schemes");
    let (mut ids, mut faults) = (BTreeSet::new(), Vec::new());
    for (path, item) in document["paths"].as_object().expect("paths") {
        for method in METHODS {
            let operation = &item[method];
            let place = format!("{method} {path}");
            if operation.is_null() {
                let answer = host
                    .stranger()
                    .request(&method.to_uppercase(), path, None)
                    .await;
                assert_eq!(answer.status, 405, "{place} is not described");
                continue;
            }
            let answer = host
                .stranger()
                .request(&method.to_uppercase(), path, None)
                .await;
            assert_eq!(answer.status, 401, "{place} is not there");
            let id = operation["operationId"].as_str().unwrap_or_default();
            if id.is_empty() || !ids.insert(id.to_owned()) {
                faults.push(format!("{place}: operationId `{id}` is not its own"));
            }
            if operation["summary"].as_str().is_none_or(str::is_empty) {
                faults.push(format!("{place} has no summary"));
            }
            if !operation["tags"].as_array().is_some_and(|of| {
                of.iter()
                    .all(|tag| tag.as_str().is_some_and(|tag| tags.contains(tag)))
            }) {
                faults.push(format!("{place} has an unknown tag"));
            }
            let takes = operation["security"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_object);
            if takes
                .flat_map(|one| one.keys())
                .any(|scheme| !schemes.contains_key(scheme))
            {
                faults.push(format!("{place} has an unknown credential"));
            }
            let answers = operation["responses"].as_object().expect("answers");
            for status in ["401", "403", "429", "500", "503", "default"] {
                let kind = &answers.get(status).unwrap_or(&Value::Null)["content"]["application/problem+json"];
                if kind["schema"]["$ref"] != "#/components/schemas/Problem" {
                    faults.push(format!("{place} does not describe {status}"));
                }
            }
            if !answers.keys().any(|status| status.starts_with('2')) {
                faults.push(format!("{place} describes no success"));
            }
            let holes: BTreeSet<&str> = path
                .split('{')
                .skip(1)
                .filter_map(|rest| rest.split('}').next())
                .collect();
            let parameters: Vec<&Value> = operation["parameters"]
                .as_array()
                .into_iter()
                .flatten()
                .collect();
            let named: BTreeSet<&str> = parameters
                .iter()
                .filter(|one| one["in"] == "path")
                .filter_map(|one| one["name"].as_str())
                .collect();
            if holes != named {
                faults.push(format!("{place}: parameters {named:?}"));
            }
        }
    }
    look(&document, &document, "", &mut faults);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(ids.len() > 50);
}

/// Looks for references to nothing, words of OpenAPI 3.0, and properties without a description.
fn look(document: &Value, at: &Value, place: &str, faults: &mut Vec<String>) {
    if let Some(list) = at.as_array() {
        for (n, one) in list.iter().enumerate() {
            look(document, one, &format!("{place}/{n}"), faults);
        }
    }
    let Some(fields) = at.as_object() else { return };
    if let Some(target) = fields.get("$ref").and_then(Value::as_str)
        && target
            .strip_prefix('#')
            .is_none_or(|pointer| document.pointer(pointer).is_none())
    {
        faults.push(format!("{place}: {target} is not there"));
    }
    if fields.contains_key("nullable") {
        faults.push(format!("{place}: `nullable` is of OpenAPI 3.0"));
    }
    if fields
        .get("type")
        .is_some_and(|kind| kind == "object" || kind.as_array().is_some())
        && let Some(properties) = fields.get("properties").and_then(Value::as_object)
    {
        for (name, property) in properties {
            if !is_described(document, property) {
                faults.push(format!("{place}: `{name}` has no description"));
            }
        }
    }
    for (name, one) in fields {
        look(document, one, &format!("{place}/{name}"), faults);
    }
}

/// Whether a property says what it is, itself or by the shape that it names.
fn is_described(document: &Value, property: &Value) -> bool {
    let named = property["$ref"]
        .as_str()
        .and_then(|target| document.pointer(target.strip_prefix('#')?));
    property["description"]
        .as_str()
        .is_some_and(|text| !text.is_empty())
        || named.is_some_and(|shape| is_described(document, shape))
        || property["oneOf"]
            .as_array()
            .is_some_and(|ways| ways.iter().any(|way| is_described(document, way)))
}

async fn the_reference_needs_nobody_else(database: Database) {
    let host = TestHost::start(&database).await;
    for path in ["/v1/docs", "/v1/docs/errors"] {
        let page = host.stranger().get(path).await;
        assert_eq!(page.status, 200);
        let policy = page.header("content-security-policy").unwrap_or_default();
        assert!(policy.contains("default-src 'none'"), "{policy}");
        for loads in [
            "<script",
            "<link",
            "<iframe",
            "@import",
            "url(http",
            "src=\"http",
        ] {
            assert!(!page.text.contains(loads), "{path} has {loads}");
        }
    }
}
