//! What an import will do, checked against what is there and what it will make itself.

use std::collections::{BTreeMap, HashMap, HashSet};

use routing::{Bindings, HashOn, Kind, Target};
use serde_json::{Map, Value};

use super::item::{Item, items};
use super::people::People;
use crate::binding::{BindingSpec, Destination};
use crate::broker::Broker;
use crate::declare::check_alternate;
use crate::error::{Error, Resource};
use crate::exchange::ExchangeDeclare;
use crate::extension::Extension;
use crate::parameters::{IMPORTED_HASH, check_parameter};
use crate::policy::{DROPPED_PREFIX, Policy, PolicyClass};
use crate::queue::{QueueDeclare, check_arguments};

/// A parameter to set: virtual host, component, name, value.
pub(super) type NewParameter = (String, String, String, Value);

/// Everything that a file asks for and that is not there.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) people: People,
    pub(super) exchanges: Vec<(String, ExchangeDeclare)>,
    pub(super) globals: Vec<(String, Value)>,
    pub(super) policies: BTreeMap<String, Vec<(PolicyClass, Policy)>>,
    pub(super) parameters: Vec<NewParameter>,
    pub(super) queues: Vec<(String, QueueDeclare)>,
    pub(super) bindings: Vec<(String, BindingSpec)>,
}

/// Where the objects of a file belong.
struct Place<'a> {
    broker: &'a Broker,
    /// All of them here, whatever they say.
    only: Option<&'a str>,
    /// Virtual hosts that the file makes.
    new: HashSet<String>,
}

/// How an exchange routes: its kind, or the one behind it, and what it hashes.
type Shape = (Kind, HashOn);

/// The names that bindings can use.
#[derive(Default)]
struct Names {
    exchanges: HashMap<(String, String), Shape>,
    queues: HashSet<(String, String)>,
}

impl Plan {
    /// Reads and checks a file.
    pub(super) fn new(
        broker: &Broker,
        file: &Map<String, Value>,
        only: Option<&str>,
    ) -> Result<Self, Error> {
        let mut plan = Self::default();
        if only.is_none() {
            plan.people.add_users_and_vhosts(broker, file)?;
        }
        let place = Place {
            broker,
            only,
            new: plan.people.new_vhosts(),
        };
        if let Some(vhost) = only.filter(|vhost| broker.vhost(vhost).is_none()) {
            return Err(Error::NoVhost(vhost.to_owned()));
        }
        let mut names = Names::default();
        if only.is_none() {
            plan.people.add_permissions(broker, file)?;
        }
        plan.add_exchanges(&place, file, &mut names)?;
        if only.is_none() {
            plan.add_globals(file)?;
        }
        plan.add_policies(&place, file)?;
        plan.add_parameters(&place, file)?;
        plan.add_queues(&place, file, &mut names)?;
        plan.add_bindings(&place, file, &names)?;
        Ok(plan)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.people.is_empty()
            && self.exchanges.is_empty()
            && self.globals.is_empty()
            && self.policies.is_empty()
            && self.parameters.is_empty()
            && self.queues.is_empty()
            && self.bindings.is_empty()
    }

    fn add_exchanges(
        &mut self,
        place: &Place<'_>,
        file: &Map<String, Value>,
        names: &mut Names,
    ) -> Result<(), Error> {
        for item in items(file, "exchanges")? {
            let vhost = place.of(&item)?;
            let declare = ExchangeDeclare {
                name: item.name("name")?.to_owned(),
                kind: item.required("type")?.to_owned(),
                durable: item.flag("durable")?,
                auto_delete: item.flag("auto_delete")?,
                internal: item.flag("internal")?,
                arguments: item.table("arguments")?,
            };
            if declare.name.is_empty() || declare.name.starts_with("amq.") {
                continue;
            }
            let key = (vhost.clone(), declare.name.clone());
            if place.has_exchange(&key) || names.exchanges.contains_key(&key) {
                continue;
            }
            let kind = Kind::parse(&declare.kind)
                .ok_or_else(|| Error::UnknownExchangeType(declare.kind.clone()));
            let kind = kind.map_err(|error| item.wrong(error))?;
            let resource = || Resource::exchange(&declare.name, &vhost);
            check_alternate(&declare, resource).map_err(|error| item.wrong(error))?;
            let shape = shape(kind, &declare.arguments).map_err(|error| item.wrong(error))?;
            names.exchanges.insert(key, shape);
            self.exchanges.push((vhost, declare));
        }
        Ok(())
    }

    fn add_globals(&mut self, file: &Map<String, Value>) -> Result<(), Error> {
        for item in items(file, "global_parameters")? {
            let name = item.name("name")?;
            let value = item
                .get("value")
                .ok_or_else(|| item.wrong("value is missing"))?;
            if name != IMPORTED_HASH && !name.starts_with("internal") {
                self.globals.push((name.to_owned(), value.clone()));
            }
        }
        Ok(())
    }

    fn add_policies(&mut self, place: &Place<'_>, file: &Map<String, Value>) -> Result<(), Error> {
        for item in items(file, "policies")? {
            let vhost = place.of(&item)?;
            let name = item.name("name")?;
            let mut definition = item.object("definition").cloned().unwrap_or_default();
            let before = definition.len();
            definition.retain(|key, _| !key.starts_with(DROPPED_PREFIX));
            if definition.len() < before {
                tracing::warn!(%vhost, policy = %name, "keys of mirrored queues (ha-…) are left out of an imported policy: there are none since RabbitMQ 4");
                if definition.is_empty() {
                    continue;
                }
            }
            let mut value = Map::new();
            value.insert("definition".to_owned(), Value::Object(definition));
            for (key, default) in [
                ("pattern", Value::Null),
                ("priority", Value::from(0)),
                ("apply-to", Value::from("all")),
            ] {
                let given = item.get(key).cloned().unwrap_or(default);
                value.insert(key.to_owned(), given);
            }
            let policy = Policy::parse(PolicyClass::User, name, &Value::Object(value));
            let policy = policy
                .map_err(|text| Error::InvalidParameter(format!("{text} ({vhost}/{name})")))?;
            let list = self.policies.entry(vhost).or_default();
            list.push((PolicyClass::User, policy));
        }
        Ok(())
    }

    fn add_parameters(
        &mut self,
        place: &Place<'_>,
        file: &Map<String, Value>,
    ) -> Result<(), Error> {
        for item in items(file, "parameters")? {
            let vhost = place.of(&item)?;
            let (component, name) = (item.name("component")?, item.name("name")?);
            let value = item
                .get("value")
                .ok_or_else(|| item.wrong("value is missing"))?;
            let in_place = |text: String| {
                Error::InvalidParameter(format!("{text} ({vhost}/{component}/{name})"))
            };
            check_parameter(component, name, value).map_err(|error| in_place(error.to_string()))?;
            match PolicyClass::of_component(component) {
                Some(class) => {
                    let policy = Policy::parse(class, name, value).map_err(in_place)?;
                    self.policies
                        .entry(vhost)
                        .or_default()
                        .push((class, policy));
                }
                None => {
                    let (component, name) = (component.to_owned(), name.to_owned());
                    self.parameters
                        .push((vhost, component, name, value.clone()));
                }
            }
        }
        Ok(())
    }

    fn add_queues(
        &mut self,
        place: &Place<'_>,
        file: &Map<String, Value>,
        names: &mut Names,
    ) -> Result<(), Error> {
        for item in items(file, "queues")? {
            let vhost = place.of(&item)?;
            let mut arguments = item.table("arguments")?;
            if let Some(kind) = item.text("type")?
                && arguments.inner().get("x-queue-type").is_none()
            {
                let kind = codec::AMQPValue::LongString(kind.into());
                arguments.insert("x-queue-type".into(), kind);
            }
            let declare = QueueDeclare {
                name: item.name("name")?.to_owned(),
                durable: item.flag("durable")?,
                exclusive: false,
                auto_delete: item.flag("auto_delete")?,
                arguments,
                server_named: false,
            };
            if declare.name.is_empty() {
                return Err(item.wrong("name is empty"));
            }
            let key = (vhost.clone(), declare.name.clone());
            if declare.name.starts_with("amq.") {
                tracing::warn!(%vhost, queue = %declare.name, "a queue whose name begins with 'amq.' is not imported");
                continue;
            }
            if place.has_queue(&key) || !names.queues.insert(key) {
                continue;
            }
            check_arguments(&declare, &vhost).map_err(|error| item.wrong(error))?;
            self.queues.push((vhost, declare));
        }
        Ok(())
    }

    fn add_bindings(
        &mut self,
        place: &Place<'_>,
        file: &Map<String, Value>,
        names: &Names,
    ) -> Result<(), Error> {
        for item in items(file, "bindings")? {
            let vhost = place.of(&item)?;
            let source = item.name("source")?.to_owned();
            let to = item.name("destination")?.to_owned();
            let destination = match item.required("destination_type")? {
                "queue" => Destination::Queue(to),
                "exchange" => Destination::Exchange(to),
                other => return Err(item.wrong(format!("no destination_type '{other}'"))),
            };
            let spec = BindingSpec {
                source,
                destination,
                routing_key: item.name("routing_key")?.to_owned(),
                arguments: item.table("arguments")?,
            };
            // Implicit ones need not be made; those of queues that are left out can't be.
            let name = spec.destination.name();
            if spec.source.is_empty() || (name.starts_with("amq.gen-")) {
                continue;
            }
            check_binding(place, names, &vhost, &spec).map_err(|error| item.wrong(error))?;
            self.bindings.push((vhost, spec));
        }
        Ok(())
    }
}

fn shape(kind: Kind, arguments: &codec::FieldTable) -> Result<Shape, Error> {
    let extension = Extension::parse(kind, arguments)?;
    Ok((extension.routes_as, extension.hash_on))
}

fn check_binding(
    place: &Place<'_>,
    names: &Names,
    vhost: &str,
    spec: &BindingSpec,
) -> Result<(), Error> {
    let key = (vhost.to_owned(), spec.source.clone());
    let shape = names.exchanges.get(&key).cloned();
    let shape = shape.or_else(|| place.exchange_shape(&key));
    let (kind, hash_on) =
        shape.ok_or_else(|| Error::NotFound(Resource::exchange(&spec.source, vhost)))?;
    let key = (vhost.to_owned(), spec.destination.name().to_owned());
    let (there, resource) = match &spec.destination {
        Destination::Queue(name) => (
            names.queues.contains(&key) || place.has_queue(&key),
            Resource::queue(name, vhost),
        ),
        Destination::Exchange(name) => (
            names.exchanges.contains_key(&key) || place.has_exchange(&key),
            Resource::exchange(name, vhost),
        ),
    };
    if !there {
        return Err(Error::NotFound(resource));
    }
    // Whether the type of exchange takes such a binding, an empty one of it tells.
    let destination: Target<u32, u32> = Target::Queue(0);
    let mut empty = Bindings::hashing(kind, hash_on);
    empty.bind(destination, &spec.routing_key, &spec.arguments)?;
    Ok(())
}

impl Place<'_> {
    /// The virtual host of an object: it exists, or the file makes it.
    fn of(&self, item: &Item<'_>) -> Result<String, Error> {
        if let Some(only) = self.only {
            return Ok(only.to_owned());
        }
        let Some(vhost) = item.text("vhost")? else {
            return Err(
                item.wrong("Virtual host does not exist and is not specified in definitions file.")
            );
        };
        if self.new.contains(vhost) || self.broker.vhost(vhost).is_some() {
            return Ok(vhost.to_owned());
        }
        Err(item.wrong(format!(
            "Please create virtual host \"{vhost}\" prior to importing definitions."
        )))
    }

    fn has_queue(&self, (vhost, name): &(String, String)) -> bool {
        let vhost = self.broker.vhost(vhost);
        vhost.is_some_and(|vhost| vhost.queue(name).is_some())
    }

    fn has_exchange(&self, key: &(String, String)) -> bool {
        self.exchange_shape(key).is_some()
    }

    /// Predeclared exchanges are in virtual hosts that are yet to come, too.
    fn exchange_shape(&self, (vhost, name): &(String, String)) -> Option<Shape> {
        let there = self.broker.vhost(vhost);
        let there = there.and_then(|vhost| vhost.exchange(name));
        match there {
            Some(exchange) => shape(exchange.kind, &exchange.arguments).ok(),
            None => Some((crate::vhost::predeclared_kind(name)?, HashOn::RoutingKey)),
        }
    }
}
