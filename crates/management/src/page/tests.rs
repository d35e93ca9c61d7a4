use serde_json::json;

use super::*;

fn rows() -> Vec<Value> {
    vec![
        json!({"name": "alpha", "messages": 3, "stats": {"rate": 0.5}, "a.b": 1}),
        json!({"name": "beta", "messages": 10, "stats": {"rate": 2.5}}),
        json!({"name": "Gamma", "messages": 1}),
    ]
}

fn query(parameters: &[(&str, &str)]) -> ListQuery {
    let object: Map<String, Value> = parameters
        .iter()
        .map(|(k, v)| ((*k).to_owned(), Value::from(*v)))
        .collect();
    serde_json::from_value(Value::Object(object)).unwrap()
}

fn read(listed: Result<Listed, ApiError>) -> Result<Value, ApiError> {
    listed.map(|Listed(text)| serde_json::from_slice(&text).unwrap())
}

fn list(parameters: &[(&str, &str)]) -> Result<Value, ApiError> {
    read(query(parameters).list(
        rows(),
        Paging::Offered,
        |row| row["name"].as_str().unwrap(),
        Clone::clone,
    ))
}

fn names(answer: &Value) -> Vec<&str> {
    let items = answer
        .as_array()
        .or_else(|| answer["items"].as_array())
        .unwrap();
    items
        .iter()
        .map(|item| item["name"].as_str().unwrap())
        .collect()
}

#[test]
fn without_parameters_everything_comes_in_its_order() {
    assert_eq!(list(&[]).unwrap(), Value::Array(rows()));
}

#[test]
fn a_page_says_what_it_is_a_page_of() {
    let page = list(&[("page", "1"), ("page_size", "2")]).unwrap();
    assert_eq!(names(&page), ["alpha", "beta"]);
    for (key, expected) in [
        ("total_count", 3),
        ("item_count", 2),
        ("filtered_count", 3),
        ("page", 1),
        ("page_size", 2),
        ("page_count", 2),
    ] {
        assert_eq!(page[key], expected, "{key}");
    }
}

#[test]
fn the_filter_needs_a_page_and_looks_anywhere_in_the_name() {
    assert_eq!(
        names(&list(&[("name", "a"), ("page", "1")]).unwrap()).len(),
        3
    );
    assert_eq!(
        names(&list(&[("name", "GAM"), ("page", "1")]).unwrap()),
        ["Gamma"]
    );
    assert_eq!(names(&list(&[("name", "GAM")]).unwrap()).len(), 3);
    let regex = [("name", "^(al|be)"), ("use_regex", "true"), ("page", "1")];
    assert_eq!(names(&list(&regex).unwrap()), ["alpha", "beta"]);
    assert!(list(&[("name", "("), ("use_regex", "true"), ("page", "1")]).is_err());
}

#[test]
fn a_page_beyond_the_end_is_refused() {
    assert!(list(&[("page", "2"), ("page_size", "3")]).is_ok());
    for bad in ["3", "0", "-1", "x", "99999999999999999999"] {
        assert!(list(&[("page", bad), ("page_size", "3")]).is_err(), "{bad}");
    }
    for bad in ["0", "501", ""] {
        assert!(list(&[("page", "1"), ("page_size", bad)]).is_err(), "{bad}");
    }
}

#[test]
fn a_list_without_pages_ignores_the_wish() {
    let query = query(&[("page", "9"), ("page_size", "1")]);
    let all = read(query.list(rows(), Paging::Ignored, |_| "", Clone::clone)).unwrap();
    assert_eq!(all.as_array().unwrap().len(), 3);
}

#[test]
fn a_list_without_pages_has_them_for_who_says_where_to_look() {
    let parameters = [
        ("page", "1"),
        ("name", "BETA"),
        ("search_in", "messages, name"),
    ];
    let page =
        read(query(&parameters).list(rows(), Paging::Ignored, |_| "", Clone::clone)).unwrap();
    assert_eq!(names(&page), ["beta"]);
    assert_eq!(page["total_count"], 3);
    assert_eq!(page["filtered_count"], 1);
    let parameters = [("page", "1"), ("sort", "name"), ("search_in", "name")];
    let page =
        read(query(&parameters).list(rows(), Paging::Ignored, |_| "", Clone::clone)).unwrap();
    assert_eq!(names(&page), ["Gamma", "alpha", "beta"]);
}

#[test]
fn rows_sort_by_any_path() {
    assert_eq!(
        names(&list(&[("sort", "messages")]).unwrap()),
        ["Gamma", "alpha", "beta"]
    );
    assert_eq!(
        names(&list(&[("sort", "stats.rate")]).unwrap()),
        ["Gamma", "alpha", "beta"]
    );
    let reverse = [("sort", "name"), ("sort_reverse", "true")];
    assert_eq!(names(&list(&reverse).unwrap()), ["beta", "alpha", "Gamma"]);
}

#[test]
fn equal_rows_stay_in_their_order_both_ways() {
    for reverse in ["true", "false"] {
        let sort = [("sort", "none"), ("sort_reverse", reverse)];
        assert_eq!(names(&list(&sort).unwrap()), ["alpha", "beta", "Gamma"]);
    }
    let unsorted = [("sort_reverse", "true")];
    assert_eq!(names(&list(&unsorted).unwrap()), ["Gamma", "beta", "alpha"]);
}

#[test]
fn columns_keep_the_shape() {
    let answer = list(&[("columns", "name,stats.rate,a.b,none")]).unwrap();
    assert_eq!(
        answer,
        json!([
            {"name": "alpha", "stats": {"rate": 0.5}, "a.b": 1},
            {"name": "beta", "stats": {"rate": 2.5}},
            {"name": "Gamma"},
        ])
    );
}

/// Sorts all of them stably, and cuts: what pages are checked against.
fn naive(rows: &[Value], order: Order) -> Vec<Value> {
    let mut rows = rows.to_vec();
    rows.sort_by(|a, b| order.of(compare(&a["key"], &b["key"])));
    rows
}

#[test]
fn every_page_is_that_of_the_whole_sorted_list() {
    // Many equal keys, some of none, in an order that looks random.
    let key = |n: u64| match n * 7919 % 13 {
        0 => Value::Null,
        key => Value::from(key / 2),
    };
    let rows: Vec<Value> = (0..250)
        .map(|n| json!({"name": format!("{n:03}"), "key": key(n)}))
        .collect();
    for (reverse, order) in [("false", Order::Ascending), ("true", Order::Descending)] {
        let expected = naive(&rows, order);
        for page in 1..=5 {
            let number = page.to_string();
            let query = query(&[
                ("page", number.as_str()),
                ("page_size", "60"),
                ("sort", "key"),
                ("sort_reverse", reverse),
            ]);
            let by_view = |key: Option<Key<'_, Value>>| {
                let rows = (rows.clone(), Paging::Offered);
                let listed =
                    query.list_by_key(rows, &Windows::default(), |_| "", |row, _| row.clone(), key);
                read(listed).unwrap()["items"].as_array().unwrap().clone()
            };
            let key = |row: &Value| row["key"].clone();
            for items in [by_view(None), by_view(Some(&key))] {
                let from = (page - 1) * 60;
                assert_eq!(items, expected[from..expected.len().min(from + 60)]);
            }
        }
    }
}
