//! What makes no sense without a cluster is answered as by its only node.

use axum::http::{Method, StatusCode};
use serde_json::json;

use super::setting::{Setting, assert_shape};

async fn with_queues() -> Setting {
    let setting = Setting::new();
    let quorum = r#"{"durable":true,"arguments":{"x-queue-type":"quorum"}}"#;
    setting.put("/api/queues/%2F/raft", quorum).await;
    setting
        .put("/api/queues/%2F/plain", r#"{"durable":true}"#)
        .await;
    setting
}

async fn node(setting: &Setting) -> String {
    let overview = setting.read("/api/overview").await;
    overview["node"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_feature_flag_is_on_and_stays_on() {
    let setting = Setting::new();
    let flags = setting.read("/api/feature-flags").await;
    for flag in flags.as_array().unwrap() {
        assert_shape(
            flag,
            "name:string desc:string doc_url:string stability:string state:string provided_by:string",
        );
        assert_eq!(flag["state"], "enabled", "{flag}");
    }
    let status = setting.put("/api/feature-flags/quorum_queue/enable", "{}");
    assert_eq!(status.await, StatusCode::NO_CONTENT);
    let status = setting.put("/api/feature-flags/no_such_flag/enable", "{}");
    assert_eq!(status.await, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_deprecated_feature_counts_as_used_while_something_uses_it() {
    let setting = Setting::new();
    for feature in setting
        .read("/api/deprecated-features")
        .await
        .as_array()
        .unwrap()
    {
        assert_shape(
            feature,
            "name:string desc:string doc_url:string deprecation_phase:string state:string \
             provided_by:string",
        );
    }
    let used = "/api/deprecated-features/used";
    assert_eq!(setting.read(used).await, json!([]));
    setting.put("/api/queues/%2F/fleeting", "{}").await;
    assert_eq!(
        setting.read(used).await[0]["name"],
        "transient_nonexcl_queues"
    );
}

#[tokio::test]
async fn a_quorum_queue_has_one_member_which_stays() {
    let setting = with_queues().await;
    let node = node(&setting).await;
    let status = setting.read("/api/queues/quorum/%2F/raft/status").await;
    assert_eq!(status[0]["Node Name"], *node);
    assert_eq!(status[0]["Raft State"], "leader");
    let queue = setting.read("/api/queues/%2F/raft").await;
    assert_eq!(queue["leader"], *node);
    assert_eq!(queue["members"], json!([node]));
    assert_eq!(queue["online"], json!([node]));
    assert_eq!(queue["delivery_limit"], 20);
    let here = format!("{{\"node\":\"{node}\"}}");
    let replicas = "/api/queues/quorum/%2F/raft/replicas";
    let added = setting.post(&format!("{replicas}/add"), &here).await;
    assert_eq!(added.status, StatusCode::NO_CONTENT);
    let elsewhere = setting
        .post(&format!("{replicas}/add"), r#"{"node":"rabbit@b"}"#)
        .await;
    assert_eq!(elsewhere.status, StatusCode::BAD_REQUEST);
    let removed = setting
        .ask(Method::DELETE, &format!("{replicas}/delete"), &here)
        .await;
    assert_eq!(removed.status, StatusCode::BAD_REQUEST);
    let on = format!("/api/queues/quorum/replicas/on/{node}");
    let grown = setting
        .post(&format!("{on}/grow"), r#"{"strategy":"all"}"#)
        .await;
    assert_eq!(grown.status, StatusCode::NO_CONTENT);
    let shrunk = setting
        .ask(Method::DELETE, &format!("{on}/shrink"), "")
        .await;
    assert_eq!(shrunk.json()[0]["error"], "last_node");
    assert_eq!(shrunk.json().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn other_queues_have_no_replicas() {
    let setting = with_queues().await;
    for (queue, expected) in [
        ("plain", StatusCode::BAD_REQUEST),
        ("missing", StatusCode::NOT_FOUND),
    ] {
        let path = format!("/api/queues/quorum/%2F/{queue}/status");
        assert_eq!(setting.get(&path).await.status, expected, "{queue}");
    }
}

#[tokio::test]
async fn leaders_need_no_rebalancing_and_queues_know_no_action() {
    let setting = with_queues().await;
    let balanced = setting.post("/api/rebalance/queues", "{}").await;
    assert_eq!(balanced.status, StatusCode::NO_CONTENT);
    let acted = setting.post("/api/queues/%2F/plain/actions", r#"{"action":"sync"}"#);
    assert_eq!(acted.await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn quorum_queues_have_leaders() {
    let setting = with_queues().await;
    let check = "/api/health/checks/quorum-queues-without-elected-leaders";
    for path in [
        "/all-vhosts",
        "/all-vhosts/pattern/%5Er",
        "/vhost/%2F",
        "/vhost/%2F/pattern/.%2A",
    ] {
        let answer = setting.read(&format!("{check}{path}")).await;
        assert_eq!(answer, json!({"status": "ok"}), "{path}");
    }
    let unknown = setting.get(&format!("{check}/vhost/nowhere")).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    let wrong = setting
        .get(&format!("{check}/all-vhosts/pattern/%28"))
        .await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    let size = setting
        .read("/api/health/checks/reached-target-cluster-size")
        .await;
    assert_eq!(size["status"], "ok");
}

#[tokio::test]
async fn memory_is_shown_in_bytes_and_in_percent() {
    let setting = Setting::new();
    let node = format!("/api/nodes/{}", node(&setting).await);
    let bytes = setting.read(&format!("{node}/memory")).await;
    assert_shape(
        &bytes,
        "memory/binary:number memory/other_ets:number memory/strategy:string \
         memory/total/rss:number memory/total/allocated:number memory/total/erlang:number",
    );
    let relative = setting.read(&format!("{node}/memory/relative")).await;
    assert_eq!(relative["memory"]["total"], 100);
    assert_eq!(setting.read(&node).await.get("memory"), None);
    let both = setting
        .read(&format!("{node}?memory=true&binary=true"))
        .await;
    assert_shape(&both, "memory/binary:number binary:object");
    let other = setting.get("/api/nodes/rabbit@b/memory/relative").await;
    assert_eq!(other.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_reset_forgets_the_past() {
    let setting = with_queues().await;
    setting.sample_at(1);
    setting.sample_at(2);
    assert!(setting.context.rates.read().global.is_some());
    assert_eq!(setting.delete("/api/reset").await, StatusCode::NO_CONTENT);
    assert!(setting.context.rates.read().global.is_none());
    let other = setting.delete("/api/reset/rabbit@b").await;
    assert_eq!(other, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn queues_are_listed_with_a_slash_behind_too() {
    let setting = with_queues().await;
    let queues = setting.read("/api/queues/").await;
    assert_eq!(queues, setting.read("/api/queues").await);
}
