//! Models that go away while they are used, and what a start makes of what is left.

use std::{fs, os::unix::fs::symlink, path::Path, time::Duration};

use visavis_domain::contract::{
    Caller,
    sight::{Able, Form, Look, Read, Sight, Slot},
};
use visavis_workers::eyes::Eyes;

use super::models;

/// Loading takes a second or three, on a machine with other work ten times that.
const LOADED: Duration = Duration::from_mins(1);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A folder of our own: the files themselves where they are to be harmed, links to the others.
fn folder(harmed: &[&str]) -> tempfile::TempDir {
    let (models, folder) = (models(), tempfile::tempdir().unwrap());
    fs::copy(models.path("manifest.toml"), folder.path().join("manifest.toml")).unwrap();
    for file in models.files() {
        let (from, to) = (models.path(&file.path), folder.path().join(&file.path));
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        if harmed.contains(&file.path.as_str()) {
            fs::copy(from, to).unwrap();
        } else {
            symlink(from.canonicalize().unwrap(), to).unwrap();
        }
    }
    folder
}

/// What can be noticed with them, once they are loaded.
async fn started(folder: &Path) -> (Eyes, Able) {
    let eyes = Eyes::start(folder, 1).unwrap();
    let loaded = async {
        loop {
            match eyes.able() {
                Ok(able) => break able,
                Err(_) => tokio::time::sleep(LOOK_AGAIN).await,
            }
        }
    };
    let able = tokio::time::timeout(LOADED, loaded).await.unwrap();
    (eyes, able)
}

/// Looks and reads.
async fn works(eyes: &Eyes) {
    let cx = Caller::internal("test");
    let mut webp = Vec::new();
    let grey = vec![90; 320 * 180 * 3];
    image_webp::WebPEncoder::new(&mut webp).encode(&grey, 320, 180, image_webp::ColorType::Rgb8).unwrap();
    let seen = eyes.look(&cx, Look { form: Form::Still, picture: webp }).await.unwrap();
    assert!(seen.scores.of(Slot::Nudity).is_some() && seen.blurred.is_some());
    let read = eyes.read(&cx, Read { text: "i will kill you".to_owned() }).await.unwrap();
    assert!(read.of(Slot::Hostile).unwrap() > 500);
}

#[tokio::test]
async fn models_that_go_away_are_missed_at_the_next_start_and_not_before() {
    let folder = folder(&["nudity/nsfwjs-mid.onnx"]);
    let (eyes, able) = started(folder.path()).await;
    assert!(able.off.is_empty(), "{able:?}");
    works(&eyes).await;

    // A copy that was interrupted: half of a file, behind the back of whoever has it loaded.
    let file = folder.path().join("nudity/nsfwjs-mid.onnx");
    let length = fs::metadata(&file).unwrap().len();
    fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(length / 2).unwrap();
    works(&eyes).await;
    let (_, able) = started(folder.path()).await;
    assert!(able.on.is_empty(), "half a file isn't what the manifest says: nothing is trusted");

    fs::remove_file(&file).unwrap();
    works(&eyes).await;
    let (_, able) = started(folder.path()).await;
    assert_eq!(able.off, [Slot::Nudity, Slot::Weapon]);
    assert_eq!(able.on, [Slot::Hostile, Slot::Scream, Slot::Shot]);

    fs::remove_dir_all(folder.path()).unwrap();
    works(&eyes).await;
    let (none, able) = started(folder.path()).await;
    assert!(able.on.is_empty());
    let cx = Caller::internal("test");
    let read = none.read(&cx, Read { text: "i will kill you".to_owned() }).await.unwrap();
    assert_eq!(read.of(Slot::Hostile), None, "nothing is known, which isn't nothing found");
}
