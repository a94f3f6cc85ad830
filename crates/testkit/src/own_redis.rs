//! A Redis of a test's own, to be stopped, emptied and demoted.

use std::process::Stdio;

use tokio::process::{Child, Command};
use visavis_platform::redis_link::Settings;

use crate::{stores, until};

/// The server; killed with its owner.
#[derive(Debug)]
pub struct OwnRedis {
    port: u16,
    process: Child,
}

impl OwnRedis {
    /// On a free loopback port, without a password; `None` where the servers for tests aren't set up.
    pub async fn start() -> Option<Self> {
        stores::server(stores::REDIS)?;
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let redis = Self { port, process: spawn(port) };
        redis.answers().await;
        Some(redis)
    }

    /// How to connect.
    pub fn settings(&self) -> Settings {
        Settings { url: Some(format!("redis://127.0.0.1:{}", self.port).into()), ..Settings::default() }
    }

    /// Kills it, with all it held.
    pub async fn stop(&mut self) {
        self.process.kill().await.unwrap();
    }

    /// Starts it again on the same port, empty.
    pub async fn again(&mut self) {
        self.process = spawn(self.port);
        self.answers().await;
    }

    /// A command of an operator.
    pub async fn tell(&self, words: &[&str]) {
        let mut connection = self.client().get_multiplexed_async_connection().await.unwrap();
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.query_async::<redis::Value>(&mut connection).await.unwrap();
    }

    fn client(&self) -> redis::Client {
        redis::Client::open(format!("redis://127.0.0.1:{}", self.port)).unwrap()
    }

    async fn answers(&self) {
        until("redis-server answers", async || {
            self.client().get_multiplexed_async_connection().await.is_ok()
        })
        .await;
    }
}

fn spawn(port: u16) -> Child {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("redis-server is on the path")
}
