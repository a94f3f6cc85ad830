//! A row of the route table: what the router does and what the document says, in one value.

use std::fmt;

use axum::{handler::Handler, routing::MethodRouter};
use http::Method;
use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::Edge;

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everybody.
    Public,
    /// Whoever has the refresh cookie.
    Cookie,
    /// Whoever has an access token.
    Signed,
}

/// How the shape of a body is found.
pub(crate) type Shape = fn(&mut SchemaGenerator) -> Schema;

/// One route.
#[derive(Clone)]
pub(crate) struct Route {
    pub(crate) method: Method,
    /// As the router writes it: `/api/users/{id}`.
    pub(crate) path: &'static str,
    pub(crate) handler: MethodRouter<Edge>,
    pub(crate) summary: &'static str,
    pub(crate) access: Access,
    pub(crate) body: Option<Shape>,
    pub(crate) status: u16,
    pub(crate) answer: Option<Shape>,
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

impl Route {
    fn new<H, T>(method: Method, path: &'static str, handler: H, summary: &'static str) -> Self
    where
        H: Handler<T, Edge>,
        T: 'static,
    {
        let on = axum::routing::MethodFilter::try_from(method.clone());
        let handler = match on {
            Ok(filter) => axum::routing::on(filter, handler),
            Err(_) => MethodRouter::new(),
        };
        Self { method, path, handler, summary, access: Access::Public, body: None, status: 204, answer: None }
    }

    /// Needs an access token.
    pub(crate) const fn signed(mut self) -> Self {
        self.access = Access::Signed;
        self
    }

    /// Looks at the refresh cookie.
    pub(crate) const fn cookie(mut self) -> Self {
        self.access = Access::Cookie;
        self
    }

    /// Takes a JSON body.
    pub(crate) fn takes<T: JsonSchema>(mut self) -> Self {
        self.body = Some(SchemaGenerator::subschema_for::<T>);
        self
    }

    /// Answers JSON; without it the answer is empty (204).
    pub(crate) fn answers<T: JsonSchema>(mut self, status: u16) -> Self {
        self.status = status;
        self.answer = Some(SchemaGenerator::subschema_for::<T>);
        self
    }
}

macro_rules! methods {
    ($($name:ident $method:ident),*) => { $(
        pub(crate) fn $name<H, T>(path: &'static str, handler: H, summary: &'static str) -> Route
        where
            H: Handler<T, Edge>,
            T: 'static,
        {
            Route::new(Method::$method, path, handler, summary)
        }
    )* };
}

methods!(get GET, post POST, put PUT, patch PATCH, delete DELETE);
