//! The HTTP API as a program uses it: a request for each connection, JSON both ways, `http` only (a load test belongs on a
//! network of one's own).

use std::time::Duration;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

use super::Trouble;

/// An answer takes no longer, or something is wrong.
const ANSWER: Duration = Duration::from_secs(20);
/// Longest answer that is read.
const MAX_ANSWER: u64 = 1 << 20;
/// Looks for a mail, and between two of them.
const LOOKS: u32 = 100;
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A place that is reached over `http`.
#[derive(Debug, Clone)]
pub struct Site {
    /// `host:port`.
    pub host: String,
}

impl Site {
    /// From a URL of the form `http://host[:port]`.
    pub fn new(url: &str) -> Result<Self, Trouble> {
        let host = url.strip_prefix("http://").ok_or(Trouble::Url)?.trim_end_matches('/');
        if host.is_empty() || host.contains('/') {
            return Err(Trouble::Url);
        }
        let host = if host.rsplit(':').next().is_some_and(|port| port.parse::<u16>().is_ok()) {
            host.to_owned()
        } else {
            format!("{host}:80")
        };
        Ok(Self { host })
    }

    /// One request; whatever isn't a 2xx is a trouble.
    pub async fn ask(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<Value>,
    ) -> Result<Value, Trouble> {
        let text = body.map(|body| body.to_string()).unwrap_or_default();
        let token = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n{token}\r\n{text}",
            self.host,
            text.len()
        );
        let answer =
            timeout(ANSWER, self.exchange(&request)).await.map_err(|_| Trouble::Late(path.to_owned()))??;
        read(&answer, path)
    }

    async fn exchange(&self, request: &str) -> Result<Vec<u8>, Trouble> {
        let mut stream = TcpStream::connect(&self.host).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(MAX_ANSWER).read_to_end(&mut answer).await?;
        Ok(answer)
    }
}

fn read(answer: &[u8], path: &str) -> Result<Value, Trouble> {
    let text = String::from_utf8_lossy(answer);
    let (head, body) = text.split_once("\r\n\r\n").ok_or_else(|| Trouble::Answer(path.to_owned()))?;
    let status = head.split(' ').nth(1).unwrap_or("");
    let body = if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        unchunk(body)
    } else {
        body.to_owned()
    };
    if !status.starts_with('2') {
        return Err(Trouble::Refused(format!("{path}: {status} {body}")));
    }
    Ok(serde_json::from_str(&body).unwrap_or(Value::Null))
}

fn unchunk(mut body: &str) -> String {
    let mut out = String::new();
    while let Some((length, rest)) = body.split_once("\r\n") {
        let length = usize::from_str_radix(length.trim(), 16).unwrap_or(0);
        let Some(chunk) = rest.get(..length).filter(|chunk| !chunk.is_empty()) else { break };
        out.push_str(chunk);
        body = rest.get(length..).map_or("", |rest| rest.trim_start_matches("\r\n"));
    }
    out
}

/// Makes an account and gives its access token. The code is read at `/dev/outbox.json` of the private address, which a
/// server has in development mode.
pub async fn sign_in(site: &Site, private: &Site, email: &str) -> Result<String, Trouble> {
    let challenge = site.ask("POST", "/api/auth/login", None, Some(json!({"email": email}))).await?;
    let code = code_for(private, email).await?;
    let verify = json!({"challengeId": challenge["challengeId"], "code": code});
    let verified = site.ask("POST", "/api/auth/verify", None, Some(verify)).await?;
    let token = verified["accessToken"].as_str().ok_or_else(|| Trouble::Answer("verify".to_owned()))?;
    site.ask("PUT", "/api/users/me/age", Some(token), Some(json!({"adult": true}))).await?;
    Ok(token.to_owned())
}

async fn code_for(private: &Site, email: &str) -> Result<String, Trouble> {
    for _ in 0..LOOKS {
        let mails = private.ask("GET", "/dev/outbox.json", None, None).await?;
        let all = mails.as_array().or_else(|| mails["mails"].as_array()).into_iter().flatten();
        let mut mine = all.filter(|mail| mail["to"].as_str().is_some_and(|to| to.contains(email)));
        if let Some(code) = mine.find_map(|mail| mail["code"].as_str()) {
            return Ok(code.to_owned());
        }
        sleep(LOOK_EVERY).await;
    }
    Err(Trouble::Late(format!("a mail to {email}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_a_host_and_a_port_over_http() {
        assert_eq!(Site::new("http://127.0.0.1:8080/").unwrap().host, "127.0.0.1:8080");
        assert_eq!(Site::new("http://host").unwrap().host, "host:80");
        for bad in ["https://host", "host:80", "http://", "http://host/path"] {
            assert!(Site::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn answers_are_read_whole_and_in_chunks() {
        let plain = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{\"a\":1}";
        assert_eq!(read(plain, "x").unwrap(), json!({"a": 1}));
        let chunked =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{\"a\r\n4\r\n\":1}\r\n0\r\n\r\n";
        assert_eq!(read(chunked, "x").unwrap(), json!({"a": 1}));
        assert!(read(b"HTTP/1.1 409 Conflict\r\n\r\n{}", "x").is_err());
        assert!(read(b"junk", "x").is_err());
    }
}
