//! `visavis admin`: changes to a place from its own machine, whether it runs or not. They go through the database, so the
//! running server sees them; nothing here needs its network.

use std::time::Duration;

use visavis_domain::{
    contract::{
        Caller,
        users::{Grant, Users as _},
    },
    otp::Email,
};
use visavis_platform::{Clock, Db, Dice, Lifecycle, secret::Secret};
use visavis_services::{
    auth::keys::{self, Keys},
    users::Users,
};

use crate::{
    Failure,
    cli::Admin,
    config::{Config, Hidden},
    shared,
};

/// Runs one command and says what it did.
pub async fn run(config: &Config, command: Admin) -> Result<(), Failure> {
    let db = Db::open(&config.database, &config.data).await?;
    match command {
        Admin::Grant { email, role } => {
            let users = Users::new(db.clone(), Clock::System, Dice::Secure, config.users.clone());
            let email = Email::parse(&email)?.as_str().to_owned();
            let user = users.grant(&Caller::internal("admin"), Grant { email, role }).await?;
            println!("{user} is {} now; a signed-in page learns of it within 15 minutes", role.as_str());
        }
        Admin::RotateKeys => {
            let secret = config.secret_key.as_ref().map(Hidden::expose);
            let lifecycle = Lifecycle::default();
            let (_, bus) = shared::open(config, &Clock::System, &Dice::Secure, &lifecycle).await?;
            let keys = Keys::new(keys::Deps {
                db: db.clone(),
                secret: Secret::load(secret, &config.data, &Dice::Secure)?,
                clock: Clock::System,
                dice: Dice::Secure,
                bus,
                lead: Duration::from_secs(config.auth.key_lead_s),
                token_ttl: Duration::from_secs(config.auth.access_ttl_s),
            });
            let kid = keys.rotate().await?;
            let lead = config.auth.key_lead_s;
            println!("the new key {kid} is published now and signs in {lead} seconds");
        }
    }
    db.close().await;
    Ok(())
}
