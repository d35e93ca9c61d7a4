//! The verbs, by what they are about.

mod access;
mod definitions;
mod health;
mod limits;
mod list;
mod node;
mod parameters;
mod policies;
mod users;
mod vhosts;
mod work;

use std::future::Future;
use std::pin::Pin;

use crate::call::Call;
use crate::failure::Failure;
use crate::output::Output;

/// A verb at work.
pub(crate) type Doing<'a> = Pin<Box<dyn Future<Output = Result<Output, Failure>> + 'a>>;

/// One verb.
pub(crate) struct Verb {
    /// rabbitmqctl's or rabbitmq-diagnostics' name of it.
    pub(crate) name: &'static str,
    /// What it does, in a line.
    pub(crate) about: &'static str,
    /// What it takes, besides the options that all verbs take.
    pub(crate) arguments: &'static [Argument],
    /// Does it.
    pub(crate) run: for<'a> fn(&'a Call) -> Doing<'a>,
}

/// Something that a verb takes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Argument {
    /// A word that has to be there.
    Required(&'static str),
    /// A word that may be there.
    Optional(&'static str),
    /// Any number of words.
    Words(&'static str),
    /// `--name VALUE`
    Option(&'static str, &'static str),
    /// `--name`
    Flag(&'static str),
}

/// A row of the table: `verb!("name", "about", [arguments], function)`.
macro_rules! verb {
    ($name:literal, $about:literal, [$($argument:expr),* $(,)?], $run:expr) => {
        $crate::verbs::Verb {
            name: $name,
            about: $about,
            arguments: &[$($argument),*],
            run: |call| Box::pin($run(call)),
        }
    };
}
use verb;

/// All of them.
pub(crate) const VERBS: [&[Verb]; 11] = [
    node::VERBS,
    health::VERBS,
    users::VERBS,
    access::VERBS,
    vhosts::VERBS,
    list::VERBS,
    work::VERBS,
    policies::VERBS,
    parameters::VERBS,
    limits::VERBS,
    definitions::VERBS,
];

/// Something was done.
fn done(text: impl Into<String>) -> Result<Output, Failure> {
    Ok(Output::Done(text.into()))
}
