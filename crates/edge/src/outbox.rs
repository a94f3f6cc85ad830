//! Mails that were written to files, for a developer who signs in: newest first, code and link found. Reads only what
//! the mailer wrote (`*.eml` in one folder) and shows it as text.

use std::{
    fmt::Write,
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use serde::Serialize;

/// Mails shown: the last few sign-ins of a test.
const MOST: usize = 50;
/// Of each file; ours are some two kilobytes.
const MAX_BYTES: u64 = 64 * 1024;

/// The look of the page.
pub(crate) const STYLE: &str = ":root{color-scheme:light dark;font:1rem/1.5 system-ui,sans-serif}\
    body{max-width:44rem;margin:2rem auto;padding:0 1rem}li{margin:0 0 2rem}\
    .code{font:700 2.5rem/1.2 ui-monospace,monospace;letter-spacing:.15em;margin:.25rem 0}a{overflow-wrap:anywhere}";

/// What a developer needs of a mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Mail {
    to: String,
    subject: String,
    code: Option<String>,
    link: Option<String>,
}

/// The newest mails of a folder; none when there is no such folder.
pub(crate) async fn newest(folder: Option<PathBuf>) -> Vec<Mail> {
    let Some(folder) = folder else { return Vec::new() };
    tokio::task::spawn_blocking(move || read(&folder).unwrap_or_default()).await.unwrap_or_default()
}

fn read(folder: &Path) -> io::Result<Vec<Mail>> {
    let mut files: Vec<(SystemTime, PathBuf)> = Vec::new();
    for entry in fs::read_dir(folder)?.flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|end| end == "eml") && entry.file_type()?.is_file() {
            files.push((entry.metadata()?.modified()?, path));
        }
    }
    files.sort_by(|a, b| b.cmp(a));
    files.truncate(MOST);
    Ok(files.iter().filter_map(|(_, path)| parse(path)).collect())
}

fn parse(path: &Path) -> Option<Mail> {
    use io::Read;
    let mut text = Vec::new();
    fs::File::open(path).ok()?.take(MAX_BYTES).read_to_end(&mut text).ok()?;
    let text = String::from_utf8_lossy(&text).replace("\r\n", "\n");
    let (head, body) = text.split_once("\n\n")?;
    let header = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(':'));
        let found = lines.find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value.trim()).to_owned()
    };
    let mut lines = body.lines().map(str::trim);
    let code = lines.clone().find(|line| line.len() == 6 && line.bytes().all(|b| b.is_ascii_digit()));
    let link = lines.find(|line| line.starts_with("http://") || line.starts_with("https://"));
    Some(Mail {
        to: header("to"),
        subject: header("subject"),
        code: code.map(str::to_owned),
        link: link.map(str::to_owned),
    })
}

/// The page: a list that a screen reader reads well, no script.
pub(crate) fn html(mails: &[Mail]) -> String {
    let mut list = String::new();
    for mail in mails {
        let (to, subject) = (escape(&mail.to), escape(&mail.subject));
        let _ = write!(list, "<li><h2>{subject}</h2><p>To {to}</p>");
        if let Some(code) = &mail.code {
            let _ = write!(list, "<p class=\"code\">{}</p>", escape(code));
        }
        if let Some(link) = &mail.link {
            let link = escape(link);
            let _ = write!(list, "<p><a href=\"{link}\">{link}</a></p>");
        }
        list.push_str("</li>");
    }
    let list = if mails.is_empty() { "<p>No mail yet.</p>".to_owned() } else { format!("<ol>{list}</ol>") };
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Outbox - Visavis</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><link rel=\"stylesheet\" href=\"/dev/outbox.css\">\
         </head><body><main><h1>Outbox</h1><p>Mails of this developer's server, newest first. \
         <a href=\"/dev/outbox\">Look again</a></p>{list}</main></body></html>"
    )
}

fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}
