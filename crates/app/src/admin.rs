//! `visavis admin`: changes to a place from its own machine, whether it runs or not. They go through the database, so the
//! running server sees them; nothing here needs its network.

use std::{sync::Arc, time::Duration};

use visavis_domain::{
    Fault,
    contract::{
        Caller,
        users::{Grant, Users as _},
    },
    otp::Email,
};
use visavis_platform::{Clock, Db, Dice, Lifecycle, db::jobs as rows, jobs::nudge};
use visavis_services::{
    age::Age,
    auth::keys::{self, Keys},
    users::Users,
};

use crate::{
    Failure,
    cli::{Admin, Jobs},
    config::Config,
    shared,
};

/// Runs one command and says what it did.
pub async fn run(config: &Config, command: Admin) -> Result<(), Failure> {
    let (db, secret) = shared::place(config).await?;
    match command {
        Admin::Grant { email, role } => {
            let age = Arc::new(Age::declared());
            let lifecycle = Lifecycle::default();
            let (_, bus) = shared::open(config, &Clock::System, &Dice::Secure, &lifecycle).await?;
            let ground = (Clock::System, Dice::Secure, secret);
            let users = Users::new(db.clone(), ground, config.users.clone(), age).with_bus(bus);
            let email = Email::parse(&email)?.as_str().to_owned();
            let user = users.grant(&Caller::internal("admin"), Grant { email, role }).await?;
            println!("{user} is {} now; a page that is open shows it when it is loaded again", role.as_str());
        }
        Admin::RotateKeys { lost } => {
            let lifecycle = Lifecycle::default();
            let (_, bus) = shared::open(config, &Clock::System, &Dice::Secure, &lifecycle).await?;
            let keys = Keys::new(keys::Deps {
                db: db.clone(),
                secret,
                clock: Clock::System,
                dice: Dice::Secure,
                bus,
                lead: Duration::from_secs(config.auth.key_lead_s),
                token_ttl: Duration::from_secs(config.auth.access_ttl_s),
            });
            if lost {
                println!("{}", of_lost(keys.forget_foreign().await?));
            } else {
                let kid = keys.rotate().await?;
                let lead = config.auth.key_lead_s;
                println!("the new key {kid} is published now and signs in {lead} seconds");
            }
        }
        Admin::Jobs(command) => jobs(config, &db, command).await?,
    }
    db.close().await;
    Ok(())
}

fn of_lost(keys: usize) -> String {
    if keys == 0 {
        return "every signing key can be opened with this secret key: nothing was changed".to_owned();
    }
    format!(
        "{keys} signing keys of another secret key are forgotten, and a new one is there: everybody signs in anew. Mails that \
         waited (`admin jobs list`), the MACs of decisions and kept evidence (`evidence verify`) were of that secret key, too"
    )
}

/// Jobs that are shown at once.
const LISTED: i64 = 200;

async fn jobs(config: &Config, db: &Db, command: Jobs) -> Result<(), Failure> {
    match command {
        Jobs::List => {
            let jobs = rows::list(db, LISTED).await.map_err(Fault::from)?;
            println!("{}", table(&jobs));
        }
        Jobs::Retry { id } => {
            let mut tx = db.write().await.map_err(Fault::from)?;
            let there = rows::retry(&mut tx, id, Clock::System.now()).await.map_err(Fault::from)?;
            tx.commit().await.map_err(Fault::from)?;
            if !there {
                return Err(Fault::not_found("A waiting or parked job with this id").into());
            }
            let lifecycle = Lifecycle::default();
            let (_, bus) = shared::open(config, &Clock::System, &Dice::Secure, &lifecycle).await?;
            nudge(&bus).await;
            println!("{id} will be tried within a few seconds, if the server runs");
        }
        Jobs::Drop { id } => {
            let mut tx = db.write().await.map_err(Fault::from)?;
            let there = rows::delete(&mut tx, id).await.map_err(Fault::from)?;
            tx.commit().await.map_err(Fault::from)?;
            if !there {
                return Err(Fault::not_found("A job with this id").into());
            }
            println!("{id} is forgotten");
        }
    }
    Ok(())
}

/// One line each, the newest first.
fn table(jobs: &[rows::Listed]) -> String {
    if jobs.is_empty() {
        return "nothing is left to be done".to_owned();
    }
    let line = |job: &rows::Listed| {
        let when = match job.state.as_str() {
            "parked" => "since",
            "running" => "claimed until",
            _ => "not before",
        };
        let error = job.last_error.as_deref().unwrap_or("-");
        let rows::Listed { id, kind, state, tries, created_at, run_after, .. } = job;
        format!("{id}  {kind:6} {state:8} made {created_at}, {tries} tries, {when} {run_after}, {error}")
    };
    jobs.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use visavis_domain::{Timestamp, id::JobId};

    use super::*;

    #[test]
    fn a_job_is_shown_on_a_line_without_what_it_holds() {
        assert_eq!(table(&[]), "nothing is left to be done");
        let job = rows::Listed {
            id: JobId::from_bits(7),
            kind: "mail".to_owned(),
            state: "parked".to_owned(),
            tries: 5,
            created_at: Timestamp::from_millis(0),
            run_after: Timestamp::from_millis(90_000),
            last_error: Some("refused-for-now".to_owned()),
        };
        assert_eq!(
            table(&[job]),
            "job_00000000000000000000000007  mail   parked   made 1970-01-01T00:00:00.000Z, 5 tries, since \
             1970-01-01T00:01:30.000Z, refused-for-now"
        );
    }
}
