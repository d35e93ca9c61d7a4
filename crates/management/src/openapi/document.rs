//! The description as `OpenAPI` 3.0.3.

use serde_json::{Map, Value, json};

use super::field::Field;
use super::operation::{Answer, Group, Operation};

/// The whole document, for an API below `prefix`.
pub(super) fn document(groups: &[Group], prefix: &str) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for group in groups {
        for operation in &group.operations {
            let item = paths
                .entry(operation.path)
                .or_insert_with(|| json!({ "parameters": parameters(operation) }));
            item[operation.method.key()] = method(group, operation);
        }
    }
    let tag = |group: &Group| json!({"name": group.name, "description": group.about});
    json!({
        "openapi": "3.0.3",
        "info": {
            "title": "Leveret's management API",
            "description": "RabbitMQ's HTTP API, and what Leveret adds to it below /leveret.",
            "version": env!("CARGO_PKG_VERSION"),
        },
        "servers": [{"url": format!("{prefix}/api")}],
        "security": [{"login": []}],
        "tags": groups.iter().map(tag).collect::<Vec<_>>(),
        "paths": paths,
        "components": components(),
    })
}

fn components() -> Value {
    let error = |description: &str| {
        let schema = json!({"$ref": "#/components/schemas/Error"});
        json!({
            "description": description,
            "content": {"application/json": {"schema": schema}},
        })
    };
    json!({
        "securitySchemes": {"login": {
            "type": "http",
            "scheme": "basic",
            "description": "A user of the broker that has a management tag.",
        }},
        "schemas": {
            "Error": {
                "type": "object",
                "required": ["error", "reason"],
                "properties": {
                    "error": {"type": "string"},
                    "reason": {"description": "A text, or a list of what is missing."},
                },
            },
            "Page": {
                "type": "object",
                "required": ["items", "page", "page_size", "page_count", "item_count",
                    "filtered_count", "total_count"],
                "properties": {
                    "items": {"type": "array", "items": {"type": "object"}},
                    "page": {"type": "integer"},
                    "page_size": {"type": "integer"},
                    "page_count": {"type": "integer"},
                    "item_count": {"type": "integer"},
                    "filtered_count": {"type": "integer"},
                    "total_count": {"type": "integer"},
                },
            },
        },
        "responses": {
            "BadRequest": error("The request makes no sense here."),
            "Refused": error("Not logged in, or not allowed."),
            "Missing": error("There is no such thing."),
            "Protected": error("It is protected from this."),
        },
    })
}

/// The parameters in a path.
fn parameters(operation: &Operation) -> Value {
    let parameter = |name: &str| {
        json!({
            "name": name,
            "in": "path",
            "required": true,
            "description": segment(name),
            "schema": {"type": "string", "minLength": 1},
        })
    };
    operation.names().map(parameter).collect()
}

/// What the names in paths stand for.
pub(super) fn segment(name: &str) -> &'static str {
    match name {
        "vhost" => "Virtual host; / is written %2F.",
        "user" => "Name of a user.",
        "node" => "Name of the node.",
        "exchange" => "Exchange; amq.default for the default one.",
        "source" => "Exchange that messages come from; amq.default for the default one.",
        "destination" => "Queue or exchange that messages go to.",
        "properties_key" => "Which of the bindings between the two; ~ for an empty routing key.",
        "component" => "What the parameter belongs to, such as shovel.",
        "id" => "Number of the message, from the list.",
        "pattern" => "Names; a regular expression.",
        "port" => "Port number.",
        "protocols" => "Protocols, separated by commas.",
        "within" => "A number of units.",
        "unit" => "days, weeks, months or years.",
        "password" => "The password in the clear.",
        _ => "Name of the object.",
    }
}

fn method(group: &Group, operation: &Operation) -> Value {
    let mut value = json!({
        "tags": [group.name],
        "operationId": id(operation),
        "summary": operation.summary,
        "description": format!("Needs the tag {}.", operation.role.tag()),
        "responses": responses(operation),
    });
    if !operation.query.is_empty() {
        value["parameters"] = operation.query.iter().map(|field| query(field)).collect();
    }
    if operation.takes_body {
        let content = json!({"application/json": {"schema": body(operation.body)}});
        let required = operation.body.iter().any(|field| field.required);
        value["requestBody"] = json!({"required": required, "content": content});
    }
    value
}

/// Method and path as one word.
fn id(operation: &Operation) -> String {
    let path = operation
        .path
        .replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    format!("{}{path}", operation.method.key())
}

fn query(field: &Field) -> Value {
    json!({
        "name": field.name,
        "in": "query",
        "required": field.required,
        "description": field.about,
        "schema": field.kind.schema(),
    })
}

fn body(fields: &[Field]) -> Value {
    let property = |field: &Field| {
        let mut schema = field.kind.schema();
        schema["description"] = field.about.into();
        (field.name.to_owned(), schema)
    };
    let properties: Map<String, Value> = fields.iter().map(property).collect();
    let required = fields.iter().filter(|field| field.required);
    let required: Vec<&str> = required.map(|field| field.name).collect();
    let mut schema = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    schema
}

fn responses(operation: &Operation) -> Value {
    let list = json!({"type": "array", "items": {"type": "object"}});
    let page = json!({"$ref": "#/components/schemas/Page"});
    let mut responses = match operation.answer {
        Answer::Object => json!({"200": json_answer("It.", &json!({}))}),
        Answer::List => json!({"200": json_answer("All of them.", &list)}),
        Answer::Page => json!({"200": json_answer(
            "All of them; one page of them if a page was asked for.",
            &json!({"oneOf": [list, page]}),
        )}),
        Answer::Events => {
            let content = json!({"text/event-stream": {"schema": {"type": "string"}}});
            json!({
                "200": {"description": "Events, without end.", "content": content},
                "503": {"description": "Too many listen already."},
            })
        }
        Answer::Check => json!({
            "200": json_answer("All is well.", &json!({"type": "object"})),
            "503": json_answer("The check failed.", &json!({"type": "object"})),
        }),
        Answer::Elsewhere => json!({"302": {"description": "Go on where `location` says."}}),
        Answer::Put => json!({
            "201": {"description": "It is new."},
            "204": {"description": "It was there."},
        }),
        Answer::Made => json!({"201": {
            "description": "It is there.",
            "headers": {"Location": {
                "description": "Where, relative to this address.",
                "schema": {"type": "string"},
            }},
        }}),
        Answer::Done => json!({"204": {"description": "Done."}}),
    };
    for (status, name) in [
        ("400", "BadRequest"),
        ("401", "Refused"),
        ("404", "Missing"),
    ] {
        responses[status] = json!({"$ref": format!("#/components/responses/{name}")});
    }
    if operation.path.starts_with("/vhosts/") && operation.answer == Answer::Done {
        responses["412"] = json!({"$ref": "#/components/responses/Protected"});
    }
    responses
}

fn json_answer(description: &str, schema: &Value) -> Value {
    json!({
        "description": description,
        "content": {"application/json": {"schema": schema}},
    })
}
