//! Taking along what is held, and the end of an account.

use std::sync::Arc;

use visavis_domain::{
    Code,
    contract::{
        auth::{Auth, Erase, Erased},
        friends::{self as friends_contract, Friends, Pair},
        users::{AvatarName, Ensure, Grant, Patch, SetAvatar, Update},
    },
    event::{Event, Topic},
    id::{LoginId, UserId},
    wire::{Card, Role},
};
use visavis_platform::{
    db::{
        avatars::{self, Sized},
        decisions,
        retention::Retention,
    },
    jobs::{self, Kind, Worker},
};
use visavis_services::friends;
use visavis_testkit::decisions::suspension;

use crate::{
    auth::ADA,
    friends::{deps_of, generous},
    world::{DAY, MINUTE, Way, World, heard, ways},
};

/// The name of the picture that is `RIFFfirst`.
const SHA256: &str = "59531ab5eb5011aaca89bd282684917a7ea31cc0a34df19c0cee5711f800a4ce";
/// What stands nowhere else.
const CANARY: &str = "zanzibarine";

struct Suite {
    w: World,
    auth: Arc<dyn Auth>,
    friends: Arc<dyn Friends>,
}

impl Suite {
    async fn new(way: Way) -> Self {
        let w = World::new(way).await;
        let auth = w.auth(way).await;
        let deps = jobs::Deps {
            db: w.db.clone(),
            bus: w.bus.clone(),
            clock: w.clock.clone(),
            dice: visavis_platform::Dice::Secure,
            lifecycle: w.stores.lifecycle.clone(),
        };
        let forgetting = w.mailer.forgetting(w.secret.clone(), w.db.clone(), w.stores.kv.clone());
        Worker::new(deps, Kind::Forget, forgetting).start();
        let service: Arc<dyn Friends> = Arc::new(friends::Friends::new(deps_of(&w, generous())));
        let friends = way.reach(service, friends_contract::through);
        Self { w, auth, friends }
    }

    async fn sign_in(&self, email: &str) -> (UserId, LoginId) {
        let signed = self.w.sign_in(&self.auth, email).await;
        let sid = signed.access_token.split('.').nth(1).unwrap();
        let claims = base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, sid).unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
        (signed.user.id, claims["sid"].as_str().unwrap().parse().unwrap())
    }

    async fn erase(&self, (user, login): (UserId, LoginId)) -> Result<Erased, Code> {
        self.auth.erase(&self.w.cx, Erase { user, login }).await.map_err(|f| f.code)
    }

    async fn suspend(&self, user: UserId) {
        let now = self.w.clock.now();
        let decision = suspension(user.bits(), user, now, now + 7 * DAY);
        let mut tx = self.w.db.write().await.unwrap();
        assert!(decisions::insert(&mut tx, &self.w.secret, &decision).await.unwrap());
        tx.commit().await.unwrap();
    }
}

#[tokio::test]
async fn whoever_asks_gets_all_that_is_held_of_them_and_nothing_that_lets_somebody_in() {
    for way in ways() {
        let s = Suite::new(way).await;
        let (ada, _) = s.sign_in(ADA).await;
        let patch = Patch { bio: Some(format!("I am {CANARY}")), ..Patch::default() };
        s.w.users.update(&s.w.cx, Update { user: ada, patch }).await.unwrap();
        let held = s.w.users.held(&s.w.cx, ada).await.unwrap();
        let text = held.to_string();
        assert_eq!(held["tables"]["account"][0]["email"], ADA);
        assert_eq!(held["tables"]["logins"][0]["user_agent"], "Firefox");
        assert!(text.contains(CANARY));
        for secret in ["hash", "mac", "salt"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}

#[tokio::test]
async fn an_account_is_erased_from_everywhere_by_a_fresh_login_only() {
    for way in ways() {
        let s = Suite::new(way).await;
        let ada = s.sign_in(&format!("{CANARY}@x.example")).await;
        let bob = s.w.person("bob").await;
        let name =
            Patch { display_name: Some(CANARY.to_owned()), bio: Some(CANARY.to_owned()), ..Patch::default() };
        s.w.users.update(&s.w.cx, Update { user: ada.0, patch: name }).await.unwrap();
        s.friends.block(&s.w.cx, Pair { user: bob, other: ada.0 }).await.unwrap();
        s.w.clock.advance(10 * MINUTE);
        assert_eq!(s.erase(ada).await, Err(Code::ReauthRequired), "an old login");
        assert_eq!(s.erase((bob, ada.1)).await, Err(Code::Unauthorized), "somebody else's login");
        let fresh = s.sign_in(&format!("{CANARY}@x.example")).await;
        let mut news = s.w.bus.subscribe(Topic::Logins);
        let receipt = s.erase(fresh).await.unwrap();
        assert_eq!((receipt.erased_at, receipt.kept), (s.w.clock.now(), vec![]));
        let mut revoked = [heard(&mut news).await, heard(&mut news).await];
        revoked.sort_by_key(|event| format!("{event:?}"));
        assert!(revoked.iter().all(|event| matches!(event, Event::LoginRevoked { .. })));
        assert_eq!(s.erase(fresh).await, Err(Code::Unauthorized), "there is nobody any more");
        assert!(s.w.users.me(&s.w.cx, ada.0).await.is_err());
        // Mails that lie in a folder, and the journal of a database in a file.
        let canary = CANARY.as_bytes();
        let found = |bytes: &[u8]| bytes.windows(canary.len()).any(|window| window == canary);
        let mut left = (true, true);
        for _ in 0..500 {
            let journal = std::fs::read(s.w.place.folder.path().join("visavis.db-wal")).unwrap_or_default();
            left = (
                found(&s.w.place.contents().await) || found(&journal),
                !s.w.outbox.newest(9).unwrap().is_empty(),
            );
            if left == (false, false) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        assert_eq!(left, (false, false), "{way:?}: database, mails");
        let (again, _) = s.sign_in(&format!("{CANARY}@x.example")).await;
        assert_ne!(again, ada.0);
    }
}

#[tokio::test]
async fn one_admin_always_stays_also_when_all_of_them_go_at_once() {
    for way in ways() {
        let s = Suite::new(way).await;
        // First of all: what is erased takes its mails along, and they are counted.
        let bob = s.sign_in("bob@x.example").await;
        let mut admins = Vec::new();
        for n in 0..4 {
            let email = format!("ada{n}@x.example");
            admins.push(s.sign_in(&email).await);
            s.w.users.grant(&s.w.cx, Grant { email, role: Role::Admin }).await.unwrap();
        }
        let mut going = tokio::task::JoinSet::new();
        for (user, login) in admins.clone() {
            let (auth, cx) = (s.auth.clone(), s.w.cx.clone());
            going.spawn(async move { auth.erase(&cx, Erase { user, login }).await.map_err(|f| f.code) });
        }
        let went = going.join_all().await;
        let stays: Vec<_> = went.iter().filter_map(|one| one.as_ref().err()).collect();
        assert_eq!(stays, [&Code::Conflict], "{way:?}");
        let mut left = Vec::new();
        for one in admins {
            if s.w.users.me(&s.w.cx, one.0).await.is_ok() {
                left.push(one);
            }
        }
        let [last] = left[..] else { panic!("{} are left", left.len()) };
        let fault = s.auth.erase(&s.w.cx, Erase { user: last.0, login: last.1 }).await.unwrap_err();
        assert_eq!((fault.code, fault.detail.contains("somebody else")), (Code::Conflict, true));
        let grant = |role| Grant { email: "bob@x.example".to_owned(), role };
        s.w.users.grant(&s.w.cx, grant(Role::Moderator)).await.unwrap();
        assert_eq!(s.erase(last).await, Err(Code::Conflict), "a moderator is none");
        s.w.users.grant(&s.w.cx, grant(Role::Admin)).await.unwrap();
        s.erase(last).await.unwrap();
        assert_eq!(s.erase(bob).await, Err(Code::Conflict));
    }
}

#[tokio::test]
async fn a_picture_goes_with_its_last_owner_however_late_it_came_and_a_block_of_them_stays() {
    for way in ways() {
        let s = Suite::new(way).await;
        let (bob, picture) = (s.w.person("bob").await, "UklGRmZpcnN0".to_owned());
        let cy = s.w.person("cy").await;
        s.friends.block(&s.w.cx, Pair { user: cy, other: bob }).await.unwrap();
        let mut all = Vec::new();
        for n in 0..4 {
            all.push(s.sign_in(&format!("ada{n}@x.example")).await);
        }
        for (round, ada) in all.into_iter().enumerate() {
            s.friends.block(&s.w.cx, Pair { user: bob, other: ada.0 }).await.unwrap();
            s.friends.block(&s.w.cx, Pair { user: bob, other: cy }).await.unwrap();
            let mut racing = tokio::task::JoinSet::new();
            for _ in 0..4 {
                let (users, cx) = (s.w.users.clone(), s.w.cx.clone());
                let set = SetAvatar { user: ada.0, large: picture.clone(), small: picture.clone() };
                racing.spawn(async move { drop(users.set_avatar(&cx, set).await) });
            }
            let (auth, cx) = (s.auth.clone(), s.w.cx.clone());
            racing.spawn(async move {
                auth.erase(&cx, Erase { user: ada.0, login: ada.1 }).await.unwrap();
            });
            racing.join_all().await;
            let name = AvatarName { sha256: SHA256.to_owned(), side: 256 };
            assert_eq!(
                s.w.users.avatar(&s.w.cx, name).await.unwrap_err().code,
                Code::NotFound,
                "round {round}"
            );
            // Whoever blocked them sees the same as of somebody who blocks back.
            let listed = s.friends.blocks(&s.w.cx, bob).await.unwrap();
            let card =
                |id| listed.iter().find(|block| block.user.id == id).map(|block| block.user.clone()).unwrap();
            assert_eq!(Card { id: cy, ..card(ada.0) }, card(cy));
        }
    }
}

#[tokio::test]
async fn a_picture_of_nobody_is_swept() {
    for way in ways() {
        let s = Suite::new(way).await;
        let (ada, picture) = (s.w.person("ada").await, "UklGRmZpcnN0".to_owned());
        let set = SetAvatar { user: ada, large: picture.clone(), small: picture.clone() };
        s.w.users.set_avatar(&s.w.cx, set).await.unwrap();
        let mut tx = s.w.db.write().await.unwrap();
        for name in ["00", "77", "ff"] {
            avatars::insert(&mut tx, name, &[Sized { side: 256, webp: picture.clone() }]).await.unwrap();
        }
        tx.commit().await.unwrap();
        s.w.db.sweep(s.w.clock.now(), &Retention::default()).await.unwrap();
        for name in ["00", "77", "ff"] {
            assert_eq!(avatars::get(&s.w.db, name, 256).await.unwrap(), None);
        }
        assert_eq!(avatars::get(&s.w.db, SHA256, 256).await.unwrap(), Some(picture), "somebody has it");
    }
}

#[tokio::test]
async fn a_suspension_outlives_the_account_without_its_address() {
    for way in ways() {
        let s = Suite::new(way).await;
        let ada = s.sign_in(ADA).await;
        s.suspend(ada.0).await;
        let receipt = s.erase(ada).await.unwrap();
        assert_eq!(receipt.kept.len(), 1, "{receipt:?}");
        // Who comes again gets mails that stay.
        for tries in 0..1_000 {
            assert!(tries < 999, "the mails stay");
            if s.w.outbox.newest(9).unwrap().is_empty() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        // An account that another try has made, which didn't come as far as to sign in.
        s.w.users.ensure(&s.w.cx, Ensure { email: ADA.to_owned() }).await.unwrap();
        let (again, _) = s.sign_in(ADA).await;
        let strikes = decisions::strikes(&s.w.db, again, s.w.clock.now() - DAY, 9).await.unwrap();
        assert_eq!(strikes.len(), 1);
        assert_eq!((strikes[0].concern.as_str(), strikes[0].until), ("nudity", receipt.kept[0].until));
        let (bob, _) = s.sign_in("bob@x.example").await;
        assert!(decisions::strikes(&s.w.db, bob, s.w.clock.now() - DAY, 9).await.unwrap().is_empty());
    }
}
