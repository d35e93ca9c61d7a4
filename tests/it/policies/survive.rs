//! Policies and parameters after SIGKILL and after an orderly stop.

use serde_json::json;
use tests::{Broker, wire::queue};

use super::set;

#[test]
fn policies_and_parameters_survive_a_kill_and_a_stop() {
    let mut broker = Broker::start();
    let http = broker.http();
    broker.open().declare("kept", queue::DURABLE);
    set(&http, "user", "^kept", &json!({"max-length": 2}));
    let operator = json!({"pattern": "", "definition": {"expires": 60_000}, "priority": 1});
    http.put("/operator-policies/%2F/operator", &operator)
        .ok(201);
    http.put("/parameters/shovel/%2F/s", &json!({"value": {"a": [1]}}))
        .ok(201);
    http.put("/global-parameters/g", &json!({"value": "v"}))
        .ok(201);
    http.put("/cluster-name", &json!({"name": "hares"})).ok(204);
    set(&http, "gone", "", &json!({"expires": 1000}));
    super::clear(&http, "gone");
    for orderly in [false, true] {
        if orderly {
            broker.terminate();
        } else {
            broker.kill();
        }
        broker.restart();
        let http = broker.http();
        let shown = http.json("/queues/%2F/kept");
        assert_eq!(shown["policy"], "user");
        assert_eq!(shown["operator_policy"], "operator");
        assert_eq!(
            shown["effective_policy_definition"],
            json!({"max-length": 2, "expires": 60_000})
        );
        assert_eq!(http.json("/policies").as_array().unwrap().len(), 1);
        assert_eq!(
            http.json("/parameters/shovel/%2F/s")["value"],
            json!({"a": [1]})
        );
        assert_eq!(http.json("/global-parameters/g")["value"], "v");
        assert_eq!(http.json("/cluster-name")["name"], "hares");
        let mut w = broker.open();
        for body in ["1", "2", "3"] {
            w.enqueue("kept", body);
        }
        w.expect_silence();
        assert_eq!(w.drain("kept"), ["2", "3"]);
    }
}
