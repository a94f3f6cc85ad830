//! Mails: a closed enum of backends and a bounded set of mails under way.
//!
//! [`Mailer::send`] hands over and returns, so that a request takes the same time whether the mail server is fast,
//! slow or gone. Logs say that a mail went or failed, never to whom or what: server replies quote addresses, so only
//! their code is kept. A mail under way is lost when the process dies; the person asks for another one. (Durable jobs
//! take the place of [`deliver`]'s loop when they come.)

#[cfg(test)]
mod live;
mod message;
pub mod outbox;
pub mod smtp;

use std::{path::Path, sync::Arc, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use visavis_domain::Fault;

use crate::{Clock, Dice, Lifecycle};

use outbox::Outbox;
use smtp::Smtp;

/// Mails under way at once, those that wait for another try included: a minute's worth of sign-ins of a busy place,
/// a few hundred kilobytes. Beyond it a sign-in is answered `unavailable`.
const MAX_UNDER_WAY: usize = 512;
/// Waits between tries. Together with the tries themselves about half of a code's five minutes.
const BACK_OFF: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(20), Duration::from_mins(1)];

/// How mail leaves.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `dir` writes each mail to a file of `DATA/outbox` (for trying out), `smtp` sends it.
    pub backend: Kind,
    /// Sender, `Name <address>` or an address.
    pub from: String,
    /// Mails that `dir` keeps; the oldest go first.
    pub keep: usize,
    /// The mail server, when `backend` is `smtp`.
    pub smtp: smtp::Settings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            backend: Kind::Dir,
            from: "Visavis <visavis@localhost>".to_owned(),
            keep: 1_000,
            smtp: smtp::Settings::default(),
        }
    }
}

/// Which backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Files.
    Dir,
    /// A mail server.
    Smtp,
}

/// One mail: plain text, 7-bit.
#[derive(Clone)]
pub struct Mail {
    /// One address.
    pub to: String,
    /// ASCII. Never a secret: lists of mails show it.
    pub subject: String,
    /// ASCII lines of at most 900 characters.
    pub text: String,
}

impl std::fmt::Debug for Mail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mail").field("subject", &self.subject).finish_non_exhaustive()
    }
}

/// Why mail can't be set up. Names the key of the configuration.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The sender can't be read.
    #[error("mail.from must be an address, or Name <address>")]
    From,
    /// The outbox can't be made.
    #[error("the outbox can't be made: {0}")]
    Outbox(std::io::Error),
    /// Something about the server.
    #[error(transparent)]
    Smtp(#[from] smtp::SetupError),
}

/// Why one mail did not go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// It never will: a bad address, a line that is too long, refused for good.
    #[error("refused for good")]
    Permanent,
    /// Trying again may help.
    #[error("failed for now")]
    Transient,
}

/// Where mails go. A closed list.
#[derive(Debug)]
enum Backend {
    Dir(Outbox),
    Smtp(Box<Smtp>),
}

/// Takes mails. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Mailer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    backend: Backend,
    from: message::Sender,
    clock: Clock,
    dice: Dice,
    lifecycle: Lifecycle,
    under_way: Arc<Semaphore>,
}

impl Mailer {
    /// Sets the backend up; nothing is sent yet. `data` is the data folder.
    pub fn new(
        settings: &Settings,
        data: &Path,
        clock: Clock,
        dice: Dice,
        lifecycle: Lifecycle,
    ) -> Result<Self, SetupError> {
        let from = message::Sender::parse(&settings.from).ok_or(SetupError::From)?;
        let backend = match settings.backend {
            Kind::Dir => {
                Backend::Dir(Outbox::open(&data.join("outbox"), settings.keep).map_err(SetupError::Outbox)?)
            }
            Kind::Smtp => Backend::Smtp(Box::new(Smtp::new(&settings.smtp)?)),
        };
        let under_way = Arc::new(Semaphore::new(MAX_UNDER_WAY));
        Ok(Self(Arc::new(Inner { backend, from, clock, dice, lifecycle, under_way })))
    }

    /// Where mail goes, for the lines printed at the start.
    pub fn describe(&self) -> String {
        match &self.0.backend {
            Backend::Dir(outbox) => format!("files in {}", outbox.folder().display()),
            Backend::Smtp(smtp) => smtp.describe(),
        }
    }

    /// Hands a mail over and returns at once. `unavailable` when too many are under way.
    pub fn send(&self, mail: Mail) -> Result<(), Fault> {
        let permit = Arc::clone(&self.0.under_way).try_acquire_owned().map_err(|_| {
            tracing::error!("too many mails are under way; is the mail server reachable?");
            Fault::unavailable()
        })?;
        let inner = Arc::clone(&self.0);
        self.0.lifecycle.spawn("mail", async move {
            deliver(&inner, &mail).await;
            drop(permit);
        });
        Ok(())
    }
}

/// Tries until it went, is refused for good, or the tries are used up.
async fn deliver(inner: &Inner, mail: &Mail) {
    let mut waits = BACK_OFF.iter();
    let outcome = loop {
        match (inner.once(mail).await, waits.next()) {
            (Ok(()), _) => break "sent",
            (Err(SendError::Transient), Some(wait)) => tokio::time::sleep(*wait).await,
            (Err(SendError::Transient), None) => break "given-up",
            (Err(SendError::Permanent), _) => break "refused",
        }
    };
    metrics::counter!("visavis_mails_total", "outcome" => outcome).increment(1);
    if outcome == "sent" {
        tracing::debug!("mail sent");
    } else {
        tracing::error!(mail.outcome = outcome, "a mail could not be sent");
    }
}

impl Inner {
    async fn once(&self, mail: &Mail) -> Result<(), SendError> {
        let message = message::build(&self.from, mail, self.clock.now(), self.dice.u64())?;
        match &self.backend {
            Backend::Dir(outbox) => {
                outbox.write(message.formatted(), self.clock.now(), self.dice.u64()).await
            }
            Backend::Smtp(smtp) => smtp.send(message).await,
        }
    }
}
