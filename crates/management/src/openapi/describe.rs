//! What the arguments of a handler tell about it.

use std::sync::Arc;

use axum::extract::{Path, Query, Request, State};
use axum::http::HeaderMap;

use super::field::Field;
use super::operation::{Answer, Operation, Role};
use crate::auth::{Administrator, Caller, Monitor, Policymaker};
use crate::body::Fields;
use crate::context::Context;

/// An argument of a handler, or all of them. A handler whose arguments can't be described is no
/// route.
pub(crate) trait Describe {
    /// Adds what this argument means.
    fn describe(operation: &mut Operation);
}

/// A query's parameters. Stands beside the type that they are read into.
pub(crate) trait Parameters {
    /// All of them.
    const FIELDS: &'static [Field];

    /// Those that have a meaning for such an answer.
    fn of(_answer: Answer) -> Vec<&'static Field> {
        Self::FIELDS.iter().collect()
    }
}

impl<P: Parameters> Describe for Query<P> {
    fn describe(operation: &mut Operation) {
        operation.query.extend(P::of(operation.answer));
    }
}

impl Describe for Fields {
    fn describe(operation: &mut Operation) {
        operation.takes_body = true;
    }
}

impl Describe for Request {
    fn describe(operation: &mut Operation) {
        operation.takes_body = true;
    }
}

impl Describe for State<Arc<Context>> {
    fn describe(_: &mut Operation) {}
}

impl Describe for HeaderMap {
    fn describe(_: &mut Operation) {}
}

impl Describe for Caller {
    fn describe(_: &mut Operation) {}
}

impl Describe for Monitor {
    fn describe(operation: &mut Operation) {
        operation.role = Role::Monitoring;
    }
}

impl Describe for Policymaker {
    fn describe(operation: &mut Operation) {
        operation.role = Role::Policymaker;
    }
}

impl Describe for Administrator {
    fn describe(operation: &mut Operation) {
        operation.role = Role::Administrator;
    }
}

/// What a path can be read into.
trait Segments {
    const COUNT: usize;
}

impl Segments for String {
    const COUNT: usize = 1;
}

impl Segments for (String, String) {
    const COUNT: usize = 2;
}

impl Segments for (String, String, String) {
    const COUNT: usize = 3;
}

impl Segments for (String, String, String, String) {
    const COUNT: usize = 4;
}

impl<S: Segments> Describe for Path<S> {
    fn describe(operation: &mut Operation) {
        operation.segments = Some(S::COUNT);
    }
}

/// The first member is the framework's mark, the others are the arguments.
macro_rules! arguments {
    ($($argument:ident)*) => {
        impl<Mark, $($argument: Describe),*> Describe for (Mark, $($argument,)*) {
            fn describe(_operation: &mut Operation) {
                $($argument::describe(_operation);)*
            }
        }
    };
}

arguments!();
arguments!(A);
arguments!(A B);
arguments!(A B C);
arguments!(A B C D);
arguments!(A B C D E);
arguments!(A B C D E F);
