//! Role contracts. One macro turns a list of methods into the async trait a role implements, the remote twin that
//! callers in another process hold, and the dispatcher of the serving side. Where a role runs is decided in
//! `app::wire` alone; nobody else can tell.

pub mod age_assurance;
pub mod analytics;
pub mod auth;
pub mod friends;
pub mod matchmaking;
pub mod moderation;
pub mod node;
pub mod rooms;
pub mod sight;
pub mod users;

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{Fault, id::RoomId};

/// Who asks and how long the answer is still wanted. Crosses every hop of one request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Caller {
    /// The request id of the edge, for logs; never personal data.
    pub request: String,
    /// Time left for the whole request, in milliseconds.
    pub remaining_ms: u64,
}

impl Caller {
    /// A caller inside the server itself (drivers, timers), with five seconds.
    pub fn internal(name: &str) -> Self {
        Self { request: name.to_owned(), remaining_ms: 5_000 }
    }
}

/// How a transport may treat a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Doing it twice is doing it once: a transport may retry.
    Idempotent,
    /// Must not be sent again when the answer was lost.
    Once,
}

/// One method of a contract, as a transport sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Method {
    /// The role that serves it.
    pub role: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Whether a retry is safe.
    pub class: Class,
    /// Longest time to wait for the answer, in milliseconds (the caller's remaining time may be shorter).
    pub deadline_ms: u64,
}

/// Which of the nodes that run a role a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// Any: they all know the same.
    Any,
    /// The one that holds this room (`at` in a contract).
    Holder(RoomId),
    /// The one that holds it, or else the one that has the most to spare (`opens` in a contract).
    Opener(RoomId),
}

/// Carries one call to wherever the role runs.
#[async_trait]
pub trait Transport: Send + Sync + 'static {
    /// Sends `body` to `method` and returns the encoded reply.
    async fn call(&self, method: Method, to: To, cx: &Caller, body: Vec<u8>) -> Result<Vec<u8>, Fault>;
}

#[async_trait]
impl Transport for Arc<dyn Transport> {
    async fn call(&self, method: Method, to: To, cx: &Caller, body: Vec<u8>) -> Result<Vec<u8>, Fault> {
        self.as_ref().call(method, to, cx, body).await
    }
}

/// The serving side of a role, with the types erased.
#[async_trait]
pub trait Dispatch: Send + Sync + 'static {
    /// The role's name in the role table.
    fn role(&self) -> &'static str;
    /// Every method, for the table of contracts.
    fn methods(&self) -> &'static [Method];
    /// Decodes, calls, encodes.
    async fn dispatch(&self, method: &str, cx: &Caller, body: &[u8]) -> Result<Vec<u8>, Fault>;
}

/// A role in another process (or behind loopback bytes): implements the contract over a transport.
#[derive(Debug, Clone)]
pub struct Remote<T>(pub T);

/// How the served role and its remote twin are joined: given the one, makes the way to it.
pub type Link<'a> = &'a dyn Fn(Arc<dyn Dispatch>) -> Arc<dyn Transport>;

/// Declares a role's contract: `"name" => trait Name { fn method(Request) -> Reply [idempotent, 500 ms]; }`. A method
/// that is for one room's node says where the request names the room: `… [idempotent, 500 ms] at seat.room;`.
#[macro_export]
macro_rules! contract {
    ($(#[$m:meta])* $role:literal => trait $Trait:ident {
        $( $(#[$mm:meta])* fn $method:ident($Req:ty) -> $Rep:ty [$class:ident, $ms:literal ms]
            $($to:ident $($field:ident).+)?; )*
    }) => {
        $(#[$m])*
        #[async_trait::async_trait]
        pub trait $Trait: Send + Sync + 'static {
            $( $(#[$mm])* async fn $method(&self, cx: &$crate::contract::Caller, req: $Req)
                -> Result<$Rep, $crate::Fault>; )*
        }

        struct Served(std::sync::Arc<dyn $Trait>);

        /// The role as bytes, to be called from elsewhere.
        pub fn serve(role: std::sync::Arc<dyn $Trait>) -> std::sync::Arc<dyn $crate::contract::Dispatch> {
            std::sync::Arc::new(Served(role))
        }

        /// The role, wherever the transport finds it.
        pub fn remote(transport: std::sync::Arc<dyn $crate::contract::Transport>) -> std::sync::Arc<dyn $Trait> {
            std::sync::Arc::new($crate::contract::Remote(transport))
        }

        /// The role behind a link of bytes.
        pub fn through(role: std::sync::Arc<dyn $Trait>, link: $crate::contract::Link<'_>)
            -> std::sync::Arc<dyn $Trait> {
            remote(link(serve(role)))
        }

        #[async_trait::async_trait]
        impl<T: $crate::contract::Transport> $Trait for $crate::contract::Remote<T> {
            $( async fn $method(&self, cx: &$crate::contract::Caller, req: $Req) -> Result<$Rep, $crate::Fault> {
                let method = $crate::contract::Method {
                    role: $role,
                    name: stringify!($method),
                    class: $crate::contract!(@class $class),
                    deadline_ms: $ms,
                };
                let to = $crate::contract!(@to req $($to $($field).+)?);
                let body = $crate::contract::encode(&req)?;
                $crate::contract::decode(&self.0.call(method, to, cx, body).await?)
            } )*
        }

        #[async_trait::async_trait]
        impl $crate::contract::Dispatch for Served {
            fn role(&self) -> &'static str {
                $role
            }
            fn methods(&self) -> &'static [$crate::contract::Method] {
                &[$( $crate::contract::Method {
                    role: $role,
                    name: stringify!($method),
                    class: $crate::contract!(@class $class),
                    deadline_ms: $ms,
                } ),*]
            }
            async fn dispatch(&self, method: &str, cx: &$crate::contract::Caller, body: &[u8])
                -> Result<Vec<u8>, $crate::Fault> {
                match method {
                    $( stringify!($method) => $crate::contract::encode(
                        &self.0.$method(cx, $crate::contract::decode(body)?).await?
                    ), )*
                    _ => Err($crate::Fault::not_found("That method")),
                }
            }
        }
    };
    (@class idempotent) => { $crate::contract::Class::Idempotent };
    (@class once) => { $crate::contract::Class::Once };
    (@to $req:ident) => { $crate::contract::To::Any };
    (@to $req:ident at $($field:ident).+) => { $crate::contract::To::Holder($req.$($field).+) };
    (@to $req:ident opens $($field:ident).+) => { $crate::contract::To::Opener($req.$($field).+) };
}

/// The wire form of requests and replies.
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, Fault> {
    serde_json::to_vec(value).map_err(|_| Fault::internal())
}

/// Reads the wire form; a shape this build doesn't know is a `bad-request`.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(bytes).map_err(|_| Fault::bad_request("The call has the wrong shape."))
}

/// The same bytes as the network without sockets: every contract suite runs through this too, so that a field that
/// doesn't survive the wire can't hide.
#[derive(Clone)]
pub struct Loopback(pub Arc<dyn Dispatch>);

impl Loopback {
    /// As a [`Link`].
    pub fn link(role: Arc<dyn Dispatch>) -> Arc<dyn Transport> {
        Arc::new(Self(role))
    }
}

impl std::fmt::Debug for Loopback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Loopback").field(&self.0.role()).finish()
    }
}

#[async_trait]
impl Transport for Loopback {
    async fn call(&self, method: Method, _: To, cx: &Caller, body: Vec<u8>) -> Result<Vec<u8>, Fault> {
        let cx = decode::<Caller>(&encode(cx)?)?;
        self.0.dispatch(method.name, &cx, &body).await
    }
}
