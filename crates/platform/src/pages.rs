//! What a person is to hear whichever of their pages is open: it goes into the log of every session they have. Where a
//! page is away for a moment it hears it when it is back; where there is no page nobody is told, so whatever must not be
//! missed is a row as well.

use visavis_domain::{
    Fault,
    event::ServerEvent,
    id::{SocketId, UserId},
};

use crate::{Bus, Kv, session_log::SessionLog};

/// Where a user's sessions are listed.
pub fn sessions_key(user: UserId) -> String {
    format!("sockets/{user}")
}

/// Every page of a person.
#[derive(Debug, Clone)]
pub struct Pages {
    kv: Kv,
    log: SessionLog,
}

impl Pages {
    /// Over these stores.
    pub fn new(kv: Kv, bus: Bus) -> Self {
        Self { log: SessionLog::new(kv.clone(), bus), kv }
    }

    /// A user's sessions, some of which may be over.
    pub async fn sessions(&self, user: UserId) -> Result<Vec<SocketId>, Fault> {
        let members = self.kv.set_members(&sessions_key(user)).await?;
        Ok(members.iter().filter_map(|member| member.parse().ok()).collect())
    }

    /// Tells all of them. A store that is away is no reason to fail what this is the news of.
    pub async fn tell(&self, user: UserId, event: &ServerEvent) {
        if let Err(fault) = self.try_tell(user, event).await {
            tracing::warn!(fault.code = %fault.code, "a person's pages could not be told");
        }
    }

    async fn try_tell(&self, user: UserId, event: &ServerEvent) -> Result<(), Fault> {
        for session in self.sessions(user).await? {
            self.log.emit(session, event.clone()).await?;
        }
        Ok(())
    }

    /// The same by several who don't know of one another: with the same mark it is told once.
    pub async fn tell_once(&self, user: UserId, event: &ServerEvent, mark: &str) -> Result<(), Fault> {
        for session in self.sessions(user).await? {
            self.log.emit_again(session, event, mark).await?;
        }
        Ok(())
    }
}
