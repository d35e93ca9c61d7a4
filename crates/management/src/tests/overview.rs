//! Overview, node and the small resources: all fields, of the right type.

use axum::http::StatusCode;
use serde_json::json;

use super::setting::{Setting, assert_shape};

#[tokio::test]
async fn the_overview_has_all_its_fields() {
    let setting = Setting::new();
    setting
        .put("/api/queues/%2F/q", r#"{"durable":true}"#)
        .await;
    let overview = setting.read("/api/overview").await;
    assert_shape(
        &overview,
        "management_version:string rates_mode:string sample_retention_policies/global:array
         sample_retention_policies/basic:array sample_retention_policies/detailed:array
         exchange_types:array product_version:string product_name:string rabbitmq_version:string
         cluster_name:string cluster_tags:object node_tags:object erlang_version:string
         erlang_full_version:string crypto_lib_version:string disable_stats:bool
         default_queue_type:string is_op_policy_updating_enabled:bool enable_queue_totals:bool
         require_definition_json_extension:bool statistics_db_event_queue:number node:string
         listeners:array contexts:array message_stats/publish:number
         message_stats/publish_details/rate:number message_stats/disk_reads:number
         message_stats/disk_writes_details/rate:number churn_rates/queue_created:number
         churn_rates/connection_closed_details/rate:number queue_totals/messages:number
         queue_totals/messages_ready_details/rate:number
         queue_totals/messages_unacknowledged:number",
    );
    let totals =
        json!({"connections": 0, "channels": 0, "exchanges": 8, "queues": 1, "consumers": 0});
    assert_eq!(overview["object_totals"], totals);
    assert_eq!(overview["churn_rates"]["queue_created"], 1);
    assert_eq!(overview["listeners"][0]["port"], 5672);
    assert_eq!(overview["contexts"][0]["port"], "15672");
}

#[tokio::test]
async fn the_node_has_all_its_fields() {
    let setting = Setting::new();
    let nodes = setting.read("/api/nodes").await;
    let name = nodes[0]["name"].as_str().unwrap().to_owned();
    let node = setting.read(&format!("/api/nodes/{name}")).await;
    assert_shape(
        &node,
        "name:string type:string running:bool being_drained:bool os_pid:string uptime:number
         run_queue:number processors:number rates_mode:string net_ticktime:number
         mem_used:number mem_used_details/rate:number mem_limit:number mem_alarm:bool
         mem_calculation_strategy:string disk_free:number disk_free_limit:number
         disk_free_alarm:bool fd_used:number fd_total:number sockets_used:number
         sockets_total:number proc_used:number proc_total:number gc_num:number
         gc_bytes_reclaimed:number context_switches:number io_read_avg_time:number
         io_write_bytes_details/rate:number io_sync_avg_time:number
         io_sync_avg_time_details/rate:number io_seek_count:number io_reopen_count:number
         mnesia_ram_tx_count:number msg_store_write_count:number queue_index_read_count:number
         connection_created:number queue_deleted_details/rate:number
         ra_open_file_metrics/ra_log_wal:number metrics_gc_queue_length/queue_deleted:number
         partitions:array exchange_types:array auth_mechanisms:array applications:array
         contexts:array log_files:array db_dir:string config_files:array enabled_plugins:array
         cluster_links:array",
    );
    assert_eq!(
        setting.get("/api/nodes/other").await.status,
        StatusCode::NOT_FOUND
    );
    let chosen = setting
        .read("/api/nodes?columns=name,mem_used_details.rate")
        .await;
    assert_eq!(chosen[0].as_object().unwrap().len(), 2);
}

#[tokio::test]
async fn small_resources_answer() {
    let setting = Setting::new();
    assert_eq!(
        setting.read("/api/whoami").await,
        json!({"name": "guest", "tags": ["administrator"], "is_internal_user": true})
    );
    assert_eq!(
        setting.read("/api/version").await,
        json!(broker::RABBITMQ_VERSION)
    );
    assert_shape(&setting.read("/api/cluster-name").await, "name:string");
    assert_shape(
        &setting.read("/api/users/guest").await,
        "name:string password_hash:string hashing_algorithm:string tags:array limits:object",
    );
    assert_eq!(
        setting.read("/api/permissions/%2F/guest").await,
        json!({"user": "guest", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"})
    );
    assert_eq!(
        setting
            .read("/api/users/guest/permissions")
            .await
            .as_array()
            .unwrap()
            .len(),
        1
    );
    for path in [
        "/api/policies",
        "/api/parameters/shovel/%2F",
        "/api/extensions",
    ] {
        assert_eq!(setting.read(path).await, json!([]), "{path}");
    }
}

#[tokio::test]
async fn alarms_are_shown_by_the_node_and_fail_their_health_checks() {
    let setting = Setting::new();
    let seen = broker::Resources {
        memory_used: 11,
        memory_limit: 10,
        disk_free: 4,
        disk_free_limit: 5,
    };
    setting.context.broker.observe(&seen);
    let node = setting.read("/api/nodes").await[0].clone();
    for (field, value) in [
        ("mem_used", json!(11)),
        ("mem_limit", json!(10)),
        ("mem_alarm", json!(true)),
        ("disk_free", json!(4)),
        ("disk_free_limit", json!(5)),
        ("disk_free_alarm", json!(true)),
    ] {
        assert_eq!(node[field], value, "{field}");
    }
    let alarms = json!([
        {"node": node["name"], "resource": "memory"},
        {"node": node["name"], "resource": "disk"},
    ]);
    for (check, reason) in [
        ("alarms", "There are alarms in effect in the cluster"),
        ("local-alarms", "There are alarms in effect on the node"),
    ] {
        let reply = setting.get(&format!("/api/health/checks/{check}")).await;
        assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(
            reply.json(),
            json!({"status": "failed", "reason": reason, "alarms": alarms})
        );
    }
    setting.context.broker.observe(&broker::Resources {
        memory_used: 10,
        disk_free: 5,
        ..seen
    });
    let reply = setting.get("/api/health/checks/alarms").await;
    assert_eq!(reply.json(), json!({"status": "ok"}));
    let node = setting.read("/api/nodes").await[0].clone();
    assert_eq!(node["mem_alarm"], false);
}

#[tokio::test]
async fn health_checks_answer() {
    let setting = Setting::new();
    for path in [
        "/api/health/checks/alarms",
        "/api/health/checks/local-alarms",
        "/api/health/checks/virtual-hosts",
        "/api/health/checks/node-is-quorum-critical",
        "/api/health/checks/certificate-expiration/1/months",
        "/api/health/checks/port-listener/5672",
        "/api/health/checks/protocol-listener/amqp,http",
        "/api/aliveness-test/%2F",
        "/api/healthchecks/node",
    ] {
        assert_eq!(setting.read(path).await["status"], "ok", "{path}");
    }
    let missing = setting.get("/api/health/checks/port-listener/1").await;
    assert_eq!(missing.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(missing.json()["status"], "failed");
    let missing = setting
        .get("/api/health/checks/protocol-listener/mqtt")
        .await;
    assert_eq!(missing.status, StatusCode::SERVICE_UNAVAILABLE);
    let bad = setting.get("/api/health/checks/port-listener/x").await;
    assert_eq!(bad.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn virtual_hosts_come_and_go() {
    let setting = Setting::new();
    assert_eq!(
        setting.put("/api/vhosts/a%2Fb", "").await,
        StatusCode::CREATED
    );
    assert_eq!(
        setting.put("/api/vhosts/a%2Fb", "{}").await,
        StatusCode::NO_CONTENT
    );
    let vhost = setting.read("/api/vhosts/a%2Fb").await;
    assert_shape(
        &vhost,
        "name:string description:string tags:array default_queue_type:string metadata:object
         metadata/tags:array protected_from_deletion:bool tracing:bool cluster_state:object
         messages:number messages_details/rate:number messages_ready:number
         messages_unacknowledged:number recv_oct:number send_oct_details/rate:number",
    );
    assert_eq!(
        setting.read("/api/vhosts").await.as_array().unwrap().len(),
        2
    );
    assert_eq!(
        setting.put("/api/queues/a%2Fb/q", "{}").await,
        StatusCode::CREATED
    );
    assert_eq!(
        setting.delete("/api/vhosts/a%2Fb").await,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        setting.delete("/api/vhosts/a%2Fb").await,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        setting.get("/api/queues/a%2Fb").await.status,
        StatusCode::NOT_FOUND
    );
}
