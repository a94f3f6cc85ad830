//! A Socket.IO client, as much as a load test needs: connects with a token, sends events and waits for their
//! acknowledgement, answers pings.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

use super::{Trouble, api::Site};

/// An acknowledgement takes no longer, or something is wrong.
const ANSWER: Duration = Duration::from_secs(20);

/// A connection.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    next: u64,
}

impl Socket {
    /// Connects and waits for the server's welcome.
    pub async fn connect(site: &Site, token: &str) -> Result<Self, Trouble> {
        let url = format!("ws://{}/socket.io/?EIO=4&transport=websocket", site.host);
        let (stream, _) = connect_async(&url).await.map_err(|e| Trouble::Socket(e.to_string()))?;
        let mut socket = Self { stream, next: 0 };
        // Engine.IO opens, Socket.IO connects, the server welcomes.
        socket.until("a socket", |text| text.starts_with('0')).await?;
        socket.send(format!("40{}", json!({"token": token}))).await?;
        let answer =
            socket.until("a session", |text| text.starts_with("40") || text.starts_with("44")).await?;
        if answer.starts_with("44") {
            return Err(Trouble::Socket(answer));
        }
        // Whatever is sent before it isn't heard.
        socket.until("a welcome", |text| text.starts_with("42[\"welcome\"")).await?;
        Ok(socket)
    }

    /// Sends an event and gives its acknowledgement; one that isn't `ok` is a trouble.
    pub async fn call(&mut self, name: &str, payload: &Value) -> Result<Value, Trouble> {
        self.next += 1;
        self.send(format!("42{}{}", self.next, json!([name, payload]))).await?;
        let prefix = format!("43{}[", self.next);
        let answer = self.until(name, |text| text.starts_with(&prefix)).await?;
        let acks: Value = serde_json::from_str(&answer[prefix.len() - 1..]).unwrap_or(Value::Null);
        let ack = acks.get(0).cloned().unwrap_or(Value::Null);
        if ack["ok"] == json!(true) { Ok(ack) } else { Err(Trouble::Refused(format!("{name}: {ack}"))) }
    }

    /// Keeps the connection until it ends.
    pub async fn stay(mut self) {
        while let Some(Ok(message)) = self.stream.next().await {
            if let Message::Text(text) = message
                && text.as_str() == "2"
                && self.send("3".to_owned()).await.is_err()
            {
                return;
            }
        }
    }

    async fn send(&mut self, text: String) -> Result<(), Trouble> {
        self.stream.send(Message::Text(text.into())).await.map_err(|e| Trouble::Socket(e.to_string()))
    }

    async fn until(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> Result<String, Trouble> {
        let look = async {
            while let Some(message) = self.stream.next().await {
                let message = message.map_err(|e| Trouble::Socket(e.to_string()))?;
                let Message::Text(text) = message else { continue };
                if text.as_str() == "2" {
                    self.send("3".to_owned()).await?;
                } else if wanted(text.as_str()) {
                    return Ok(text.as_str().to_owned());
                }
            }
            Err(Trouble::Socket("it was closed".to_owned()))
        };
        timeout(ANSWER, look).await.map_err(|_| Trouble::Late(what.to_owned()))?
    }
}
