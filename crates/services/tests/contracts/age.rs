//! Who says how old somebody is, and what comes of it.

use std::sync::Arc;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use visavis_domain::{
    Code,
    age::AgeClass,
    contract::{
        age_assurance::{self as contract, AgeAssurance, Assess},
        users::{self as users_contract, Users},
    },
    event::{Event, Topic},
    id::UserId,
};
use visavis_platform::Hidden;
use visavis_services::{age, users};

use crate::world::{Way, World, heard, silent, ways};

/// A service that gives everybody this answer, and its address.
async fn service(w: &World, answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/age", listener.local_addr().unwrap());
    w.stores.lifecycle.spawn("service", async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut seen = vec![0; 4_096];
            let mut read = 0;
            while !String::from_utf8_lossy(&seen[..read]).ends_with('}') {
                read += stream.read(&mut seen[read..]).await.unwrap();
            }
            let text = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{answer}", answer.len());
            let _ = stream.write_all(text.as_bytes()).await;
        }
    });
    url
}

fn settings(url: Option<String>, youth: bool) -> age::Settings {
    let secret = url.is_some().then(|| Hidden::from("secret".to_owned()));
    age::Settings { url, secret, youth, ..age::Settings::default() }
}

fn assurance(w: &World, way: Way, settings: &age::Settings) -> Arc<dyn AgeAssurance> {
    way.reach(Arc::new(age::Age::new(settings, w.clock.clone()).unwrap()), contract::through)
}

#[tokio::test]
async fn a_declaration_is_believed_unless_a_service_is_named_and_then_its_word_counts() {
    for way in ways() {
        let w = World::new(way).await;
        let ask = |declares_adult| Assess { user: UserId::from_bits(1), declares_adult };
        let declared = assurance(&w, way, &settings(None, true));
        assert_eq!(declared.assess(&w.cx, ask(true)).await, Ok(Some(AgeClass::Adult)));
        assert_eq!(declared.assess(&w.cx, ask(false)).await, Ok(None), "nobody declares to be young");
        for (answer, youth, class) in [
            (r#"{"class": "adult"}"#, false, Ok(Some(AgeClass::Adult))),
            (r#"{"class": "youth"}"#, true, Ok(Some(AgeClass::Youth))),
            (r#"{"class": "youth"}"#, false, Ok(None)),
            (r#"{"class": null}"#, true, Ok(None)),
            (r#"{"class": "elf"}"#, true, Err(Code::Unavailable)),
            ("nonsense", true, Err(Code::Unavailable)),
        ] {
            let asked = assurance(&w, way, &settings(Some(service(&w, answer).await), youth));
            assert_eq!(asked.assess(&w.cx, ask(true)).await.map_err(|f| f.code), class, "{answer}");
        }
        let nobody = assurance(&w, way, &settings(Some("http://127.0.0.1:1/".to_owned()), false));
        assert_eq!(nobody.assess(&w.cx, ask(true)).await.unwrap_err().code, Code::Unavailable);
    }
}

#[tokio::test]
async fn whose_age_is_not_confirmed_meets_nobody_and_a_youth_is_one() {
    for way in ways() {
        for (answer, expected) in
            [(r#"{"class": "youth"}"#, Ok(AgeClass::Youth)), (r#"{"class": null}"#, Err(Code::AgeRequired))]
        {
            let w = World::new(way).await;
            let ada = w.person("ada").await;
            let age = Arc::new(
                age::Age::new(&settings(Some(service(&w, answer).await), true), w.clock.clone()).unwrap(),
            );
            let service = users::Users::new(
                w.db.clone(),
                (w.clock.clone(), w.dice.clone(), w.secret.clone()),
                users::Settings::default(),
                age,
            );
            let users = way.reach(Arc::new(service) as Arc<dyn Users>, users_contract::through);
            let declared = users.declare_age(&w.cx, ada).await.map_err(|fault| fault.code);
            let seeker = users.seeker(&w.cx, ada).await.unwrap();
            match expected {
                Ok(class) => {
                    assert_eq!((declared, seeker.age_declared, seeker.age_class), (Ok(()), true, class));
                }
                Err(code) => assert_eq!((declared, seeker.age_declared), (Err(code), false)),
            }
        }
    }
}

#[test]
fn settings_that_cannot_be_are_refused() {
    let clock = visavis_platform::Clock::System;
    let bad = age::Settings { url: Some("https://age.example".to_owned()), ..age::Settings::default() };
    assert_eq!(age::Age::new(&bad, clock.clone()).unwrap_err(), age::BadSettings::NoSecret);
    let plain = settings(Some("http://age.example".to_owned()), false);
    assert!(matches!(age::Age::new(&plain, clock).unwrap_err(), age::BadSettings::Url(_)));
}

#[tokio::test]
async fn a_later_word_of_the_service_counts_and_searches_hear_of_it() {
    for way in ways() {
        let w = World::new(way).await;
        let ada = w.person("ada").await;
        let mut news = w.bus.subscribe(Topic::Seats);
        let says = async |answer| {
            let settings = settings(Some(service(&w, answer).await), true);
            let age = Arc::new(age::Age::new(&settings, w.clock.clone()).unwrap());
            let ground = (w.clock.clone(), w.dice.clone(), w.secret.clone());
            let service = users::Users::new(w.db.clone(), ground, users::Settings::default(), age);
            let service = Arc::new(service.with_bus(w.bus.clone())) as Arc<dyn Users>;
            let users = way.reach(service, users_contract::through);
            let declared = users.declare_age(&w.cx, ada).await.map_err(|fault| fault.code);
            let seeker = users.seeker(&w.cx, ada).await.unwrap();
            (declared, seeker.age_declared, seeker.age_class)
        };
        let changed = Event::AgeChanged { user: ada };
        let (adult, youth) = (r#"{"class": "adult"}"#, r#"{"class": "youth"}"#);
        assert_eq!(says(adult).await, (Ok(()), true, AgeClass::Adult));
        assert_eq!(says(adult).await, (Ok(()), true, AgeClass::Adult));
        silent(&w.bus, &mut news, Topic::Seats).await;
        assert_eq!(says(youth).await, (Ok(()), true, AgeClass::Youth));
        assert_eq!(heard(&mut news).await, changed);
        let (declared, age_declared, _) = says(r#"{"class": null}"#).await;
        assert_eq!((declared, age_declared), (Err(Code::AgeRequired), false));
        assert_eq!(heard(&mut news).await, changed);
        assert!(!w.users.me(&w.cx, ada).await.unwrap().age_declared);
        assert_eq!(says(youth).await, (Ok(()), true, AgeClass::Youth));
        assert_eq!(
            says("nonsense").await,
            (Err(Code::Unavailable), true, AgeClass::Youth),
            "that is no word"
        );
    }
}
