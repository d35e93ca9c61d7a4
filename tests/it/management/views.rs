//! What is shown: overview, nodes, vhosts, connections, channels, consumers, queues, rates.

use serde_json::Value;
use tests::{
    Broker, Wire, eventually,
    http::segment,
    shared,
    wire::{Properties, Table, basic, connection, queue},
};

use super::{has, named};

/// The broker's entry for this connection, once it is there.
fn connection_of(broker: &Broker, w: &Wire) -> Value {
    let port = w.local().port();
    eventually("the connection to be listed", || {
        let list = broker.http().json("/connections");
        list.as_array()
            .unwrap()
            .iter()
            .find(|c| c["peer_port"] == port)
            .cloned()
    })
}

#[test]
fn overview_has_totals_listeners_and_versions() {
    let overview = shared().http().json("/overview");
    has(
        &overview,
        "management_version:string rabbitmq_version:string product_name:string",
    );
    has(
        &overview,
        "product_version:string cluster_name:string node:string rates_mode:string",
    );
    has(
        &overview,
        "erlang_version:string exchange_types:array message_stats:object",
    );
    has(
        &overview,
        "queue_totals:object object_totals:object churn_rates:object",
    );
    has(
        &overview,
        "listeners:array contexts:array statistics_db_event_queue:number",
    );
    let totals = &overview["object_totals"];
    has(
        totals,
        "connections:number channels:number exchanges:number queues:number",
    );
    has(totals, "consumers:number");
    let churn = &overview["churn_rates"];
    has(
        churn,
        "connection_created:number connection_closed:number channel_created:number",
    );
    has(
        churn,
        "channel_closed:number queue_declared:number queue_created:number",
    );
    has(
        churn,
        "queue_deleted:number connection_created_details:object",
    );
    for listener in overview["listeners"].as_array().unwrap() {
        has(
            listener,
            "node:string protocol:string ip_address:string port:number",
        );
    }
    let protocols: Vec<&Value> = overview["listeners"]
        .as_array()
        .unwrap()
        .iter()
        .map(|l| &l["protocol"])
        .collect();
    assert!(protocols.iter().any(|p| **p == "amqp"), "{protocols:?}");
    let port = shared().amqp().port();
    let ports = overview["listeners"]
        .as_array()
        .unwrap()
        .iter()
        .map(|l| &l["port"]);
    assert!(ports.clone().any(|p| *p == port));
}

#[test]
fn nodes_have_what_tools_read() {
    let nodes = shared().http().json("/nodes");
    let node = &nodes[0];
    has(
        node,
        "name:string type:string running:bool uptime:number run_queue:number",
    );
    has(
        node,
        "processors:number os_pid:string mem_used:number mem_limit:number",
    );
    has(
        node,
        "mem_alarm:bool disk_free:number disk_free_limit:number disk_free_alarm:bool",
    );
    has(
        node,
        "fd_used:number fd_total:number sockets_used:number sockets_total:number",
    );
    has(
        node,
        "proc_used:number proc_total:number rates_mode:string partitions:array",
    );
    has(
        node,
        "enabled_plugins:array being_drained:bool exchange_types:array",
    );
    has(
        node,
        "auth_mechanisms:array applications:array log_files:array config_files:array",
    );
    assert_eq!(node["os_pid"], shared().pid().to_string());
    assert_eq!(node["running"], true);
    let name = node["name"].as_str().unwrap();
    let same = shared().http().json(&format!("/nodes/{}", segment(name)));
    assert_eq!(same["name"], name);
}

#[test]
fn the_vhost_is_listed() {
    let http = shared().http();
    let list = http.json("/vhosts");
    let vhost = named(&list, "/");
    has(
        vhost,
        "description:string tags:array default_queue_type:string tracing:bool",
    );
    has(vhost, "cluster_state:object metadata:object");
    assert_eq!(http.json("/vhosts/%2F")["name"], "/");
}

#[test]
fn a_connection_is_shown() {
    let broker = Broker::start();
    let w = broker.open();
    let shown = connection_of(&broker, &w);
    has(
        &shown,
        "name:string user:string vhost:string node:string host:string port:number",
    );
    has(
        &shown,
        "peer_host:string peer_port:number protocol:string auth_mechanism:string",
    );
    has(
        &shown,
        "type:string state:string channels:number channel_max:number frame_max:number",
    );
    has(
        &shown,
        "timeout:number connected_at:number client_properties:object ssl:bool",
    );
    has(&shown, "recv_oct:number send_oct:number");
    for (key, value) in [
        ("user", "guest"),
        ("vhost", "/"),
        ("protocol", "AMQP 0-9-1"),
        ("auth_mechanism", "PLAIN"),
        ("state", "running"),
    ] {
        assert_eq!(shown[key], value, "{key}");
    }
    assert_eq!(shown["channel_max"], 2047);
    assert_eq!(shown["frame_max"], 131_072);
    assert_eq!(shown["client_properties"]["product"], "raw");
    assert_eq!(
        shown["client_properties"]["capabilities"]["basic.nack"],
        true
    );
    let name = shown["name"].as_str().unwrap();
    assert_eq!(name, format!("{} -> {}", w.local(), broker.amqp()));
    assert_eq!(
        broker
            .http()
            .json(&format!("/connections/{}", segment(name)))["name"],
        name
    );
}

#[test]
fn channels_and_consumers_are_shown() {
    let broker = Broker::start();
    let mut w = broker.open();
    w.declare("mv-q", queue::EXCLUSIVE);
    w.call(1, &basic::qos(7, false), basic::QOS_OK);
    let consume = basic::consume("mv-q", "mine", 0, &Table::new().int("x-priority", 3));
    w.call(1, &consume, basic::CONSUME_OK);
    w.confirm_select();
    w.open_channel(2);
    let http = broker.http();
    let shown = connection_of(&broker, &w);
    let name = shown["name"].as_str().unwrap();
    eventually("two channels to be shown", || {
        let list = http.json(&format!("/connections/{}/channels", segment(name)));
        (list.as_array().unwrap().len() == 2).then_some(())
    });
    assert_eq!(http.json("/channels").as_array().unwrap().len(), 2);

    let path = format!("/channels/{}", segment(&format!("{name} (1)")));
    let channel = eventually("the channel's state", || {
        let channel = http.json(&path);
        (channel["confirm"] == true).then_some(channel)
    });
    has(
        &channel,
        "number:number user:string vhost:string node:string state:string",
    );
    has(
        &channel,
        "transactional:bool confirm:bool consumer_count:number",
    );
    has(
        &channel,
        "messages_unacknowledged:number messages_unconfirmed:number",
    );
    has(
        &channel,
        "messages_uncommitted:number acks_uncommitted:number prefetch_count:number",
    );
    has(
        &channel,
        "global_prefetch_count:number connection_details:object",
    );
    assert_eq!(channel["number"], 1);
    assert_eq!(channel["connection_details"]["name"], name);

    let consumers = http.json("/consumers/%2F");
    let consumer = &consumers[0];
    assert_eq!(consumer["consumer_tag"], "mine");
    assert_eq!(consumer["queue"]["name"], "mv-q");
    assert_eq!(consumer["ack_required"], true);
    assert_eq!(consumer["exclusive"], false);
    assert_eq!(consumer["active"], true);
    assert_eq!(consumer["prefetch_count"], 7);
    assert_eq!(consumer["arguments"]["x-priority"], 3);
    assert_eq!(consumer["channel_details"]["connection_name"], name);
    assert_eq!(http.json("/consumers").as_array().unwrap().len(), 1);
    eventually("the queue's consumer", || {
        let shown = http.json("/queues/%2F/mv-q");
        let tag = &shown["consumer_details"][0]["consumer_tag"];
        (tag == "mine" && shown["consumers"] == 1).then_some(())
    });
}

#[test]
fn a_connection_is_closed_over_http_with_320() {
    let mut w = shared().open();
    let shown = connection_of(shared(), &w);
    let path = format!("/connections/{}", segment(shown["name"].as_str().unwrap()));
    shared().http().delete(&path).ok(204);
    let close = w.method(0);
    assert_eq!(close.id, connection::CLOSE);
    let mut read = close.read();
    assert_eq!(read.short(), 320);
    assert_eq!(
        read.shortstr(),
        "CONNECTION_FORCED - Closed via management plugin"
    );
    w.send(0, &connection::close_ok());
    w.expect_end();
    eventually("the connection to be gone", || {
        (shared().http().get(&path).status == 404).then_some(())
    });
}

#[test]
fn the_name_a_client_gives_its_connection_is_shown() {
    let (mut w, _) = Wire::greet(shared().amqp());
    let properties = Table::new().str("connection_name", "my worker");
    let plain = tests::wire::plain("guest", "guest");
    w.send(0, &connection::start_ok(&properties, "PLAIN", &plain));
    w.expect(0, connection::TUNE);
    w.send(0, &connection::tune_ok(2047, 131_072, 0));
    w.call(0, &connection::open("/"), connection::OPEN_OK);
    let shown = connection_of(shared(), &w);
    assert_eq!(shown["user_provided_name"], "my worker");
}

#[test]
fn a_queue_counts_its_messages() {
    let mut w = shared().open();
    w.declare("mv-count", queue::AUTO_DELETE);
    for _ in 0..5 {
        w.publish(
            1,
            &basic::publish("", "mv-count", 0),
            &Properties::persistent(),
            "12345",
        );
    }
    w.get("mv-count", false).unwrap();
    w.get("mv-count", false).unwrap();
    w.expect_silence();
    let http = shared().http();
    let queue = eventually("the counts", || {
        let queue = http.json("/queues/%2F/mv-count");
        let counts = ["messages", "messages_ready", "messages_unacknowledged"];
        let counts = counts.map(|key| queue[key].as_u64().unwrap_or_default());
        (counts == [5, 3, 2]).then_some(queue)
    });
    has(
        &queue,
        "node:string state:string memory:number message_bytes:number",
    );
    has(
        &queue,
        "policy:any operator_policy:any effective_policy_definition:object",
    );
    let list = http.json("/queues/%2F");
    has(
        named(&list, "mv-count"),
        "messages:number messages_ready:number consumers:number",
    );
    let columns = http.json("/queues/%2F?columns=name,messages");
    let item = named(&columns, "mv-count");
    assert_eq!(item.as_object().unwrap().len(), 2, "{item}");
    w.call(1, &queue::delete("mv-count", 0), queue::DELETE_OK);
}

#[test]
fn message_rates_appear() {
    let broker = Broker::start();
    let mut w = broker.open();
    w.declare("mv-rates", queue::EXCLUSIVE);
    w.consume("mv-rates", "", basic::NO_ACK);
    let http = broker.http();
    eventually("a publish rate", || {
        for _ in 0..100 {
            w.enqueue("mv-rates", "x");
        }
        w.bodies(100);
        let overview = http.json("/overview");
        let stats = &overview["message_stats"];
        let rate = |key: &str| stats[key]["rate"].as_f64().unwrap_or_default();
        (rate("publish_details") > 0.0 && rate("deliver_get_details") > 0.0).then_some(())
    });
    let stats = &http.json("/queues/%2F/mv-rates")["message_stats"];
    has(
        stats,
        "publish:number publish_details:object deliver_no_ack:number deliver_get:number",
    );
}

#[test]
fn lists_are_cut_into_pages() {
    let broker = Broker::start();
    let mut w = broker.open();
    for n in 0..7 {
        w.declare(&format!("mv-page-{n}"), queue::EXCLUSIVE);
    }
    let http = broker.http();
    let page = http.json("/queues?page=2&page_size=3&sort=name");
    assert_eq!(page["page"], 2);
    assert_eq!(page["page_size"], 3);
    assert_eq!(page["page_count"], 3);
    assert_eq!(page["total_count"], 7);
    assert_eq!(page["filtered_count"], 7);
    assert_eq!(page["item_count"], 3);
    assert_eq!(page["items"][0]["name"], "mv-page-3");
    let page = http.json("/queues?page=1&page_size=5&name=page-6");
    assert_eq!(page["filtered_count"], 1);
    assert_eq!(page["items"][0]["name"], "mv-page-6");
    let page = http.json("/queues?page=1&name=page-%5B12%5D%24&use_regex=true");
    assert_eq!(page["filtered_count"], 2);
    http.get("/queues?page=nonsense").ok(400);
    http.get("/queues?page=99&page_size=5").ok(400);
}

#[test]
fn a_header_narrows_connections_and_channels_to_a_virtual_host() {
    let broker = Broker::start();
    let _w = broker.open();
    let http = broker.http();
    http.put("/vhosts/mv-empty", &serde_json::json!({})).ok(201);
    for path in ["/connections", "/channels"] {
        for (vhost, count) in [("/", 1), ("mv-empty", 0), ("", 1)] {
            let http = http.clone().with_header("X-Vhost", vhost);
            eventually("the list", || {
                let list = http.json(path);
                (list.as_array().unwrap().len() == count).then_some(())
            });
        }
    }
}
