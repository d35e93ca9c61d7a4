//! What is known about one method of one path.

use super::field::Field;

/// What a request that succeeds is answered with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Answer {
    /// 200 with an object or another single value.
    Object,
    /// 200 with a list.
    List,
    /// 200 with a list, or with a page of it.
    Page,
    /// 200 with server-sent events.
    Events,
    /// 200, or 503 if the check failed, each with an object.
    Check,
    /// 201 if it is new, 204 if it was there.
    Put,
    /// 201 with the place of what was made.
    Made,
    /// 204.
    Done,
    /// 302 with the place to go on.
    Elsewhere,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Method {
    Get,
    Put,
    Post,
    Delete,
}

impl Method {
    /// As the keys of a path item are spelled.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Put => "put",
            Self::Post => "post",
            Self::Delete => "delete",
        }
    }
}

/// Who may call an operation, by the least of the tags that will do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    Management,
    Policymaker,
    Monitoring,
    Administrator,
}

impl Role {
    pub(super) const fn tag(self) -> &'static str {
        match self {
            Self::Management => "management",
            Self::Policymaker => "policymaker",
            Self::Monitoring => "monitoring",
            Self::Administrator => "administrator",
        }
    }
}

/// One method of one path.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(super) path: &'static str,
    pub(super) method: Method,
    pub(super) summary: &'static str,
    pub(super) answer: Answer,
    /// The parameters of its query.
    pub(crate) query: Vec<&'static Field>,
    /// The keys of its body.
    pub(super) body: &'static [Field],
    /// Who may call it.
    pub(crate) role: Role,
    /// Whether it reads a body.
    pub(crate) takes_body: bool,
    /// How many segments of the path it reads, if any.
    pub(crate) segments: Option<usize>,
}

impl Operation {
    /// The names in the path.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        let segments = self.path.split('/');
        segments.filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
    }
}

/// Operations that belong together: those of one file.
#[derive(Debug)]
pub(crate) struct Group {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) operations: Vec<Operation>,
}
