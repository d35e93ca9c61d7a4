//! What went between channels, exchanges and queues.

use serde_json::Value;
use tests::{
    Broker, Http, Wire, eventually,
    http::segment,
    wire::{Properties, Table, basic, exchange, queue},
};

use super::has;

/// The only entry of a list, once it is there.
#[track_caller]
fn only(http: &Http, path: &str, list: &str) -> Value {
    eventually(list, || {
        let shown = http.json(path);
        let entries = shown[list].as_array().unwrap();
        assert!(entries.len() < 2, "{shown:#}");
        entries.first().cloned()
    })
}

fn publish(w: &mut Wire, key: &str, flags: u8) {
    let publish = basic::publish("mp-x", key, flags);
    w.publish(1, &publish, &Properties::new(), "x");
}

/// `mp-x` leads to `mp-q` by the key `k`.
fn begin(broker: &Broker) -> (Wire, String) {
    let mut w = broker.open();
    w.declare_exchange("mp-x", "direct", 0, &Table::new());
    w.declare("mp-q", queue::EXCLUSIVE);
    w.bind("mp-q", "mp-x", "k");
    let port = w.local().port();
    let name = eventually("the connection", || {
        let list = broker.http().json("/connections");
        let found = list.as_array()?.iter().find(|c| c["peer_port"] == port)?;
        Some(found["name"].as_str()?.to_owned())
    });
    (w, name)
}

#[test]
fn publishes_are_counted_from_channel_to_exchange_to_queue() {
    let broker = Broker::start();
    let (mut w, connection) = begin(&broker);
    w.confirm_select();
    for _ in 0..3 {
        publish(&mut w, "k", 0);
    }
    publish(&mut w, "nowhere", 0);
    w.await_confirms(4);
    let http = broker.http();
    let channel = format!("/channels/{}", segment(&format!("{connection} (1)")));
    for (path, list) in [
        (&*channel, "publishes"),
        ("/exchanges/%2F/mp-x", "incoming"),
    ] {
        let pair = only(&http, path, list);
        let stats = &pair["stats"];
        has(stats, "publish_details:object confirm_details:object");
        eventually("the confirms", || {
            let stats = &only(&http, path, list)["stats"];
            (stats["confirm"] == 4).then_some(())
        });
        assert_eq!(stats["publish"], 4, "{pair:#}");
        assert_eq!(stats["drop_unroutable"], 1, "{pair:#}");
    }
    let exchange = &only(&http, &channel, "publishes")["exchange"];
    assert_eq!(exchange["name"], "mp-x");
    assert_eq!(exchange["vhost"], "/");
    let details = &only(&http, "/exchanges/%2F/mp-x", "incoming")["channel_details"];
    has(
        details,
        "name:string number:number peer_host:string peer_port:number",
    );
    assert_eq!(details["connection_name"], connection);

    let outgoing = only(&http, "/exchanges/%2F/mp-x", "outgoing");
    assert_eq!(outgoing["stats"]["publish"], 3);
    assert_eq!(outgoing["queue"]["name"], "mp-q");
    let incoming = only(&http, "/queues/%2F/mp-q", "incoming");
    assert_eq!(incoming["stats"]["publish"], 3);
    assert_eq!(incoming["exchange"]["name"], "mp-x");
}

#[test]
fn deliveries_are_counted_from_queue_to_channel() {
    let broker = Broker::start();
    let (mut w, connection) = begin(&broker);
    for _ in 0..4 {
        publish(&mut w, "k", 0);
    }
    w.get("mp-q", true).unwrap();
    w.consume("mp-q", "", 0);
    let [first, ..] = [(); 3].map(|()| w.delivery(1));
    w.send(1, &basic::ack(first.tag, 0));
    let http = broker.http();
    let channel = format!("/channels/{}", segment(&format!("{connection} (1)")));
    for path in [&*channel, "/queues/%2F/mp-q"] {
        let pair = eventually("the ack", || {
            let pair = only(&http, path, "deliveries");
            (pair["stats"]["ack"] == 1).then_some(pair)
        });
        let stats = &pair["stats"];
        assert_eq!(stats["get_no_ack"], 1, "{pair:#}");
        assert_eq!(stats["deliver"], 3, "{pair:#}");
        assert_eq!(stats["deliver_get"], 4, "{pair:#}");
        assert_eq!(stats["redeliver"], 0, "{pair:#}");
    }
    let of = only(&http, &channel, "deliveries");
    assert_eq!(of["queue"]["name"], "mp-q");
    let of = only(&http, "/queues/%2F/mp-q", "deliveries");
    assert_eq!(of["channel_details"]["number"], 1);
}

#[test]
fn pairs_with_what_is_gone_are_not_shown() {
    let broker = Broker::start();
    let (mut w, connection) = begin(&broker);
    publish(&mut w, "k", 0);
    w.get("mp-q", true).unwrap();
    let http = broker.http();
    let channel = format!("/channels/{}", segment(&format!("{connection} (1)")));
    only(&http, &channel, "deliveries");
    w.call(1, &exchange::delete("mp-x", 0), exchange::DELETE_OK);
    w.call(1, &queue::delete("mp-q", 0), queue::DELETE_OK);
    eventually("both to be gone", || {
        let shown = http.json(&channel);
        (shown["deliveries"] == shown["publishes"]).then_some(())
    });
}
