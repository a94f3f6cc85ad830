//! All that is held of a person, for them to take along.

use serde_json::{Value, json};
use visavis_domain::{Fault, id::UserId};
use visavis_platform::db::{avatars, belongings};

use super::Users;

/// The side of the larger picture.
const LARGE: u16 = 256;

impl Users {
    pub(super) async fn all_of(&self, user: UserId) -> Result<Value, Fault> {
        let me = self.get(user).await?;
        let sha256 = me.avatar_url.as_deref().and_then(avatars::sha256_of);
        let picture = match sha256 {
            Some(sha256) => avatars::get(&self.db, sha256, LARGE).await?,
            None => None,
        };
        Ok(json!({
            "format": 1,
            "at": self.clock.now(),
            "tables": belongings::held(&self.db, user, self.clock.now()).await?,
            "avatarWebpBase64": picture,
        }))
    }
}
