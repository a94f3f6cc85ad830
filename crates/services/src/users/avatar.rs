//! Somebody's picture: kept under its content's name, given up when nobody has it any more.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use visavis_domain::{
    Fault,
    contract::users::{AvatarName, SetAvatar},
    id::UserId,
};
use visavis_platform::{
    db::avatars::{self, Sized},
    webhook::hex,
};

use super::Users;

/// Of noise, 256 pixels a side, with a little more.
const MAX_BASE64: usize = 300_000;

impl Users {
    pub(super) async fn keep_avatar(&self, req: SetAvatar) -> Result<(), Fault> {
        let decode = |field, text: &str| {
            let webp = (text.len() <= MAX_BASE64).then(|| BASE64_STANDARD.decode(text).ok()).flatten();
            webp.filter(|webp| webp.starts_with(b"RIFF"))
                .ok_or_else(|| Fault::field(field, "must be a small WebP"))
        };
        decode("small", &req.small)?;
        let sha256 = hex(digest(&SHA256, &decode("large", &req.large)?).as_ref());
        let sizes = [Sized { side: 256, webp: req.large }, Sized { side: 64, webp: req.small }];
        self.change(req.user, Some((&sha256, &sizes))).await
    }

    pub(super) async fn drop_avatar(&self, user: UserId) -> Result<(), Fault> {
        self.change(user, None).await
    }

    async fn change(&self, user: UserId, to: Option<(&str, &[Sized])>) -> Result<(), Fault> {
        let url = to.map(|(sha256, _)| avatars::url(sha256));
        let mut tx = self.db.write().await?;
        // The account before its pictures, as an erasure does: neither waits for what the other holds.
        let before = avatars::set(&mut tx, user, url.as_deref()).await?.ok_or_else(super::nobody)?;
        if let Some((sha256, sizes)) = to {
            avatars::insert(&mut tx, sha256, sizes).await?;
        }
        if let Some(old) = before.filter(|old| Some(old) != url.as_ref()) {
            avatars::forget(&mut tx, &old).await?;
        }
        Ok(tx.commit().await?)
    }

    pub(super) async fn find_avatar(&self, name: &AvatarName) -> Result<String, Fault> {
        avatars::get(&self.db, &name.sha256, name.side).await?.ok_or_else(|| Fault::not_found("That picture"))
    }
}
