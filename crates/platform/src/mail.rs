//! Mails: a closed enum of backends, and jobs that hand mails to them.
//!
//! [`Postbox::put`] adds a mail to the transaction of the request that wants it, so that a request takes the same time
//! whether the mail server is fast, slow or gone, and no mail is lost with a process. It is sealed until it leaves. Logs
//! say that a mail went or failed, never to whom or what: server replies quote addresses, so only their code is kept.
//! A mail may leave twice when a process dies at the wrong moment: as the same file, or with the same `Message-ID`.

#[cfg(test)]
mod live;
mod message;
pub mod outbox;
pub mod smtp;

use std::{path::Path, sync::Arc, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use visavis_domain::{
    Fault, Timestamp,
    id::{JobId, UserId},
};

use crate::{
    Bus, Clock, Db, Dice, Kv, board,
    db::{Tx, jobs as rows},
    jobs::{self, Effect, Outcome},
    secret::Secret,
};

use outbox::Outbox;
use smtp::Smtp;

/// What mails are sealed for while they wait.
const SEALED_FOR: &str = "mail that waits";
/// And of those of [`Postbox::forget`].
const FORGOTTEN_FOR: &str = "who is to be forgotten";
/// So long after an erasure nothing of the person runs any more that could write where they are: their pages are cut off, and a
/// page or a seat without one counts for some seconds.
const QUIET_AFTER: Duration = Duration::from_secs(30);

/// What is to be forgotten, as it is sealed.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Forgotten {
    /// An address, wherever it lies in files.
    Address(String),
    /// Where somebody was, in the store of what changes by the second.
    Person(UserId),
}

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
#[derive(Clone, Serialize, Deserialize)]
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

/// Hands mails to the backend. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Mailer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    backend: Backend,
    from: message::Sender,
}

impl Mailer {
    /// Sets the backend up; nothing is sent yet. `data` is the data folder.
    pub fn new(settings: &Settings, data: &Path) -> Result<Self, SetupError> {
        let from = message::Sender::parse(&settings.from).ok_or(SetupError::From)?;
        let backend = match settings.backend {
            Kind::Dir => {
                Backend::Dir(Outbox::open(&data.join("outbox"), settings.keep).map_err(SetupError::Outbox)?)
            }
            Kind::Smtp => Backend::Smtp(Box::new(Smtp::new(&settings.smtp)?)),
        };
        Ok(Self(Arc::new(Inner { backend, from })))
    }

    /// Where mail goes, for the lines printed at the start.
    pub fn describe(&self) -> String {
        match &self.0.backend {
            Backend::Dir(outbox) => format!("files in {}", outbox.folder().display()),
            Backend::Smtp(smtp) => smtp.describe(),
        }
    }

    /// One try. The same id and time make the same mail.
    async fn send(&self, mail: &Mail, id: JobId, at: Timestamp) -> Result<(), SendError> {
        let message = message::build(&self.0.from, mail, at, id)?;
        match &self.0.backend {
            Backend::Dir(outbox) => outbox.write(message.formatted(), at, id).await,
            Backend::Smtp(smtp) => smtp.send(message).await,
        }
    }

    /// What a worker does with the jobs of [`Postbox`].
    pub fn effect(&self, secret: Secret) -> Effect {
        let mailer = self.clone();
        Arc::new(move |claim| {
            let (mailer, secret) = (mailer.clone(), secret.clone());
            Box::pin(async move { mailer.carry_out(&claim, &secret).await })
        })
    }

    /// What a worker does with the jobs of [`Postbox::forget`]: mails that lie in a folder, and the journal of a database in a
    /// file, hold an address for longer than its rows do; and the store of keys holds where somebody was.
    pub fn forgetting(&self, secret: Secret, db: Db, kv: Kv) -> Effect {
        let mailer = self.clone();
        Arc::new(move |claim| {
            let (mailer, secret, db, kv) = (mailer.clone(), secret.clone(), db.clone(), kv.clone());
            Box::pin(async move {
                let plain = secret.open(FORGOTTEN_FOR, &claim.payload).ok();
                match plain.and_then(|plain| serde_json::from_slice(&plain).ok()) {
                    Some(Forgotten::Address(address)) => mailer.forget(address, &db).await,
                    Some(Forgotten::Person(user)) => match board::forget(&kv, user).await {
                        Ok(()) => Outcome::Done("forgotten"),
                        Err(_) => Outcome::Again("store"),
                    },
                    None => Outcome::Again("unreadable"),
                }
            })
        })
    }

    async fn forget(&self, address: String, db: &Db) -> Outcome {
        if let Backend::Dir(outbox) = &self.0.backend
            && outbox.forget(address).await.is_err()
        {
            return Outcome::Again("outbox");
        }
        match db.forget_journal().await {
            Ok(true) => Outcome::Done("forgotten"),
            Ok(false) | Err(_) => Outcome::Again("journal"),
        }
    }

    async fn carry_out(&self, claim: &jobs::Claim, secret: &Secret) -> Outcome {
        let plain = secret.open(SEALED_FOR, &claim.payload).ok();
        let mail = plain.and_then(|plain| serde_json::from_slice(&plain).ok());
        // Sealed with another secret key: another node may have it.
        let Some(mail) = mail else { return Outcome::Again("unreadable") };
        match self.send(&mail, claim.id, claim.created_at).await {
            Ok(()) => Outcome::Done("sent"),
            Err(SendError::Transient) => Outcome::Again("refused-for-now"),
            // An address that is wrong or gone: nobody can do anything about it.
            Err(SendError::Permanent) => Outcome::Done("refused"),
        }
    }
}

/// Mails that may wait: what a mail server takes in a few minutes. One that is away for longer would only be sent codes
/// that have ended; so whoever asks for one is told to come back.
const MAX_WAITING: i64 = 1_000;

/// Takes mails in. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Postbox {
    secret: Secret,
    clock: Clock,
    dice: Dice,
    bus: Bus,
}

impl Postbox {
    /// A postbox whose mails are sealed with this secret.
    pub const fn new(secret: Secret, clock: Clock, dice: Dice, bus: Bus) -> Self {
        Self { secret, clock, dice, bus }
    }

    /// Adds a mail to the transaction. The same key twice is one mail; after `expires_at` it isn't sent any more.
    pub async fn put(&self, tx: &mut Tx, key: &str, mail: &Mail, expires_at: Timestamp) -> Result<(), Fault> {
        self.put_for(tx, key, mail, (self.clock.now(), expires_at)).await
    }

    /// The same of a mail that isn't sent before a time: until then it can be taken back ([`Self::take_back`]).
    pub async fn put_for(
        &self,
        tx: &mut Tx,
        key: &str,
        mail: &Mail,
        (from, expires_at): (Timestamp, Timestamp),
    ) -> Result<(), Fault> {
        let plain = serde_json::to_vec(mail).map_err(|_| Fault::internal())?;
        let payload = self.secret.seal(SEALED_FOR, &self.dice, &plain).map_err(|_| Fault::internal())?;
        let job = rows::NewJob {
            id: self.dice.id(&self.clock),
            kind: jobs::Kind::Mail.as_str(),
            key,
            payload: &payload,
            created_at: from,
            expires_at: Some(expires_at),
        };
        let waiting = rows::waiting(tx, job.kind, MAX_WAITING).await?;
        if i64::try_from(waiting).is_ok_and(|waiting| waiting >= MAX_WAITING) {
            tracing::warn!(mail.waiting = waiting, "too many mails wait for the mail server");
            return Err(Fault::unavailable());
        }
        rows::insert(tx, &job).await?;
        Ok(())
    }

    /// A mail that nobody has begun to send isn't sent. False when it may be on its way.
    pub async fn take_back(&self, tx: &mut Tx, key: &str) -> Result<bool, Fault> {
        Ok(rows::take_back(tx, key).await?)
    }

    /// Adds to the transaction that what lies of somebody outside the database is to be forgotten.
    pub async fn forget(&self, tx: &mut Tx, user: UserId, address: &str) -> Result<(), Fault> {
        let now = self.clock.now();
        let all = [
            (format!("forget/{user}"), Forgotten::Address(address.to_owned()), now),
            (format!("forget-person/{user}"), Forgotten::Person(user), now + QUIET_AFTER),
        ];
        for (key, what, from) in all {
            let plain = serde_json::to_vec(&what).map_err(|_| Fault::internal())?;
            let payload =
                self.secret.seal(FORGOTTEN_FOR, &self.dice, &plain).map_err(|_| Fault::internal())?;
            let job = rows::NewJob {
                id: self.dice.id(&self.clock),
                kind: jobs::Kind::Forget.as_str(),
                key: &key,
                payload: &payload,
                created_at: from,
                expires_at: None,
            };
            rows::insert(tx, &job).await?;
        }
        Ok(())
    }

    /// After the transaction: somebody should come for the mail.
    pub async fn nudge(&self) {
        jobs::nudge(&self.bus).await;
    }
}
