//! Definitions as a file in RabbitMQ's JSON.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::auth::UserLimits;
use crate::binding::BindingSpec;
use crate::broker::{Broker, RABBITMQ_VERSION};
use crate::json::table_to_json;
use crate::parameters::IMPORTED_HASH;
use crate::policy::PolicyClass;
use crate::vhost::VHost;
use crate::vhost_meta::{VHostLimits, VHostMeta};

impl Broker {
    /// Everything that is defined.
    #[must_use]
    pub fn export(&self) -> Value {
        let vhosts = self.vhosts();
        let cluster_name = self.cluster_name();
        let mut file = head(
            "cluster",
            format!("Definitions of cluster '{cluster_name}'"),
        );
        file.insert("original_cluster_name".to_owned(), cluster_name.into());
        let globals = self.global_parameters().into_iter();
        let globals = globals.filter(|(name, _)| is_exported(name));
        let globals = globals.map(|(name, value)| json!({"name": name, "value": value}));
        let lists = [
            ("users", self.exported_users()),
            ("vhosts", vhosts.iter().map(exported_vhost).collect()),
            ("permissions", self.exported_permissions()),
            ("topic_permissions", self.exported_topic_permissions()),
            ("global_parameters", globals.collect()),
        ];
        for (key, list) in lists {
            file.insert(key.to_owned(), Value::Array(list));
        }
        for (key, of) in IN_VHOSTS {
            let objects = vhosts.iter().flat_map(|vhost| {
                of(vhost).into_iter().map(|mut object| {
                    let name = Value::from(&**vhost.name());
                    object.insert("vhost".to_owned(), name);
                    Value::Object(object)
                })
            });
            file.insert(key.to_owned(), objects.collect());
        }
        Value::Object(file)
    }

    fn exported_users(&self) -> Vec<Value> {
        let users = self.users().all();
        let user = |user: &Arc<crate::User>| {
            json!({
                "name": &*user.name,
                "password_hash": user.password.to_base64(),
                "hashing_algorithm": user.password.hashing().name(),
                "tags": user.tags,
                "limits": user_limits(&user.limits),
            })
        };
        users.iter().map(user).collect()
    }

    fn exported_permissions(&self) -> Vec<Value> {
        let rows = self.users().permissions();
        let row = |row: &crate::PermissionRow| {
            json!({
                "user": &*row.user,
                "vhost": &*row.vhost,
                "configure": row.permission.configure.source(),
                "write": row.permission.write.source(),
                "read": row.permission.read.source(),
            })
        };
        rows.iter().map(row).collect()
    }

    fn exported_topic_permissions(&self) -> Vec<Value> {
        let rows = self.users().topic_permissions();
        let row = |row: &crate::TopicPermissionRow| {
            json!({
                "user": &*row.user,
                "vhost": &*row.vhost,
                "exchange": row.exchange,
                "write": row.permission.write.source(),
                "read": row.permission.read.source(),
            })
        };
        rows.iter().map(row).collect()
    }
}

impl VHost {
    /// Everything that is defined in it, without its name, so that it can be imported into any
    /// other.
    #[must_use]
    pub fn export(&self) -> Value {
        let name = self.name();
        let explanation = format!("Definitions of virtual host '{name}'");
        let mut file = head("single_virtual_host", explanation);
        let meta = self.meta();
        file.insert("original_vhost_name".to_owned(), json!(&**name));
        file.insert("description".to_owned(), json!(meta.description));
        file.insert("metadata".to_owned(), metadata(&meta));
        file.insert("limits".to_owned(), Value::Object(limits(&meta.limits)));
        for (key, of) in IN_VHOSTS {
            let objects = of(self).into_iter().map(Value::Object);
            file.insert(key.to_owned(), objects.collect());
        }
        Value::Object(file)
    }
}

type Objects = Vec<Map<String, Value>>;

/// A list of a file and who fills it.
type List = (&'static str, fn(&VHost) -> Objects);

/// The lists of what belongs to a virtual host.
const IN_VHOSTS: [List; 5] = [
    ("parameters", parameters),
    ("policies", policies),
    ("queues", queues),
    ("exchanges", exchanges),
    ("bindings", bindings),
];

fn head(format: &str, explanation: String) -> Map<String, Value> {
    let pairs = [
        ("rabbit_version", RABBITMQ_VERSION.to_owned()),
        ("rabbitmq_version", RABBITMQ_VERSION.to_owned()),
        ("product_name", "RabbitMQ".to_owned()),
        ("product_version", RABBITMQ_VERSION.to_owned()),
        ("rabbitmq_definition_format", format.to_owned()),
        ("explanation", explanation),
    ];
    let pairs = pairs.into_iter();
    pairs.map(|(k, v)| (k.to_owned(), v.into())).collect()
}

/// Global parameters of the broker itself stay where they are.
fn is_exported(name: &str) -> bool {
    name != IMPORTED_HASH && !name.starts_with("internal")
}

fn exported_vhost(vhost: &Arc<VHost>) -> Value {
    let meta = vhost.meta();
    json!({
        "name": &**vhost.name(),
        "description": meta.description,
        "tags": meta.tags,
        "metadata": metadata(&meta),
        "limits": limits(&meta.limits),
    })
}

fn metadata(meta: &VHostMeta) -> Value {
    let mut all = json!({"description": meta.description, "tags": meta.tags});
    if let Value::Object(all) = &mut all {
        if let Some(kind) = &meta.default_queue_type {
            all.insert("default_queue_type".to_owned(), json!(kind));
        }
        if meta.protected {
            all.insert("protected_from_deletion".to_owned(), json!(true));
        }
    }
    all
}

/// The limits that are set.
pub(crate) fn limits(limits: &VHostLimits) -> Map<String, Value> {
    set(&[
        ("max-connections", limits.max_connections),
        ("max-queues", limits.max_queues),
    ])
}

fn user_limits(limits: &UserLimits) -> Map<String, Value> {
    set(&[
        ("max-connections", limits.max_connections),
        ("max-channels", limits.max_channels),
    ])
}

fn set(limits: &[(&str, Option<i64>)]) -> Map<String, Value> {
    let limits = limits.iter();
    let set = limits.filter_map(|(key, limit)| limit.map(|n| ((*key).to_owned(), n.into())));
    set.collect()
}

fn object(value: Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(object) => Some(object),
        _ => None,
    }
}

fn parameters(vhost: &VHost) -> Objects {
    let all = vhost.parameters(None).into_iter();
    let shown = all.map(|p| json!({"component": p.component, "name": p.name, "value": p.value}));
    shown.filter_map(object).collect()
}

fn policies(vhost: &VHost) -> Objects {
    let mut all = vhost.policies(PolicyClass::User);
    all.sort_by(|a, b| a.name().cmp(b.name()));
    let shown = all.iter().map(|policy| {
        json!({
            "name": &**policy.name(),
            "pattern": policy.pattern(),
            "apply-to": policy.apply_to().as_str(),
            "priority": policy.priority(),
            "definition": policy.definition(),
        })
    });
    shown.filter_map(object).collect()
}

fn queues(vhost: &VHost) -> Objects {
    let queues = vhost.queues();
    let shared = queues.iter().filter(|queue| !queue.exclusive());
    let shown = shared.map(|queue| {
        json!({
            "name": &**queue.name(),
            "type": codec::get_str(queue.arguments(), "x-queue-type").unwrap_or("classic"),
            "durable": queue.durable(),
            "auto_delete": queue.auto_delete(),
            "arguments": table_to_json(queue.arguments()),
        })
    });
    shown.filter_map(object).collect()
}

fn exchanges(vhost: &VHost) -> Objects {
    let exchanges = vhost.exchanges();
    let own = exchanges
        .iter()
        .filter(|x| !(x.internal || x.is_default() || x.name.starts_with("amq.")));
    let shown = own.map(|exchange| {
        json!({
            "name": &*exchange.name,
            "type": exchange.kind.as_str(),
            "durable": exchange.durable,
            "auto_delete": exchange.auto_delete,
            "arguments": table_to_json(&exchange.arguments),
        })
    });
    shown.filter_map(object).collect()
}

fn bindings(vhost: &VHost) -> Objects {
    let explicit = vhost.bindings().into_iter();
    let explicit = explicit.filter(|b| !b.source.is_empty() && is_importable(vhost, b));
    let shown = explicit.map(|binding| {
        json!({
            "source": binding.source,
            "destination": binding.destination.name(),
            "destination_type": binding.destination.kind(),
            "routing_key": binding.routing_key,
            "arguments": table_to_json(&binding.arguments),
        })
    });
    shown.filter_map(object).collect()
}

/// Both ends are in the file, or in every virtual host: nothing could be bound to what is left
/// out.
fn is_importable(vhost: &VHost, binding: &BindingSpec) -> bool {
    let exported = |name: &str| {
        let exchange = vhost.exchange(name);
        exchange.is_some_and(|x| !x.internal || name.starts_with("amq."))
    };
    let destination = match &binding.destination {
        crate::Destination::Queue(name) => vhost.queue(name).is_some_and(|q| !q.exclusive()),
        crate::Destination::Exchange(name) => exported(name),
    };
    destination && exported(&binding.source)
}
