//! Policies and parameters: set, listed, shown where they apply, cleared.

use axum::http::{Method, StatusCode};
use serde_json::json;

use super::setting::{Setting, assert_shape};

const POLICY: &str = r#"{"pattern":"^q","definition":{"message-ttl":7},"priority":2}"#;

#[tokio::test]
async fn a_policy_is_put_got_and_deleted() {
    let setting = Setting::new();
    let path = "/api/policies/%2F/p%201";
    assert_eq!(setting.put(path, POLICY).await, StatusCode::CREATED);
    assert_eq!(setting.put(path, POLICY).await, StatusCode::NO_CONTENT);
    let policy = setting.read(path).await;
    assert_eq!(
        policy,
        json!({
            "vhost": "/", "name": "p 1", "pattern": "^q", "apply-to": "all", "priority": 2,
            "definition": {"message-ttl": 7}
        })
    );
    for list in ["/api/policies", "/api/policies/%2F"] {
        assert_eq!(setting.read(list).await, json!([policy]));
    }
    assert_eq!(setting.read("/api/operator-policies").await, json!([]));
    assert_eq!(setting.read("/api/parameters").await, json!([]));
    assert_eq!(setting.delete(path).await, StatusCode::NO_CONTENT);
    assert_eq!(setting.delete(path).await, StatusCode::NOT_FOUND);
    assert_eq!(setting.get(path).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_wrong_policy_is_refused_with_rabbitmqs_words() {
    let setting = Setting::new();
    for (body, reason) in [
        (
            r#"{"definition":{"expires":1}}"#,
            json!([["key_missing", "pattern"]]),
        ),
        (r#"{"pattern":"x"}"#, json!([["key_missing", "definition"]])),
        (
            r#"{"pattern":"x","definition":{}}"#,
            json!("Validation failed\n\nno policy provided\n"),
        ),
        (
            r#"{"pattern":"x","definition":{"foo":"bar"}}"#,
            json!(
                "Validation failed\n\n[{&lt;&lt;\"foo\"&gt;&gt;,&lt;&lt;\"bar\"&gt;&gt;}] are not \
                 recognised policy settings\n"
            ),
        ),
    ] {
        let reply = setting.ask(Method::PUT, "/api/policies/%2F/p", body).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(
            reply.json(),
            json!({"error": "bad_request", "reason": reason})
        );
    }
    let nowhere = setting
        .ask(Method::PUT, "/api/policies/none/p", POLICY)
        .await;
    assert_eq!(nowhere.status, StatusCode::NOT_FOUND);
    assert_eq!(nowhere.json()["reason"], "vhost_not_found");
}

#[tokio::test]
async fn queues_and_exchanges_show_the_policies_that_apply() {
    let setting = Setting::new();
    setting
        .put("/api/queues/%2F/q", r#"{"durable":true}"#)
        .await;
    setting
        .put("/api/exchanges/%2F/qx", r#"{"type":"direct"}"#)
        .await;
    setting.put("/api/policies/%2F/p", POLICY).await;
    let operator = r#"{"pattern":"","definition":{"message-ttl":5,"max-length":9}}"#;
    setting.put("/api/operator-policies/%2F/o", operator).await;
    let queue = setting.read("/api/queues/%2F/q").await;
    assert_eq!(queue["policy"], "p");
    assert_eq!(queue["operator_policy"], "o");
    assert_eq!(
        queue["effective_policy_definition"],
        json!({"message-ttl": 5, "max-length": 9})
    );
    assert_eq!(setting.read("/api/exchanges/%2F/qx").await["policy"], "p");
    let parameters = setting.read("/api/parameters/operator_policy/%2F").await;
    assert_shape(
        &parameters[0],
        "vhost:string component:string name:string value:object",
    );
    assert_eq!(
        setting.delete("/api/operator-policies/%2F/o").await,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        setting.delete("/api/policies/%2F/p").await,
        StatusCode::NO_CONTENT
    );
    let queue = setting.read("/api/queues/%2F/q").await;
    assert_eq!(queue["policy"], json!(null));
    assert_eq!(queue["effective_policy_definition"], json!({}));
}

#[tokio::test]
async fn parameters_are_put_got_and_deleted() {
    let setting = Setting::new();
    let path = "/api/parameters/shovel/%2F/s";
    let body = r#"{"value":{"src-uri":"amqp://"}}"#;
    assert_eq!(setting.put(path, body).await, StatusCode::CREATED);
    assert_eq!(setting.put(path, body).await, StatusCode::NO_CONTENT);
    let parameter = json!({
        "vhost": "/", "component": "shovel", "name": "s", "value": {"src-uri": "amqp://"}
    });
    for list in ["", "/shovel", "/shovel/%2F"] {
        let list = setting.read(&format!("/api/parameters{list}")).await;
        assert_eq!(list, json!([parameter]));
    }
    assert_eq!(setting.read(path).await, parameter);
    assert_eq!(setting.delete(path).await, StatusCode::NO_CONTENT);
    assert_eq!(setting.delete(path).await, StatusCode::NOT_FOUND);
    let unknown = setting
        .ask(Method::PUT, "/api/parameters/foo/%2F/x", r#"{"value":1}"#)
        .await;
    assert_eq!(unknown.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        unknown.json()["reason"],
        "Validation failed\n\ncomponent foo not found\n"
    );
    let bare = setting.ask(Method::PUT, path, "{}").await;
    assert_eq!(bare.json()["reason"], json!([["key_missing", "value"]]));
    assert_eq!(
        setting.get("/api/parameters/shovel/none").await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn global_parameters_are_put_got_and_deleted() {
    let setting = Setting::new();
    let path = "/api/global-parameters/g";
    assert_eq!(
        setting.put(path, r#"{"value":{"a":1}}"#).await,
        StatusCode::CREATED
    );
    assert_eq!(
        setting.put(path, r#"{"value":{"a":2}}"#).await,
        StatusCode::NO_CONTENT
    );
    let parameter = json!({"name": "g", "value": {"a": 2}});
    assert_eq!(setting.read(path).await, parameter);
    let list = setting.read("/api/global-parameters").await;
    assert!(list.as_array().unwrap().contains(&parameter), "{list}");
    assert_eq!(setting.delete(path).await, StatusCode::NO_CONTENT);
    assert_eq!(setting.delete(path).await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_cluster_can_be_named() {
    let setting = Setting::new();
    let put = setting
        .put("/api/cluster-name", r#"{"name":"hares"}"#)
        .await;
    assert_eq!(put, StatusCode::NO_CONTENT);
    assert_eq!(
        setting.read("/api/cluster-name").await,
        json!({"name": "hares"})
    );
    assert_eq!(setting.read("/api/overview").await["cluster_name"], "hares");
    let bare = setting.ask(Method::PUT, "/api/cluster-name", "{}").await;
    assert_eq!(bare.json()["reason"], json!([["key_missing", "name"]]));
}
