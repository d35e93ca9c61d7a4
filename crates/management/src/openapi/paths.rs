//! Routes that describe themselves.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::routing::{self, MethodRouter};

use super::describe::Describe;
use super::field::Field;
use super::operation::{Answer, Group, Method, Operation, Role};
use crate::context::Context;

/// Routes and their description, declared together.
pub(crate) struct Paths {
    /// The methods of each path.
    routes: BTreeMap<&'static str, MethodRouter<Arc<Context>>>,
    groups: Vec<Group>,
    /// Whose methods come next.
    path: &'static str,
}

impl Paths {
    /// None yet: a group of them with a name and what it is about.
    pub(crate) fn of(name: &'static str, about: &'static str) -> Self {
        let operations = Vec::new();
        let group = Group {
            name,
            about,
            operations,
        };
        Self {
            routes: BTreeMap::new(),
            groups: vec![group],
            path: "/",
        }
    }

    /// No group yet.
    pub(crate) fn none() -> Self {
        Self {
            routes: BTreeMap::new(),
            groups: Vec::new(),
            path: "/",
        }
    }

    /// These and those.
    pub(crate) fn merge(mut self, other: Self) -> Self {
        for (path, route) in other.routes {
            self.add_route(path, route);
        }
        self.groups.extend(other.groups);
        self
    }

    /// The path of the methods that follow.
    pub(crate) fn path(mut self, path: &'static str) -> Self {
        self.path = path;
        self
    }

    /// GET of one thing.
    pub(crate) fn get<H, T>(self, summary: &'static str, handler: H) -> Self
    where
        H: Handler<T, Arc<Context>>,
        T: Describe + 'static,
    {
        let route = routing::get(handler);
        self.add::<T>(Method::Get, Answer::Object, summary, route)
    }

    /// GET of a list that is always whole.
    pub(crate) fn list<H, T>(self, summary: &'static str, handler: H) -> Self
    where
        H: Handler<T, Arc<Context>>,
        T: Describe + 'static,
    {
        let route = routing::get(handler);
        self.add::<T>(Method::Get, Answer::List, summary, route)
    }

    /// GET of a list that can be had in pages.
    pub(crate) fn pages<H, T>(self, summary: &'static str, handler: H) -> Self
    where
        H: Handler<T, Arc<Context>>,
        T: Describe + 'static,
    {
        let route = routing::get(handler);
        self.add::<T>(Method::Get, Answer::Page, summary, route)
    }

    /// GET of a stream of events.
    pub(crate) fn events<H, T>(self, summary: &'static str, handler: H) -> Self
    where
        H: Handler<T, Arc<Context>>,
        T: Describe + 'static,
    {
        let route = routing::get(handler);
        self.add::<T>(Method::Get, Answer::Events, summary, route)
    }

    /// GET of a health check.
    pub(crate) fn check<H, T>(self, summary: &'static str, handler: H) -> Self
    where
        H: Handler<T, Arc<Context>>,
        T: Describe + 'static,
    {
        let route = routing::get(handler);
        self.add::<T>(Method::Get, Answer::Check, summary, route)
    }

    /// PUT that says whether it made something.
    pub(crate) fn put<H, T>(self, summary: &'static str, handler: H) -> Self
    where
        H: Handler<T, Arc<Context>>,
        T: Describe + 'static,
    {
        let route = routing::put(handler);
        self.add::<T>(Method::Put, Answer::Put, summary, route)
    }

    /// POST.
    pub(crate) fn post<H, T>(self, summary: &'static str, answer: Answer, handler: H) -> Self
    where
        H: Handler<T, Arc<Context>>,
        T: Describe + 'static,
    {
        let route = routing::post(handler);
        self.add::<T>(Method::Post, answer, summary, route)
    }

    /// DELETE.
    pub(crate) fn delete<H, T>(self, summary: &'static str, handler: H) -> Self
    where
        H: Handler<T, Arc<Context>>,
        T: Describe + 'static,
    {
        let route = routing::delete(handler);
        self.add::<T>(Method::Delete, Answer::Done, summary, route)
    }

    fn add<T: Describe>(
        mut self,
        method: Method,
        answer: Answer,
        summary: &'static str,
        route: MethodRouter<Arc<Context>>,
    ) -> Self {
        let mut operation = Operation {
            path: self.path,
            method,
            summary,
            answer,
            query: Vec::new(),
            body: &[],
            role: Role::Management,
            takes_body: false,
            segments: None,
        };
        T::describe(&mut operation);
        self.add_route(self.path, route);
        if let Some(group) = self.groups.last_mut() {
            group.operations.push(operation);
        }
        self
    }

    /// Further methods of a path.
    fn add_route(&mut self, path: &'static str, route: MethodRouter<Arc<Context>>) {
        let known = self.routes.remove(path).unwrap_or_default();
        self.routes.insert(path, known.merge(route));
    }

    /// The keys of the body that the last method reads.
    pub(crate) fn body(mut self, fields: &'static [Field]) -> Self {
        let group = self.groups.last_mut();
        if let Some(operation) = group.and_then(|group| group.operations.last_mut()) {
            operation.body = fields;
        }
        self
    }

    /// What the last method answers, if that is not what its kind does.
    pub(crate) fn answers(mut self, answer: Answer) -> Self {
        let group = self.groups.last_mut();
        if let Some(operation) = group.and_then(|group| group.operations.last_mut()) {
            operation.answer = answer;
        }
        self
    }

    /// The routes, and what is known about them. A router that is made at once, not merged
    /// from many, leaves no tables behind that it outgrew.
    pub(crate) fn split(self) -> (Router<Arc<Context>>, Vec<Group>) {
        let add = |router: Router<_>, (path, route)| router.route(path, route);
        let router = self.routes.into_iter().fold(Router::new(), add);
        (router, self.groups)
    }
}
