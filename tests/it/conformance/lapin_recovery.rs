//! lapin's own recovery of connections.

use lapin::{
    BasicProperties, Connection, ConnectionProperties,
    options::{BasicAckOptions, BasicConsumeOptions, ConfirmSelectOptions, QueueDeclareOptions},
    types::FieldTable,
};
use tests::{Broker, eventually, http::segment};

use super::lapin::{declare, drain, next, publish, publish_with, run, uri};

/// Closes the connection whose client gave it this name, as an operator would.
fn close_connection(broker: &Broker, name: &str) {
    let http = broker.http();
    let connection = eventually("the connection to be listed", || {
        let list = http.json("/connections");
        let mut list = list.as_array().unwrap().iter();
        list.find(|c| c["user_provided_name"] == name)
            .map(|c| c["name"].as_str().unwrap().to_owned())
    });
    http.delete(&format!("/connections/{}", segment(&connection)))
        .ok(204);
}

#[test]
fn a_connection_closed_by_an_operator_recovers_with_its_consumer() {
    let broker = Broker::start();
    run(async {
        let properties = ConnectionProperties::default()
            .with_connection_name("victim".into())
            .enable_auto_recover();
        let connection = Connection::connect(&uri(&broker), properties)
            .await
            .unwrap();
        let channel = connection.create_channel().await.unwrap();
        let durable = QueueDeclareOptions {
            durable: true,
            ..Default::default()
        };
        declare(&channel, "recovering", durable).await;
        let options = BasicConsumeOptions::default();
        let consume = channel.basic_consume(
            "recovering".into(),
            "c".into(),
            options,
            FieldTable::default(),
        );
        let mut consumer = consume.await.unwrap();
        publish(&channel, "", "recovering", "before").await;
        let delivery = next(&mut consumer).await.unwrap().unwrap();
        delivery
            .acker
            .ack(BasicAckOptions::default())
            .await
            .unwrap();

        close_connection(&broker, "victim");
        let other = Connection::connect(&uri(&broker), ConnectionProperties::default()).await;
        let other = other.unwrap();
        let other = other.create_channel().await.unwrap();
        publish(&other, "", "recovering", "after").await;
        loop {
            match next(&mut consumer).await.expect("the consumer to go on") {
                Ok(delivery) if delivery.data == b"after" => break,
                Ok(_) => {}
                Err(error) => channel.wait_for_recovery(error).await.unwrap(),
            }
        }
    });
}

#[test]
fn confirmed_messages_survive_a_kill() {
    let mut broker = Broker::start();
    let durable = QueueDeclareOptions {
        durable: true,
        ..Default::default()
    };
    run(async {
        let connection = Connection::connect(&uri(&broker), ConnectionProperties::default())
            .await
            .unwrap();
        let channel = connection.create_channel().await.unwrap();
        declare(&channel, "kept", durable).await;
        channel
            .confirm_select(ConfirmSelectOptions::default())
            .await
            .unwrap();
        let persistent = BasicProperties::default().with_delivery_mode(2);
        let mut confirms = Vec::new();
        for n in 0..100 {
            let body = n.to_string();
            confirms.push(publish_with(&channel, "", "kept", &body, persistent.clone()).await);
        }
        for confirm in confirms {
            assert!(confirm.await.unwrap().is_ack());
        }
    });
    broker.kill();
    broker.restart();
    run(async {
        let connection = Connection::connect(&uri(&broker), ConnectionProperties::default())
            .await
            .unwrap();
        let channel = connection.create_channel().await.unwrap();
        let sent: Vec<String> = (0..100).map(|n| n.to_string()).collect();
        assert_eq!(drain(&channel, "kept").await, sent);
    });
}
