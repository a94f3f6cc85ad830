//! Accounts, written straight into the database.

use visavis_domain::{Timestamp, id::UserId, wire::Role};
use visavis_platform::{
    Db,
    db::{Error, users},
};

/// When they were made.
pub const MADE: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// The `n`th account, as it is before anybody changed anything.
pub fn account(n: u128) -> users::User {
    users::User {
        id: UserId::from_bits(n),
        email: format!("{n}@x.example"),
        private_id: format!("P{n}"),
        display_name: "Quiet Otter".to_owned(),
        bio: String::new(),
        avatar_url: None,
        languages: vec!["en".to_owned()],
        interests: vec!["it's \"quoted\"".to_owned()],
        country: None,
        role: Role::User,
        reputation: 70,
        age_declared_at: None,
        age_class: None,
        hide_ip: false,
        do_not_disturb: true,
        created_at: MADE,
    }
}

/// What an account begins with.
pub fn welcome() -> users::Entry {
    users::Entry { at: MADE, delta: 70, reason: String::new(), recover_by: None }
}

/// Writes the `n`th account, or says why that doesn't work.
pub async fn try_add(db: &Db, n: u128) -> Result<(), Error> {
    let mut tx = db.write().await?;
    users::insert(&mut tx, &account(n), &welcome()).await?;
    tx.commit().await
}

/// Writes the `n`th account.
pub async fn add(db: &Db, n: u128) -> UserId {
    try_add(db, n).await.unwrap();
    UserId::from_bits(n)
}

/// Writes all of these.
pub async fn add_all(db: &Db, all: impl IntoIterator<Item = u128>) {
    for n in all {
        add(db, n).await;
    }
}
