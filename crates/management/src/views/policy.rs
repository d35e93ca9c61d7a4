//! Policies, and what of them an object shows.

use broker::{Parameter, Policies, Policy};
use serde::Serialize;
use serde_json::{Map, Number, Value};

#[derive(Serialize, Debug)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct PolicyView<'a> {
    vhost: &'a str,
    name: &'a str,
    pattern: &'a str,
    apply_to: &'static str,
    definition: &'a Map<String, Value>,
    priority: &'a Number,
}

impl<'a> PolicyView<'a> {
    pub(crate) fn of(vhost: &'a str, policy: &'a Policy) -> Self {
        Self {
            vhost,
            name: policy.name(),
            pattern: policy.pattern(),
            apply_to: policy.apply_to().as_str(),
            definition: policy.definition(),
            priority: policy.priority(),
        }
    }
}

#[derive(Serialize, Debug)]
pub(crate) struct ParameterView<'a> {
    vhost: &'a str,
    component: &'a str,
    name: &'a str,
    value: &'a Value,
}

impl<'a> ParameterView<'a> {
    pub(crate) fn of(parameter: &'a Parameter) -> Self {
        Self {
            vhost: &parameter.vhost,
            component: &parameter.component,
            name: &parameter.name,
            value: &parameter.value,
        }
    }
}

#[derive(Serialize, Debug)]
pub(crate) struct GlobalView<'a> {
    pub(crate) name: &'a str,
    pub(crate) value: &'a Value,
}

/// The name of the users' policy that applies.
pub(crate) fn user_policy(policies: &Policies) -> Option<String> {
    policies.user.as_ref().map(|p| p.name().to_string())
}

/// The name of the operator's policy that applies.
pub(crate) fn operator_policy(policies: &Policies) -> Option<String> {
    policies.operator.as_ref().map(|p| p.name().to_string())
}

/// What they set together.
pub(crate) fn effective(policies: &Policies) -> Map<String, Value> {
    policies
        .definition()
        .map(std::borrow::Cow::into_owned)
        .unwrap_or_default()
}
