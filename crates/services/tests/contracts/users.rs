//! Accounts by their contract.

use crate::world::{DAY, START, World, ways};
use visavis_domain::{
    Code,
    contract::users::{Ensure, Grant, Patch, Update},
    id::UserId,
    private_id,
    wire::{Band, Role},
};

const NOBODY: UserId = UserId::from_bits(404);

fn words(all: &[&str]) -> Vec<String> {
    all.iter().map(|w| (*w).to_owned()).collect()
}

#[tokio::test]
async fn the_first_sign_in_makes_an_account_that_says_nothing_of_the_address() {
    for way in ways() {
        let w = World::new(way).await;
        let ensure = |email: &str| w.users.ensure(&w.cx, Ensure { email: email.to_owned() });
        let made = ensure("ada@x.example").await.unwrap();
        let me = made.user.clone();
        assert!(made.new_user);
        assert_eq!((me.reputation, me.band, me.role), (70, Band::New, Role::User));
        assert_eq!((me.age_declared, me.hide_ip, me.created_at), (false, false, START));
        assert_eq!(private_id::parse(&me.private_id).unwrap(), me.private_id);
        assert_eq!(me.display_name.split(' ').count(), 2, "{}", me.display_name);
        assert!(!format!("{me:?}").contains("ada"));
        let again = ensure("ada@x.example").await.unwrap();
        assert_eq!((again.new_user, again.user), (false, me.clone()));
        assert_ne!(ensure("bob@x.example").await.unwrap().user.private_id, me.private_id);
    }
}

#[tokio::test]
async fn of_many_first_sign_ins_at_once_one_makes_the_account() {
    for way in ways() {
        let w = World::new(way).await;
        let mut racing = tokio::task::JoinSet::new();
        for _ in 0..10 {
            let (users, cx) = (w.users.clone(), w.cx.clone());
            racing.spawn(async move {
                users.ensure(&cx, Ensure { email: "a@x.example".to_owned() }).await.unwrap()
            });
        }
        let all = racing.join_all().await;
        assert_eq!(all.iter().filter(|e| e.new_user).count(), 1);
        assert!(all.iter().all(|e| e.user.id == all[0].user.id));
    }
}

#[tokio::test]
async fn a_patch_changes_what_it_names_in_normal_form() {
    for way in ways() {
        let w = World::new(way).await;
        let user = w.person("ada").await;
        let update = |patch| w.users.update(&w.cx, Update { user, patch });
        let before = w.users.me(&w.cx, user).await.unwrap();
        let me = update(Patch {
            languages: Some(words(&["de-AT", "EN", "de"])),
            interests: Some(words(&["Chess", "chess", "night walks"])),
            country: Some(Some("at".to_owned())),
            hide_ip: Some(true),
            ..Patch::default()
        })
        .await
        .unwrap();
        assert_eq!(
            (me.languages.join(" "), me.interests.join("|")),
            ("de en".to_owned(), "chess|night walks".to_owned())
        );
        assert_eq!((me.country.as_deref(), me.hide_ip, me.do_not_disturb), (Some("AT"), true, false));
        assert_eq!(me.display_name, before.display_name);
        let cleared = update(Patch { country: Some(None), bio: Some("hi".to_owned()), ..Patch::default() })
            .await
            .unwrap();
        assert_eq!((cleared.country, cleared.bio.as_str(), cleared.languages.len()), (None, "hi", 2));
        let named =
            update(Patch { display_name: Some("  Ada L. ".to_owned()), ..Patch::default() }).await.unwrap();
        assert_eq!(named.display_name, "Ada L.");
        assert_eq!(w.users.me(&w.cx, user).await.unwrap(), named);
        let seeker = w.users.seeker(&w.cx, user).await.unwrap();
        assert_eq!(
            (seeker.hide_ip, seeker.languages.len(), seeker.card.display_name),
            (true, 2, "Ada L.".to_owned())
        );
    }
}

#[tokio::test]
async fn a_patch_with_one_wrong_field_changes_nothing_and_names_it() {
    for way in ways() {
        let w = World::new(way).await;
        let user = w.person("ada").await;
        let before = w.users.me(&w.cx, user).await.unwrap();
        let many = |n: usize| Some((0..n).map(|i| format!("word {i}")).collect::<Vec<_>>());
        let wrong = [
            ("displayName", Patch { display_name: Some(" ".to_owned()), ..Patch::default() }),
            ("displayName", Patch { display_name: Some("x".repeat(33)), ..Patch::default() }),
            ("bio", Patch { bio: Some("x".repeat(501)), ..Patch::default() }),
            ("languages", Patch { languages: Some(words(&["klingon!"])), ..Patch::default() }),
            ("languages", Patch { languages: Some(words(&["en"; 9])), ..Patch::default() }),
            ("interests", Patch { interests: many(11), ..Patch::default() }),
            ("country", Patch { country: Some(Some("DEU".to_owned())), ..Patch::default() }),
        ];
        for (field, patch) in wrong {
            let patch = Patch { hide_ip: Some(true), ..patch };
            let fault = w.users.update(&w.cx, Update { user, patch }).await.unwrap_err();
            assert_eq!((fault.code, fault.fields[0].field.as_str()), (Code::BadRequest, field));
        }
        assert_eq!(w.users.me(&w.cx, user).await.unwrap(), before);
        let most = Patch { interests: many(10), ..Patch::default() };
        assert_eq!(w.users.update(&w.cx, Update { user, patch: most }).await.unwrap().interests.len(), 10);
    }
}

#[tokio::test]
async fn the_age_declaration_is_kept_and_the_ledger_explains_the_score() {
    for way in ways() {
        let w = World::new(way).await;
        let user = w.person("ada").await;
        assert!(!w.users.seeker(&w.cx, user).await.unwrap().age_declared);
        w.users.declare_age(&w.cx, user).await.unwrap();
        w.clock.advance(DAY);
        w.users.declare_age(&w.cx, user).await.unwrap();
        assert!(w.users.seeker(&w.cx, user).await.unwrap().age_declared);
        assert!(w.users.me(&w.cx, user).await.unwrap().age_declared);
        let view = w.users.reputation(&w.cx, user).await.unwrap();
        assert_eq!((view.score, view.band, view.entries.len()), (70, Band::New, 1));
        assert_eq!((view.entries[0].delta, view.entries[0].at), (70, START));
    }
}

#[tokio::test]
async fn nobody_has_no_profile() {
    for way in ways() {
        let w = World::new(way).await;
        let cx = &w.cx;
        let update = Update { user: NOBODY, patch: Patch::default() };
        let faults = [
            w.users.me(cx, NOBODY).await.map(|_| ()).unwrap_err(),
            w.users.card(cx, NOBODY).await.map(|_| ()).unwrap_err(),
            w.users.seeker(cx, NOBODY).await.map(|_| ()).unwrap_err(),
            w.users.reputation(cx, NOBODY).await.map(|_| ()).unwrap_err(),
            w.users.declare_age(cx, NOBODY).await.unwrap_err(),
            w.users.update(cx, update).await.map(|_| ()).unwrap_err(),
        ];
        assert!(faults.iter().all(|f| f.code == Code::NotFound), "{faults:?}");
    }
}

#[tokio::test]
async fn a_role_is_granted_by_any_spelling_of_the_address() {
    for way in ways() {
        let w = World::new(way).await;
        let user = w.person("ada").await;
        let grant = |email: &str| w.users.grant(&w.cx, Grant { email: email.to_owned(), role: Role::Admin });
        assert_eq!(grant(" ADA@x.example").await.unwrap(), user);
        assert_eq!(w.users.me(&w.cx, user).await.unwrap().role, Role::Admin);
        assert_eq!(grant("bob@x.example").await.unwrap_err().code, Code::NotFound);
        assert_eq!(grant("nonsense").await.unwrap_err().code, Code::BadRequest);
    }
}
