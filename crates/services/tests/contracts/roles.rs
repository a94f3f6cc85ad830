//! Accounts as admins see them, and who says who moderates.

use std::sync::Arc;

use visavis_domain::{
    Code, Fault,
    contract::{
        self,
        auth::{Revoke, Sessions},
        users::{Account, Away, Find, Grant, SetRole, Users},
    },
    event::{Event, Topic},
    id::{LoginId, UserId},
    wire::Role,
};
use visavis_platform::db::{audit, decisions};
use visavis_services::{age::Age, users};
use visavis_testkit::decisions::suspension;

use crate::world::{DAY, HOUR, START, Way, World, heard, silent, ways};

struct Suite {
    w: World,
    users: Arc<dyn Users>,
    ann: UserId,
    bob: UserId,
}

impl Suite {
    /// With an admin and somebody else.
    async fn new(way: Way) -> Self {
        let w = World::new(way).await;
        let ground = (w.clock.clone(), w.dice.clone(), w.secret.clone());
        let age = Arc::new(Age::declared());
        let role = users::Users::new(w.db.clone(), ground, users::Settings::default(), age);
        let role = Arc::new(role.with_bus(w.bus.clone())) as Arc<dyn Users>;
        let users = way.reach(role, contract::users::through);
        let (ann, bob) = (w.person("ann").await, w.person("bob").await);
        users.grant(&w.cx, Grant { email: "ann@x.example".to_owned(), role: Role::Admin }).await.unwrap();
        Self { w, users, ann, bob }
    }

    async fn find(&self, who: &str, reason: &str) -> Result<Account, Fault> {
        let find = Find { admin: self.ann, who: who.to_owned(), reason: reason.to_owned() };
        self.users.find(&self.w.cx, find).await
    }

    async fn set(&self, admin: UserId, user: UserId, role: Role) -> Result<Account, Code> {
        let set = SetRole { admin, user, role, reason: "she asked for it".to_owned() };
        self.users.set_role(&self.w.cx, set).await.map_err(|fault| fault.code)
    }

    async fn role(&self, user: UserId) -> Role {
        self.users.me(&self.w.cx, user).await.unwrap().role
    }

    /// Actor, act, object and reason of what was written down, in order.
    async fn log(&self) -> Vec<[String; 4]> {
        let all = audit::after(&self.w.db, 0, 99).await.unwrap();
        all.into_iter().map(|one| [one.actor, one.act, one.object, one.reason]).collect()
    }
}

#[tokio::test]
async fn somebody_is_found_by_all_of_an_address_or_id_and_every_look_is_written_down() {
    for way in ways() {
        let s = Suite::new(way).await;
        let me = s.w.users.me(&s.w.cx, s.bob).await.unwrap();
        let before = s.log().await.len();
        for who in [" BOB@x.example", &me.private_id, &me.private_id.to_lowercase(), &s.bob.to_string()] {
            let found = s.find(who, " a mail of hers ").await.unwrap();
            assert_eq!(
                (found.card.id, &found.private_id, found.role),
                (s.bob, &me.private_id, Role::User),
                "{who}"
            );
            assert_eq!((found.created_at, found.suspended), (START, None));
            assert_eq!(found.card.display_name, me.display_name);
        }
        assert_eq!(s.find("cy@x.example", "a mail of hers").await.unwrap_err().code, Code::NotFound);
        let written = s.log().await.split_off(before);
        let look =
            |object: String| [s.ann.to_string(), "find".to_owned(), object, "a mail of hers".to_owned()];
        assert_eq!(written[..4], std::array::from_fn::<_, 4, _>(|_| look(s.bob.to_string())));
        assert_eq!(written[4..], [look("nobody".to_owned())], "not whom they had looked for");
        let moderation = s.w.moderation_of(visavis_services::moderation::Settings::default()).await;
        assert_eq!(moderation.verify().await.unwrap().wrong, [""; 0], "the log holds");
    }
}

#[tokio::test]
async fn a_part_of_an_address_finds_nobody_and_a_look_needs_a_reason() {
    for way in ways() {
        let s = Suite::new(way).await;
        let before = s.log().await;
        for who in ["", "bob", "x.example", "@", "%", "usr_", "0000-0000-1", &"x@".repeat(300)] {
            let fault = s.find(who, "a mail of hers").await.unwrap_err();
            assert_eq!((fault.code, fault.fields[0].field.as_str()), (Code::BadRequest, "who"), "{who}");
        }
        for reason in ["", "  no  ", "a\u{7}larm", &"x".repeat(201)] {
            let fault = s.find("bob@x.example", reason).await.unwrap_err();
            assert_eq!(
                (fault.code, fault.fields[0].field.as_str()),
                (Code::BadRequest, "reason"),
                "{reason}"
            );
        }
        assert_eq!(s.log().await, before, "nothing was looked at");
    }
}

#[tokio::test]
async fn an_account_says_how_long_it_is_kept_away() {
    for way in ways() {
        let s = Suite::new(way).await;
        let of = |n: u128, until| decisions::Decision {
            rule: format!("rule-{n}"),
            ..suspension(n, s.bob, START, until)
        };
        let mut tx = s.w.db.write().await.unwrap();
        for one in [of(1, START + DAY), of(2, START + 2 * DAY), of(3, START + HOUR)] {
            decisions::insert(&mut tx, &s.w.secret, &one).await.unwrap();
        }
        tx.commit().await.unwrap();
        let away = async || s.find("bob@x.example", "asks why").await.unwrap().suspended;
        assert_eq!(away().await, Some(Away { until: START + 2 * DAY, rule: "rule-2".to_owned() }));
        s.w.clock.advance(2 * DAY);
        assert_eq!(away().await, None);
    }
}

#[tokio::test]
async fn a_role_is_given_and_taken_by_another_admin_and_pages_are_told() {
    for way in ways() {
        let s = Suite::new(way).await;
        let mut people = s.w.bus.subscribe(Topic::People);
        let before = s.log().await.len();
        for role in [Role::Moderator, Role::Moderator, Role::User] {
            assert_eq!(s.set(s.ann, s.bob, role).await.unwrap().role, role);
            assert_eq!(s.role(s.bob).await, role);
        }
        let told = Event::RoleChanged { user: s.bob, at: START };
        let mut first = heard(&mut people).await;
        // A bus between processes may still be about how Ann became one.
        if first == (Event::RoleChanged { user: s.ann, at: START }) {
            first = heard(&mut people).await;
        }
        assert_eq!([first, heard(&mut people).await], [told.clone(), told]);
        silent(&s.w.bus, &mut people, Topic::People).await;
        let did = |reason: &str| [s.ann.to_string(), "role".to_owned(), s.bob.to_string(), reason.to_owned()];
        let all = [did("moderator she asked for it"), did("user she asked for it")];
        assert_eq!(s.log().await.split_off(before), all, "the same again is nothing");
    }
}

#[tokio::test]
async fn nobody_changes_their_own_role_and_whoever_is_no_admin_nobodys() {
    for way in ways() {
        let s = Suite::new(way).await;
        let nobody = UserId::from_bits(404);
        assert_eq!(s.set(s.ann, s.ann, Role::User).await, Err(Code::Forbidden));
        assert_eq!(s.set(s.bob, s.ann, Role::User).await, Err(Code::Forbidden));
        assert_eq!(s.set(nobody, s.bob, Role::Admin).await, Err(Code::Forbidden));
        assert_eq!(s.set(s.ann, nobody, Role::Admin).await, Err(Code::NotFound));
        assert_eq!((s.role(s.ann).await, s.role(s.bob).await), (Role::Admin, Role::User));
    }
}

#[tokio::test]
async fn of_two_admins_who_take_it_from_one_another_one_stays() {
    for way in ways() {
        let s = Suite::new(way).await;
        for _ in 0..5 {
            let last = if s.role(s.ann).await == Role::Admin { s.ann } else { s.bob };
            let other = if last == s.ann { s.bob } else { s.ann };
            s.set(last, other, Role::Admin).await.unwrap();
            let (one, two) = tokio::join!(s.set(s.ann, s.bob, Role::User), s.set(s.bob, s.ann, Role::User));
            assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
            let admins =
                [s.role(s.ann).await, s.role(s.bob).await].into_iter().filter(|role| *role == Role::Admin);
            assert_eq!(admins.count(), 1);
        }
    }
}

#[tokio::test]
async fn the_role_of_a_login_is_the_one_that_holds_now_while_it_lives() {
    for way in ways() {
        let s = Suite::new(way).await;
        let auth = s.w.auth(way).await;
        let signed = s.w.sign_in(&auth, "bob@x.example").await;
        let login =
            auth.sessions(&s.w.cx, Sessions { user: s.bob, current: LoginId::from_bits(0) }).await.unwrap()
                [0]
            .id;
        let role = async || auth.role_of(&s.w.cx, login).await.unwrap();
        assert_eq!((signed.user.role, role().await), (Role::User, Some(Role::User)));
        s.set(s.ann, s.bob, Role::Moderator).await.unwrap();
        assert_eq!(role().await, Some(Role::Moderator), "without a new token");
        auth.revoke(&s.w.cx, Revoke { user: s.bob, login }).await.unwrap();
        assert_eq!(role().await, None);
        assert_eq!(auth.role_of(&s.w.cx, LoginId::from_bits(404)).await.unwrap(), None);
    }
}
