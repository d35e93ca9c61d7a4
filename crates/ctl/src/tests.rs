use serde_json::{Value, json};

use crate::output::{Format, Output, Talk};
use crate::verbs::VERBS;
use crate::{called_as, command};

#[test]
fn every_verb_parses_and_none_is_there_twice() {
    command("leveret").debug_assert();
    let mut names: Vec<_> = VERBS
        .iter()
        .copied()
        .flatten()
        .map(|verb| verb.name)
        .collect();
    names.sort_unstable();
    let n = names.len();
    names.dedup();
    assert_eq!(names.len(), n);
}

#[test]
fn options_stand_before_or_behind_the_verb() {
    for line in [
        ["x", "-p", "v", "-q", "list_queues", "name", "messages"],
        ["x", "list_queues", "-p", "v", "name", "-q", "messages"],
    ] {
        let matches = command("x").try_get_matches_from(line).unwrap();
        let (verb, given) = matches.subcommand().unwrap();
        assert_eq!(verb, "list_queues");
        assert_eq!(given.get_one::<String>("vhost").unwrap(), "v");
        let columns: Vec<_> = given.get_many::<String>("column").unwrap().collect();
        assert_eq!(columns, ["name", "messages"]);
        assert!(given.get_flag("quiet"));
    }
}

#[test]
fn patterns_may_be_empty_or_begin_with_a_dash() {
    let line = ["x", "set_permissions", "bob", "", "-a", ".*"];
    let matches = command("x").try_get_matches_from(line).unwrap();
    let (_, given) = matches.subcommand().unwrap();
    assert_eq!(given.get_one::<String>("write").unwrap(), "-a");
}

#[test]
fn rabbitmqs_program_names_stand_for_it() {
    for name in [
        "rabbitmqctl",
        "/usr/sbin/rabbitmqctl",
        "rabbitmq-diagnostics",
    ] {
        assert!(called_as(name), "{name}");
    }
    for name in ["leveret", "rabbitmqadmin", ""] {
        assert!(!called_as(name), "{name}");
    }
}

fn queues() -> Output {
    Output::Table {
        title: "Listing queues ...".to_owned(),
        columns: vec!["name".to_owned(), "messages".to_owned()],
        rows: vec![
            vec![Value::from("a,b"), Value::from(3)],
            vec![Value::from("c\td"), Value::Null],
        ],
    }
}

#[test]
fn tables_are_printed_as_rabbitmqctl_does() {
    let table = |talk| queues().render(Format::Table, talk);
    let rows = "a,b\t3\nc\\td\t\n";
    assert_eq!(table(Talk::Silent), rows);
    assert_eq!(table(Talk::Quiet), format!("name\tmessages\n{rows}"));
    assert_eq!(
        table(Talk::Full),
        format!("Listing queues ...\nname\tmessages\n{rows}")
    );
}

#[test]
fn other_formats_hold_the_same_values() {
    let csv = queues().render(Format::Csv, Talk::Quiet);
    assert_eq!(csv, "name,messages\n\"a,b\",3\nc\\td,\n");
    let parsed: Value = serde_json::from_str(&queues().render(Format::Json, Talk::Full)).unwrap();
    assert_eq!(parsed[0], json!({ "name": "a,b", "messages": 3 }));
    let framed = queues().render(Format::Pretty, Talk::Full);
    assert!(framed.contains("│ a,b  │ 3        │"), "{framed}");
}

#[test]
fn what_was_done_is_not_said_when_asked_to_be_quiet() {
    let done = Output::Done("Deleting user \"x\" ...".to_owned());
    assert_eq!(done.render(Format::Table, Talk::Quiet), "");
    assert!(!done.render(Format::Table, Talk::Full).is_empty());
}
