//! The description fits the API, and the rules of such descriptions.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{Method as Verb, Request, StatusCode};
use serde_json::Value;

use super::document::document;
use super::operation::{Answer, Group, Method, Operation};
use crate::api;
use crate::tests::setting::Setting;

fn groups() -> Vec<Group> {
    api::routes().split().1
}

fn operations(groups: &[Group]) -> impl Iterator<Item = &Operation> {
    groups.iter().flat_map(|group| &group.operations)
}

/// Every path item's operations, with path and method.
fn described(document: &Value) -> Vec<(&str, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() > 90, "{}", paths.len());
    paths
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().iter();
            methods.map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
        })
        .filter(|(_, method, _)| *method != "parameters")
        .collect()
}

/// The path with something in it that does not exist.
fn made_up(path: &str) -> String {
    let segments = path.split('/').map(|segment| match segment {
        "{vhost}" => "%2F",
        segment if segment.starts_with('{') => "nothing",
        segment => segment,
    });
    format!("/api{}", segments.collect::<Vec<_>>().join("/"))
}

#[test]
fn path_parameters_are_those_of_the_path() {
    let document = document(&groups(), "");
    for (path, item) in document["paths"].as_object().unwrap() {
        let parameters = item["parameters"].as_array().unwrap();
        let named: Vec<String> = parameters
            .iter()
            .map(|parameter| {
                assert_eq!(parameter["in"], "path", "{path}");
                assert_eq!(parameter["required"], true, "{path}");
                format!("{{{}}}", parameter["name"].as_str().unwrap())
            })
            .collect();
        let braced: Vec<&str> = path.split('/').filter(|part| part.contains('{')).collect();
        assert_eq!(named, braced, "{path}");
        assert_eq!(
            named.iter().collect::<BTreeSet<_>>().len(),
            named.len(),
            "{path}"
        );
    }
}

#[test]
fn handlers_read_as_many_segments_as_their_paths_have() {
    for operation in operations(&groups()) {
        let count = operation.names().count();
        assert_eq!(operation.segments.unwrap_or(count), count, "{operation:?}");
    }
}

#[test]
fn a_body_is_described_where_one_is_read() {
    for operation in operations(&groups()) {
        let file = ["/definitions", "/all-configuration"]
            .iter()
            .any(|path| operation.path.starts_with(path));
        let described = !operation.body.is_empty() || file && operation.takes_body;
        assert_eq!(described, operation.takes_body, "{operation:?}");
        let names: BTreeSet<_> = operation.body.iter().map(|field| field.name).collect();
        assert_eq!(names.len(), operation.body.len(), "{operation:?}");
    }
}

#[test]
fn operations_say_what_they_do_take_and_answer() {
    let document = document(&groups(), "");
    let mut ids = BTreeSet::new();
    for (path, method, operation) in described(&document) {
        let place = format!("{method} {path}");
        assert!(
            ["get", "put", "post", "delete"].contains(&method),
            "{place}"
        );
        assert!(
            ids.insert(operation["operationId"].as_str().unwrap()),
            "{place}"
        );
        assert!(
            !operation["summary"].as_str().unwrap().is_empty(),
            "{place}"
        );
        let tag = &operation["tags"][0];
        let tags = document["tags"].as_array().unwrap();
        assert_eq!(
            tags.iter().filter(|known| known["name"] == *tag).count(),
            1,
            "{place}"
        );
        let mut queried = BTreeSet::new();
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            assert_eq!(parameter["in"], "query", "{place}");
            assert!(
                queried.insert(parameter["name"].as_str().unwrap()),
                "{place}"
            );
        }
        let responses = operation["responses"].as_object().unwrap();
        for status in ["400", "401", "404"] {
            assert!(responses.contains_key(status), "{place}");
        }
        assert!(
            responses
                .keys()
                .any(|status| status.starts_with(['2', '3'])),
            "{place}"
        );
        for response in responses.values() {
            let response = match response["$ref"].as_str() {
                Some(place) => document.pointer(&place[1..]).unwrap(),
                None => response,
            };
            assert!(
                !response["description"].as_str().unwrap().is_empty(),
                "{place}"
            );
        }
    }
}

#[test]
fn what_a_handler_takes_is_in_its_description() {
    let document = document(&groups(), "");
    let names = |path: &str, method: &str| -> Vec<String> {
        let parameters = &document["paths"][path][method]["parameters"];
        let parameters = parameters.as_array().into_iter().flatten();
        parameters
            .map(|parameter| parameter["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let queues = names("/queues", "get");
    for name in [
        "page",
        "use_regex",
        "sort",
        "columns",
        "disable_stats",
        "lengths_age",
    ] {
        assert!(queues.iter().any(|known| known == name), "{name}");
    }
    assert!(!names("/bindings", "get").contains(&"page".to_owned()));
    assert!(!names("/queues/{vhost}/{name}", "get").contains(&"sort".to_owned()));
    assert_eq!(
        names("/queues/{vhost}/{name}", "delete"),
        ["if-unused", "if-empty"]
    );
    let needs = |path: &str| document["paths"][path]["get"]["description"].clone();
    assert_eq!(needs("/users"), "Needs the tag administrator.");
    assert_eq!(needs("/nodes"), "Needs the tag monitoring.");
    assert_eq!(needs("/policies"), "Needs the tag policymaker.");
    assert_eq!(needs("/queues"), "Needs the tag management.");
    let publish = "/exchanges/{vhost}/{name}/publish";
    let body = &document["paths"][publish]["post"]["requestBody"];
    let schema = &body["content"]["application/json"]["schema"];
    assert_eq!(schema["required"].as_array().unwrap().len(), 4);
    assert_eq!(schema["properties"]["payload"]["type"], "string");
}

#[tokio::test]
async fn exactly_the_methods_described_are_answered() {
    let setting = Setting::new();
    let groups = groups();
    let paths: BTreeSet<&str> = operations(&groups)
        .map(|operation| operation.path)
        .collect();
    for path in paths {
        for (verb, method) in [
            (Verb::GET, Method::Get),
            (Verb::PUT, Method::Put),
            (Verb::POST, Method::Post),
            (Verb::DELETE, Method::Delete),
        ] {
            let mut of_path = operations(&groups).filter(|operation| operation.path == path);
            let described = of_path.find(|operation| operation.method == method);
            if described.is_some_and(|operation| operation.answer == Answer::Events) {
                continue;
            }
            let reply = setting.ask(verb.clone(), &made_up(path), "").await;
            let taken = reply.status != StatusCode::METHOD_NOT_ALLOWED;
            assert_eq!(
                taken,
                described.is_some(),
                "{verb} {path}: {}",
                reply.status
            );
            assert!(
                reply.status != StatusCode::INTERNAL_SERVER_ERROR,
                "{verb} {path}"
            );
        }
    }
}

#[tokio::test]
async fn lists_answer_lists_and_pages_pages() {
    let setting = Setting::new();
    let groups = groups();
    let mut seen = 0;
    for operation in operations(&groups) {
        if !matches!(operation.answer, Answer::List | Answer::Page)
            || operation.method != Method::Get
            || operation.names().any(|name| name != "vhost")
        {
            continue;
        }
        let path = format!("{}?page=1", made_up(operation.path));
        let reply = setting.get(&path).await;
        assert_eq!(reply.status, StatusCode::OK, "{path}");
        let paged = operation.answer == Answer::Page;
        assert_eq!(reply.json()["items"].is_array(), paged, "{path}");
        assert_eq!(reply.json().is_array(), !paged, "{path}");
        seen += 1;
    }
    assert!(seen > 30, "{seen}");
}

#[tokio::test]
async fn the_description_is_served_to_anybody() {
    let setting = Setting::new();
    let anybody = |path: &str| Request::builder().uri(path).body(Body::empty()).unwrap();
    let file = setting.send(anybody("/api/openapi.json")).await;
    assert_eq!(file.status, StatusCode::OK);
    assert_eq!(file.header("content-type"), "application/json");
    assert_eq!(file.json()["openapi"], "3.0.3");
    assert_eq!(file.json()["servers"][0]["url"], "/api");
    let page = setting.send(anybody("/api/index.html")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let page = String::from_utf8(page.body).unwrap();
    for operation in operations(&groups()) {
        assert!(
            page.contains(&format!("<code>{}</code>", operation.path)),
            "{operation:?}"
        );
    }
    assert!(
        !page.contains("<script") && !page.contains("style="),
        "{page}"
    );
    let index = setting.send(anybody("/api")).await;
    assert_eq!(index.status, StatusCode::MOVED_PERMANENTLY);
    assert_eq!(index.header("location"), "/api/index.html");
    let other = setting.send(anybody("/api/overview")).await;
    assert_eq!(other.status, StatusCode::UNAUTHORIZED);
}
