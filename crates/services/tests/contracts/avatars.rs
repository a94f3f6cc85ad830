//! Pictures of people by their contract.

use visavis_domain::{
    Code,
    contract::users::{AvatarName, SetAvatar},
    id::UserId,
};

use crate::world::{World, ways};

/// `RIFF` and something, in base64: what it shows isn't looked at here.
const FIRST: &str = "UklGRmZpcnN0";
const SECOND: &str = "UklGRnNlY29uZA==";

fn picture(user: UserId, large: &str) -> SetAvatar {
    SetAvatar { user, large: large.to_owned(), small: FIRST.to_owned() }
}

fn name(url: &str) -> AvatarName {
    let sha256 = url.strip_prefix("/api/avatars/").unwrap().strip_suffix("-256.webp").unwrap();
    AvatarName { sha256: sha256.to_owned(), side: 256 }
}

#[tokio::test]
async fn a_picture_is_seen_by_everybody_and_gone_when_nobody_has_it() {
    for way in ways() {
        let w = World::new(way).await;
        let (ada, bob) = (w.person("ada").await, w.person("bob").await);
        let url = async |user| w.users.card(&w.cx, user).await.unwrap().avatar_url;
        assert_eq!(url(ada).await, None);
        for user in [ada, bob] {
            w.users.set_avatar(&w.cx, picture(user, FIRST)).await.unwrap();
        }
        let first = url(ada).await.unwrap();
        assert_eq!(url(bob).await.as_ref(), Some(&first), "named by its content");
        assert_eq!(w.users.me(&w.cx, ada).await.unwrap().avatar_url.as_ref(), Some(&first));
        assert_eq!(w.users.avatar(&w.cx, name(&first)).await.unwrap(), FIRST);
        assert_eq!(w.users.avatar(&w.cx, AvatarName { side: 64, ..name(&first) }).await.unwrap(), FIRST);

        w.users.set_avatar(&w.cx, picture(ada, SECOND)).await.unwrap();
        let second = url(ada).await.unwrap();
        assert_ne!(second, first);
        assert_eq!(w.users.avatar(&w.cx, name(&first)).await.unwrap(), FIRST, "somebody else has it");
        w.users.remove_avatar(&w.cx, bob).await.unwrap();
        assert_eq!(url(bob).await, None);
        assert_eq!(w.users.avatar(&w.cx, name(&first)).await.unwrap_err().code, Code::NotFound);
        assert_eq!(w.users.avatar(&w.cx, name(&second)).await.unwrap(), SECOND);
        w.users.remove_avatar(&w.cx, bob).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_no_small_webp_is_refused_and_changes_nothing() {
    for way in ways() {
        let w = World::new(way).await;
        let ada = w.person("ada").await;
        w.users.set_avatar(&w.cx, picture(ada, FIRST)).await.unwrap();
        let before = w.users.card(&w.cx, ada).await.unwrap();
        for large in ["", "%%%", "bm8gcGljdHVyZQ==", &"A".repeat(400_000)] {
            let refused = w.users.set_avatar(&w.cx, picture(ada, large)).await.unwrap_err();
            assert_eq!(refused.code, Code::BadRequest);
        }
        assert_eq!(w.users.card(&w.cx, ada).await.unwrap(), before);
        let nobody = UserId::from_bits(404);
        assert_eq!(w.users.set_avatar(&w.cx, picture(nobody, FIRST)).await.unwrap_err().code, Code::NotFound);
        assert_eq!(w.users.remove_avatar(&w.cx, nobody).await.unwrap_err().code, Code::NotFound);
    }
}
