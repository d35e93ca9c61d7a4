//! The description as a page: a table of operations for each group. No script, and the
//! dashboard's style.

use std::fmt::Write;

use super::document::segment;
use super::field::Field;
use super::operation::{Answer, Group, Operation};

const HEAD: &str = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
    <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
    <meta name=\"color-scheme\" content=\"light dark\">\n\
    <title>Leveret's management API</title>\n\
    <link rel=\"icon\" href=\"../logo.svg\" type=\"image/svg+xml\">\n\
    <link rel=\"stylesheet\" href=\"../css/base.css\">\n\
    <link rel=\"stylesheet\" href=\"../css/parts.css\">\n</head>\n<body>\n<main id=\"page\">\n\
    <h1>Leveret's management API</h1>\n\
    <p>RabbitMQ's HTTP API, and what Leveret adds to it below <code>/leveret</code>. Every path \
    begins with <code>/api</code> and needs HTTP basic authentication. The same for tools: \
    <a class=\"entity\" href=\"openapi.json\">openapi.json</a>.</p>\n";

/// The whole page.
pub(super) fn page(groups: &[Group]) -> String {
    let mut page = HEAD.to_owned();
    page.push_str("<p>");
    for group in groups {
        let _ = write!(
            page,
            "<a class=\"entity\" href=\"#{}\">{}</a> · ",
            anchor(group),
            text(group.name)
        );
    }
    page.push_str("</p>\n");
    for group in groups {
        let _ = write!(
            page,
            "<h2 id=\"{}\">{}</h2>\n<p>{}</p>\n<table>\n<thead><tr><th>Method</th><th>Path</th>\
             <th>What it does</th><th>Takes</th><th>Answers</th><th>Needs</th></tr></thead>\n\
             <tbody>\n",
            anchor(group),
            text(group.name),
            text(group.about),
        );
        for operation in &group.operations {
            row(&mut page, operation);
        }
        page.push_str("</tbody>\n</table>\n");
    }
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

fn anchor(group: &Group) -> String {
    group.name.to_ascii_lowercase().replace(' ', "-")
}

fn row(page: &mut String, operation: &Operation) {
    let mut takes = String::new();
    for name in operation.names() {
        line(&mut takes, name, "in the path", segment(name));
    }
    for field in &operation.query {
        described(&mut takes, field, "query");
    }
    for field in operation.body {
        described(&mut takes, field, "body");
    }
    if !takes.is_empty() {
        takes = format!(
            "<details><summary>{}</summary>{takes}</details>",
            count(operation)
        );
    }
    let _ = writeln!(
        page,
        "<tr><td>{}</td><td><code>{}</code></td><td>{}</td><td>{takes}</td><td>{}</td><td>{}</td>\
         </tr>",
        operation.method.key().to_ascii_uppercase(),
        text(operation.path),
        text(operation.summary),
        answer(operation.answer),
        operation.role.tag(),
    );
}

fn count(operation: &Operation) -> String {
    let all = operation.names().count() + operation.query.len() + operation.body.len();
    let required = operation.body.iter().filter(|field| field.required).count();
    let values = if all == 1 { "value" } else { "values" };
    match required {
        0 => format!("{all} {values}"),
        _ => format!("{all} {values}, {required} of the body required"),
    }
}

fn described(takes: &mut String, field: &Field, place: &str) {
    let required = if field.required { ", required" } else { "" };
    let kind = format!("{place}, {}{required}", field.kind.words());
    line(takes, field.name, &kind, field.about);
}

fn line(takes: &mut String, name: &str, kind: &str, about: &str) {
    let (name, kind, about) = (text(name), text(kind), text(about));
    let _ = write!(takes, "<div><code>{name}</code> ({kind}): {about}</div>");
}

const fn answer(answer: Answer) -> &'static str {
    match answer {
        Answer::Object => "200 with an object",
        Answer::List => "200 with a list",
        Answer::Page => "200 with a list or a page",
        Answer::Events => "200 with events",
        Answer::Check => "200 or 503",
        Answer::Put => "201 or 204",
        Answer::Made => "201",
        Answer::Done => "204",
        Answer::Elsewhere => "302",
    }
}

fn text(raw: &str) -> String {
    let escaped = raw.replace('&', "&amp;").replace('<', "&lt;");
    escaped.replace('>', "&gt;")
}
