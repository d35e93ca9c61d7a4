//! Runtime parameters: JSON by virtual host, component and name, and global ones by name.
//!
//! Policies are parameters with a meaning (see [`policy`](crate::policy)). Those of federation and
//! shovels are kept and served, so that definitions pass through unharmed.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use serde_json::{Map, Value};
use store::Ticket;

use crate::broker::Broker;
use crate::definitions::Applied;
use crate::error::Error;
use crate::events::Facts;
use crate::export::limits;
use crate::import::vhost_limits;
use crate::limits::{PARAMETER_BYTES_MAX, PARAMETERS_MAX};
use crate::policy::{Policy, PolicyClass, PolicySet, invalid, term};
use crate::record::Record;
use crate::vhost::VHost;
use crate::vhost_meta::{VHostChange, VHostLimits};

/// Components whose parameters are only kept.
const KEPT: [&str; 3] = ["federation-upstream", "federation-upstream-set", "shovel"];

/// The component of a virtual host's limits.
pub(crate) const VHOST_LIMITS: &str = "vhost-limits";

/// The name of the cluster, as a global parameter.
const CLUSTER_NAME: &str = "cluster_name";

/// What a definitions file was the last time, as a global parameter that is not listed.
pub(crate) const IMPORTED_HASH: &str = "imported_definition_hash_value";

/// The parameters of a virtual host.
#[derive(Default)]
pub(crate) struct Parameters {
    /// Held while policies change.
    pub(crate) changes: Mutex<()>,
    pub(crate) policies: RwLock<Arc<PolicySet>>,
    /// By component and name; policies are not here.
    kept: RwLock<BTreeMap<(String, String), Value>>,
}

/// One parameter, for listing.
#[derive(Clone, PartialEq, Debug)]
pub struct Parameter {
    /// Its virtual host.
    pub vhost: Arc<str>,
    /// What it is for.
    pub component: String,
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Value,
}

/// A parameter as the store has it.
pub(crate) struct StoredParameter {
    /// None for a global one.
    pub(crate) vhost: Option<String>,
    pub(crate) component: String,
    pub(crate) name: String,
    pub(crate) value: Value,
}

/// Parameters that belong to no virtual host.
#[derive(Default)]
pub(crate) struct Globals(RwLock<BTreeMap<String, Value>>);

impl VHost {
    /// Its parameters, by component and name: all but the policies of users, which have lists
    /// of their own, unless they are asked for.
    #[must_use]
    pub fn parameters(&self, component: Option<&str>) -> Vec<Parameter> {
        let row = |component: &str, name: &str, value: Value| Parameter {
            vhost: Arc::clone(self.name()),
            component: component.to_owned(),
            name: name.to_owned(),
            value,
        };
        let mut all: Vec<Parameter> = Vec::new();
        let limits = limits(&self.meta().limits);
        if !limits.is_empty() && component.is_none_or(|component| component == VHOST_LIMITS) {
            all.push(row(VHOST_LIMITS, "limits", Value::Object(limits)));
        }
        for class in [PolicyClass::User, PolicyClass::Operator] {
            let policies = self.policies(class);
            let wanted = match component {
                None => class == PolicyClass::Operator,
                Some(component) => component == class.component(),
            };
            let policies = policies.iter().filter(|_| wanted);
            all.extend(policies.map(|p| row(class.component(), p.name(), p.to_value())));
        }
        let kept = self.parameters.kept.read();
        let wanted = |c: &str| component.is_none_or(|component| component == c);
        let kept = kept.iter().filter(|((c, _), _)| wanted(c));
        all.extend(kept.map(|((c, name), value)| row(c, name, value.clone())));
        all.sort_by(|a, b| (&a.component, &a.name).cmp(&(&b.component, &b.name)));
        all
    }

    /// One parameter.
    #[must_use]
    pub fn parameter(&self, component: &str, name: &str) -> Option<Parameter> {
        let mut all = self.parameters(Some(component));
        all.retain(|parameter| parameter.name == name);
        all.pop()
    }

    fn keep(&self, component: &str, name: &str, value: Value, by: &str) -> Result<Applied, Error> {
        let mut kept = self.parameters.kept.write();
        if kept.len() >= PARAMETERS_MAX {
            return Err(Error::InvalidParameter(format!(
                "there are {PARAMETERS_MAX} parameters already"
            )));
        }
        let record = Record::parameter(&self.name, component, name, &value);
        let ticket = self.services.store.put(&record.key, &record.value);
        let before = kept.insert((component.to_owned(), name.to_owned()), value);
        self.services.events.emit("parameter.set", || {
            Facts::of_parameter(&self.name, name)
                .text("component", component)
                .by(by)
        });
        Ok(Applied {
            created: before.is_none(),
            ticket: Some(ticket),
        })
    }

    /// Removes what the store has of its parameters, because it is deleted.
    pub(crate) fn forget_parameters(&self) {
        let component = PolicyClass::User.component();
        let all = [self.parameters(None), self.parameters(Some(component))];
        for parameter in all.iter().flatten() {
            let key = Record::parameter_key(&self.name, &parameter.component, &parameter.name);
            self.services.store.remove(&key);
        }
    }
}

/// Checks a parameter without setting it.
///
/// # Errors
/// [`Error::InvalidParameter`] with RabbitMQ's words.
pub(crate) fn check_parameter(component: &str, name: &str, value: &Value) -> Result<(), Error> {
    let refuse = |text: String| Err(Error::InvalidParameter(text));
    if component == PolicyClass::User.component() {
        return refuse("policies may not be set using this method".to_owned());
    }
    if let Some(class) = PolicyClass::of_component(component) {
        let parsed = Policy::parse(class, name, value).map(drop);
        return parsed.map_err(Error::InvalidParameter);
    }
    if value.to_string().len() > PARAMETER_BYTES_MAX {
        return refuse(format!("{name} is longer than {PARAMETER_BYTES_MAX} bytes"));
    }
    let wrong = match component {
        "federation-upstream-set" => {
            (!value.is_array()).then(|| format!("{name} not a list {}", term(value)))
        }
        "federation-upstream" => match value {
            Value::Object(terms) if terms.contains_key("uri") => None,
            Value::Object(_) => Some(format!("Key \"uri\" not found in {name}")),
            other => Some(format!("{name} not a list {}", term(other))),
        },
        _ if KEPT.contains(&component) || component == VHOST_LIMITS => {
            (!value.is_object()).then(|| format!("{name} not a list {}", term(value)))
        }
        _ => Some(format!("component {component} not found")),
    };
    match wrong {
        Some(wrong) => refuse(invalid(&[wrong])),
        None => Ok(()),
    }
}

impl Broker {
    /// Sets a parameter of a virtual host on behalf of `by`.
    ///
    /// # Errors
    /// [`Error::NoVhost`]; [`Error::InvalidParameter`] for a component that there isn't, and for a
    /// value that it can't have.
    pub fn set_parameter(
        &self,
        vhost: &str,
        component: &str,
        name: &str,
        value: Value,
        by: &str,
    ) -> Result<Applied, Error> {
        let no_vhost = || Error::NoVhost(vhost.to_owned());
        let vhost = self.vhost(vhost).ok_or_else(no_vhost)?;
        check_parameter(component, name, &value)?;
        match PolicyClass::of_component(component) {
            Some(class) => {
                let policy = Policy::parse(class, name, &value).map_err(Error::InvalidParameter)?;
                vhost.put_policies(vec![(class, policy)], by)
            }
            None if component == VHOST_LIMITS => {
                let limits = value.as_object().map(vhost_limits).unwrap_or_default();
                self.limit(&vhost, limits)
            }
            None => vhost.keep(component, name, value, by),
        }
    }

    /// Clears a parameter of a virtual host on behalf of `by`. `None` if there is none.
    ///
    /// # Errors
    /// [`Error::NoVhost`]; [`Error::InvalidParameter`] for a policy.
    pub fn clear_parameter(
        &self,
        vhost: &str,
        component: &str,
        name: &str,
        by: &str,
    ) -> Result<Option<Ticket>, Error> {
        let no_vhost = || Error::NoVhost(vhost.to_owned());
        let vhost = self.vhost(vhost).ok_or_else(no_vhost)?;
        match PolicyClass::of_component(component) {
            Some(PolicyClass::User) => Err(Error::InvalidParameter(
                "policies may not be cleared using this method".to_owned(),
            )),
            Some(class) => Ok(vhost.delete_policy(class, name, by)),
            None if component == VHOST_LIMITS => {
                if vhost.parameter(component, name).is_none() {
                    return Ok(None);
                }
                Ok(self.limit(&vhost, VHostLimits::default())?.ticket)
            }
            None => {
                let key = (component.to_owned(), name.to_owned());
                let removed = vhost.parameters.kept.write().remove(&key);
                let key = Record::parameter_key(vhost.name(), component, name);
                Ok(removed.map(|_| {
                    self.events().emit("parameter.cleared", || {
                        Facts::of_parameter(vhost.name(), name)
                            .text("component", component)
                            .by(by)
                    });
                    self.store().remove(&key)
                }))
            }
        }
    }

    fn limit(&self, vhost: &VHost, limits: VHostLimits) -> Result<Applied, Error> {
        let change = VHostChange {
            limits: Some(limits),
            ..VHostChange::default()
        };
        self.put_vhost(vhost.name(), change, None)
    }

    /// Global parameters, by name.
    #[must_use]
    pub fn global_parameters(&self) -> Vec<(String, Value)> {
        let all = self.globals().0.read();
        all.iter()
            .filter(|(name, _)| *name != IMPORTED_HASH)
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }

    /// The global parameter of this name.
    #[must_use]
    pub fn global_parameter(&self, name: &str) -> Option<Value> {
        self.globals().0.read().get(name).cloned()
    }

    /// Sets a global parameter on behalf of `by`.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] for one that is too large, or one too many.
    pub fn set_global_parameter(
        &self,
        name: &str,
        value: Value,
        by: &str,
    ) -> Result<Applied, Error> {
        let record = Record::global(name, &value);
        if record.value.len() > PARAMETER_BYTES_MAX {
            return Err(Error::InvalidParameter(format!(
                "{name} is longer than {PARAMETER_BYTES_MAX} bytes"
            )));
        }
        let mut all = self.globals().0.write();
        if all.len() >= PARAMETERS_MAX {
            return Err(Error::InvalidParameter(format!(
                "there are {PARAMETERS_MAX} global parameters already"
            )));
        }
        let ticket = self.store().put(&record.key, &record.value);
        let before = all.insert(name.to_owned(), value);
        self.events()
            .emit("parameter.set", || of_global(name).by(by));
        Ok(Applied {
            created: before.is_none(),
            ticket: Some(ticket),
        })
    }

    /// Clears a global parameter on behalf of `by`. `None` if there is none.
    pub fn clear_global_parameter(&self, name: &str, by: &str) -> Option<Ticket> {
        self.globals().0.write().remove(name)?;
        self.events()
            .emit("parameter.cleared", || of_global(name).by(by));
        Some(self.store().remove(&Record::global_key(name)))
    }

    /// The name of the cluster: what was set last, or else the setting.
    #[must_use]
    pub fn cluster_name(&self) -> String {
        match self.global_parameter(CLUSTER_NAME) {
            Some(Value::String(name)) => name,
            _ => self.settings().cluster_name.clone(),
        }
    }

    /// Names the cluster on behalf of `by`.
    ///
    /// # Errors
    /// As [`Self::set_global_parameter`].
    pub fn set_cluster_name(&self, name: &str, by: &str) -> Result<Applied, Error> {
        self.set_global_parameter(CLUSTER_NAME, Value::from(name), by)
    }

    /// Applies what the store holds of parameters, once everything is there that policies can
    /// apply to.
    pub(crate) fn restore_parameters(&self, stored: Vec<StoredParameter>) {
        let mut sets: BTreeMap<String, PolicySet> = BTreeMap::new();
        for parameter in stored {
            let StoredParameter {
                vhost,
                component,
                name,
                value,
            } = parameter;
            let Some(vhost) = vhost else {
                self.globals().0.write().insert(name, value);
                continue;
            };
            match PolicyClass::of_component(&component) {
                Some(class) => match Policy::parse(class, &name, &value) {
                    Ok(policy) => sets.entry(vhost).or_default().put(class, Arc::new(policy)),
                    Err(error) => {
                        tracing::error!(%error, %vhost, policy = %name, "a stored policy can't be restored and is skipped");
                    }
                },
                None => {
                    if let Some(vhost) = self.vhost(&vhost) {
                        let mut kept = vhost.parameters.kept.write();
                        kept.insert((component, name), value);
                    }
                }
            }
        }
        for (vhost, set) in sets {
            if let Some(vhost) = self.vhost(&vhost) {
                let _changing = vhost.parameters.changes.lock();
                vhost.replace_policies(set);
            }
        }
    }
}

/// What is told of a global parameter.
fn of_global(name: &str) -> Facts {
    Facts::new().text("name", name).text("component", "global")
}

impl StoredParameter {
    /// Reads the value of an entry.
    pub(crate) fn decode(vhost: Option<String>, value: &[u8]) -> Option<Self> {
        let Ok(Value::Object(mut stored)) = serde_json::from_slice::<Value>(value) else {
            return None;
        };
        let mut text = |key: &str| match stored.remove(key) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        Some(Self {
            vhost,
            component: text("component").unwrap_or_default(),
            name: text("name")?,
            value: stored.remove("value")?,
        })
    }

    /// The value of an entry. Keys have no room for names of any length.
    pub(crate) fn encode(component: &str, name: &str, value: &Value) -> Vec<u8> {
        let mut stored = Map::new();
        stored.insert("component".to_owned(), component.into());
        stored.insert("name".to_owned(), name.into());
        stored.insert("value".to_owned(), value.clone());
        Value::Object(stored).to_string().into_bytes()
    }
}
