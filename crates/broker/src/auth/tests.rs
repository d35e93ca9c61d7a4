//! Users and permissions against a real store: what is set is in force, and there again after a
//! restart.

use std::sync::Arc;

use codec::FieldTable;

use crate::record::Record;
use crate::tests::{declare, open, open_with};
use crate::*;

fn user(broker: &Broker, name: &str, password: &str) {
    let change = UserChange {
        password: Some(broker.hash_password(password)),
        ..UserChange::default()
    };
    broker.put_user(name, change);
}

fn grant(broker: &Broker, name: &str, permission: (&str, &str, &str)) {
    let (configure, write, read) = permission;
    let permission = Permission::new(configure, write, read).unwrap();
    broker.set_permission(name, "/", permission).unwrap();
}

fn login(broker: &Broker, name: &str, password: &str) -> Result<Arc<User>, LoginRefused> {
    let from = LoginFrom {
        host: "10.0.0.1",
        loopback: false,
        protocol: LoginProtocol::Amqp,
    };
    let now = broker.settings().started;
    broker.users().authenticate(name, password, from, now)
}

fn actor(broker: &Broker, name: &str) -> Actor {
    Actor {
        user: name.into(),
        connection: None,
        access: broker.users().access(name, "/").unwrap(),
    }
}

#[test]
fn a_new_broker_has_one_user_and_one_virtual_host() {
    let dir = tempfile::tempdir().unwrap();
    let broker = open(dir.path());
    let users = broker.users().all();
    assert_eq!(users.len(), 1);
    assert!(users[0].has_tag("administrator") && users[0].loopback_only);
    assert!(broker.users().may_access("guest", "/"));
    assert_eq!(
        broker.vhost("/").unwrap().meta().description,
        "Default virtual host"
    );
}

#[test]
fn users_and_permissions_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let broker = open(dir.path());
    broker.delete_user("guest").unwrap();
    let limits = UserLimits {
        max_connections: Some(3),
        max_channels: None,
    };
    let change = UserChange {
        tags: Some(vec!["management".to_owned(), "mine".to_owned()]),
        password: Some(broker.hash_password("secret")),
        limits: Some(limits),
    };
    assert!(broker.put_user("u", change).created);
    grant(&broker, "u", ("^c", "^w", "^r"));
    let topic = TopicPermission::new("^{username}", "", "u", "/").unwrap();
    broker
        .set_topic_permission("u", "/", "amq.topic", topic)
        .unwrap();
    broker.close().unwrap();
    drop(broker);
    let broker = open(dir.path());
    assert!(broker.users().find("guest").is_none());
    let user = login(&broker, "u", "secret").unwrap();
    assert_eq!(user.tags, ["management", "mine"]);
    assert_eq!(user.limits, limits);
    let access = broker.users().access("u", "/").unwrap();
    assert_eq!(access.permission().unwrap().write.source(), "^w");
    let topics: Vec<_> = access.topics().collect();
    assert_eq!(topics[0].0, "amq.topic");
    assert!(topics[0].1.write.matches("u.x") && !topics[0].1.write.matches("x"));
}

#[test]
fn deletions_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let broker = open(dir.path());
    user(&broker, "gone", "x");
    user(&broker, "cleared", "x");
    grant(&broker, "gone", (".*", ".*", ".*"));
    grant(&broker, "cleared", (".*", ".*", ".*"));
    broker.delete_user("gone").unwrap();
    assert!(broker.clear_permission("cleared", "/").is_some());
    assert!(broker.clear_permission("cleared", "/").is_none());
    broker.close().unwrap();
    drop(broker);
    let broker = open(dir.path());
    assert!(broker.users().find("gone").is_none());
    assert!(!broker.users().may_access("cleared", "/"));
    // A new user of the name begins with nothing.
    user(&broker, "gone", "x");
    assert!(!broker.users().may_access("gone", "/"));
}

#[test]
fn deleting_a_virtual_host_takes_its_permissions_along() {
    let dir = tempfile::tempdir().unwrap();
    let broker = open(dir.path());
    broker.create_vhost("v");
    assert!(broker.users().may_access("guest", "v"));
    broker.delete_vhost("v").unwrap();
    assert_eq!(broker.users().permissions().len(), 1);
    broker.put_vhost("v", VHostChange::default(), None).unwrap();
    assert!(!broker.users().may_access("guest", "v"));
}

#[test]
fn protected_virtual_host_is_not_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let broker = open(dir.path());
    let protected = |protected| VHostChange {
        protected: Some(protected),
        ..VHostChange::default()
    };
    broker.put_vhost("v", protected(true), None).unwrap();
    assert_eq!(
        broker.delete_vhost("v").err(),
        Some(Error::Protected("v".to_owned()))
    );
    broker.put_vhost("v", protected(false), None).unwrap();
    broker.delete_vhost("v").unwrap();
}

#[test]
fn users_without_a_password_cannot_log_in() {
    let dir = tempfile::tempdir().unwrap();
    let broker = open(dir.path());
    broker.put_user("u", UserChange::default());
    for password in ["", "u", "guest"] {
        assert_eq!(
            login(&broker, "u", password).err(),
            Some(LoginRefused::WrongPassword)
        );
    }
    // Even if the hash is that of an empty password.
    user(&broker, "u", "");
    assert_eq!(
        login(&broker, "u", "").err(),
        Some(LoginRefused::WrongPassword)
    );
}

#[test]
fn guessing_is_slowed_down_and_the_right_password_has_to_wait_too() {
    let dir = tempfile::tempdir().unwrap();
    let broker = open(dir.path());
    user(&broker, "u", "secret");
    for _ in 0..=limits::LOGIN_FAILURES_FREE_MAX {
        assert_eq!(
            login(&broker, "u", "guess").err(),
            Some(LoginRefused::WrongPassword)
        );
    }
    assert_eq!(
        login(&broker, "u", "secret").err(),
        Some(LoginRefused::TooManyFailures)
    );
    let elsewhere = LoginFrom {
        host: "10.0.0.2",
        loopback: false,
        protocol: LoginProtocol::Amqp,
    };
    let now = broker.settings().started;
    let users = broker.users();
    assert!(users.authenticate("u", "secret", elsewhere, now).is_ok());
    let from = LoginFrom {
        host: "10.0.0.1",
        loopback: false,
        protocol: LoginProtocol::Amqp,
    };
    let later = now + limits::LOGIN_WAIT_FIRST;
    assert!(users.authenticate("u", "secret", from, later).is_ok());
}

#[test]
fn what_changes_is_in_force_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let broker = open(dir.path());
    user(&broker, "u", "x");
    grant(&broker, "u", (".*", ".*", ".*"));
    let vhost = broker.vhost("/").unwrap();
    let (generation, routes) = (broker.users().generation(), vhost.generation());
    grant(&broker, "u", ("^mine", "", ""));
    assert!(broker.users().generation() > generation);
    assert!(
        vhost.generation() > routes,
        "cached routes have to be forgotten"
    );
    let actor = actor(&broker, "u");
    assert!(vhost.declare_queue(declare("mine"), &actor).is_ok());
    let refused = vhost.declare_queue(declare("yours"), &actor).err().unwrap();
    assert_eq!(
        refused.to_string(),
        "configure access to queue 'yours' in vhost '/' refused for user 'u'"
    );
    let refused = vhost.route_for(&actor.access, "", &["mine"], &FieldTable::default());
    assert_eq!(
        refused.err().unwrap().to_string(),
        "write access to exchange 'amq.default' in vhost '/' refused for user 'u'"
    );
}

#[test]
fn an_access_that_was_taken_before_a_change_of_tags_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let broker = open(dir.path());
    let generation = broker.users().generation();
    let change = UserChange {
        tags: Some(vec!["impersonator".to_owned()]),
        ..UserChange::default()
    };
    broker.put_user("guest", change);
    assert!(broker.users().generation() > generation);
    let access = broker.users().access("guest", "/").unwrap();
    assert!(access.user().has_tag("impersonator") && access.is_granted());
    assert!(
        broker
            .users()
            .find("guest")
            .unwrap()
            .password
            .matches("guest"),
        "the password stays"
    );
}

#[test]
fn limits_on_queues_hold_for_new_ones_only() {
    let dir = tempfile::tempdir().unwrap();
    let broker = open(dir.path());
    let change = VHostChange {
        limits: Some(VHostLimits {
            max_queues: Some(1),
            max_connections: None,
        }),
        ..VHostChange::default()
    };
    broker.put_vhost("/", change, None).unwrap();
    let vhost = broker.vhost("/").unwrap();
    let actor = actor(&broker, "guest");
    vhost.declare_queue(declare("q"), &actor).unwrap();
    vhost.declare_queue(declare("q"), &actor).unwrap();
    let refused = vhost.declare_queue(declare("r"), &actor).err().unwrap();
    assert_eq!(
        refused.to_string(),
        "cannot declare queue 'r': queue limit in vhost '/' (1) is reached"
    );
    vhost
        .delete_queue("q", DeleteIf::default(), &actor, &mut Wakes::new())
        .unwrap();
    vhost.declare_queue(declare("r"), &actor).unwrap();
}

#[test]
fn a_broker_may_have_so_many_virtual_hosts() {
    let dir = tempfile::tempdir().unwrap();
    let broker = open_with(dir.path(), |settings| settings.vhost_max = Some(2));
    let put = |name| broker.put_vhost(name, VHostChange::default(), None);
    put("a").unwrap();
    put("a").unwrap();
    assert_eq!(
        put("b").unwrap_err().to_string(),
        "cannot create vhost 'b': vhost limit of 2 is reached"
    );
}

#[test]
fn a_broker_may_have_so_many_queues_and_exchanges() {
    let dir = tempfile::tempdir().unwrap();
    let limited = |settings: &mut Settings| {
        settings.cluster_queue_limit = Some(2);
        // Seven in each of the two virtual hosts from the start, and the one for events.
        settings.cluster_exchange_limit = Some(16);
    };
    let broker = open_with(dir.path(), limited);
    broker.create_vhost("v");
    let (one, other) = (broker.vhost("/").unwrap(), broker.vhost("v").unwrap());
    let exchange = |name: &str| ExchangeDeclare {
        name: name.to_owned(),
        kind: "direct".to_owned(),
        durable: true,
        auto_delete: false,
        internal: false,
        arguments: FieldTable::default(),
    };
    let actor = Actor::internal();
    one.declare_queue(declare("q"), &actor).unwrap();
    other.declare_queue(declare("q"), &actor).unwrap();
    one.declare_exchange(&exchange("x"), &actor).unwrap();
    broker.close().unwrap();
    drop((broker, one, other));
    // What was there before the start counts, too.
    let broker = open_with(dir.path(), limited);
    let (one, other) = (broker.vhost("/").unwrap(), broker.vhost("v").unwrap());
    let refused = one.declare_queue(declare("r"), &actor).err().unwrap();
    assert_eq!(
        refused.to_string(),
        "cannot declare queue 'r': queue limit in cluster (2) is reached"
    );
    let refused = other.declare_exchange(&exchange("y"), &actor).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "cannot declare exchange 'y' in vhost 'v': exchange limit of 16 is reached"
    );
    drop(other);
    broker.delete_vhost("v").unwrap();
    one.declare_queue(declare("r"), &actor).unwrap();
    one.declare_exchange(&exchange("y"), &actor).unwrap();
}

#[test]
fn queues_get_the_default_type_of_virtual_host_or_node() {
    let dir = tempfile::tempdir().unwrap();
    let broker = open_with(dir.path(), |settings| {
        settings.default_queue_type = "quorum".to_owned();
    });
    let actor = Actor::internal();
    let kind = |vhost: &str, declare: QueueDeclare| {
        let vhost = broker.vhost(vhost).unwrap();
        let queue = vhost.declare_queue(declare, &actor).unwrap().queue;
        codec::get_str(queue.arguments(), "x-queue-type")
            .unwrap()
            .to_owned()
    };
    assert_eq!(kind("/", declare("durable")), "quorum");
    let transient = QueueDeclare {
        durable: false,
        ..declare("transient")
    };
    assert_eq!(kind("/", transient), "classic");
    let change = VHostChange {
        default_queue_type: Some(Some("classic".to_owned())),
        ..VHostChange::default()
    };
    broker.put_vhost("v", change, None).unwrap();
    assert_eq!(kind("v", declare("durable")), "classic");
}

#[test]
fn a_data_directory_from_before_users_gets_the_default_user() {
    let dir = tempfile::tempdir().unwrap();
    let broker = open(dir.path());
    broker.create_vhost("v");
    // As the first versions left it: virtual hosts with empty entries and nobody to use them.
    broker.delete_user("guest").unwrap();
    for vhost in ["/", "v"] {
        let record = Record::vhost(vhost);
        broker.store.put(&record.key, &record.value);
    }
    broker.close().unwrap();
    drop(broker);
    for _ in 0..2 {
        let broker = open(dir.path());
        for vhost in ["/", "v"] {
            assert!(broker.users().may_access("guest", vhost), "{vhost}");
        }
        broker.close().unwrap();
    }
    // Deleted on purpose, it does not come back.
    let broker = open(dir.path());
    broker.delete_user("guest").unwrap();
    broker.close().unwrap();
    drop(broker);
    assert!(open(dir.path()).users().all().is_empty());
}
