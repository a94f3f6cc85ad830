//! Every statement of this layer, as the engine would run it: none may walk through a table. The statements are
//! taken from sqlx's own log while each function is called once, so a new one can't be forgotten without its name
//! missing below.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod cases;

use std::{
    collections::BTreeSet,
    fmt::Debug,
    sync::{Arc, Mutex},
    time::Duration,
};

use sqlx::{Connection as _, Executor as _, Row as _};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{Layer, layer::Context, layer::SubscriberExt as _};
use visavis_domain::{
    Timestamp,
    age::AgeClass,
    friendship::{Request, Side, Tie},
    id::{ChallengeId, JobId, LoginId, NodeId, ParticipantId, ReportId, RequestId, RoomId, TicketId, UserId},
    reputation::settle::{Kind, Step},
    wire::Role,
};
use visavis_platform::db::retention::Retention;
use visavis_platform::{
    Db,
    db::{
        Tx,
        avatars::{self, Sized},
        belongings::{self, KeptAway},
        blocks, calls, codes, figures, friendships, history, jobs, keys, logins, pools, reports, rooms,
        standing, users, visits,
    },
};
use visavis_testkit::{Database, accounts::account};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

#[derive(Clone, Default)]
struct Statements(Arc<Mutex<BTreeSet<String>>>);

impl<S: Subscriber> Layer<S> for Statements {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "sqlx::query" {
            event.record(&mut self.clone());
        }
    }
}

impl Visit for Statements {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.keep(field, &format!("{value:?}"));
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.keep(field, value);
    }
}

impl Statements {
    /// Short statements are in `summary`, longer ones are cut there and whole in `db.statement`.
    fn keep(&self, field: &Field, text: &str) {
        let whole = match field.name() {
            "summary" => !text.ends_with('…'),
            "db.statement" => !text.trim().is_empty(),
            _ => false,
        };
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let ours = ["SELECT", "INSERT", "UPDATE", "DELETE"].iter().any(|verb| text.starts_with(verb));
        if whole && ours && !text.contains("_sqlx_migrations") {
            self.0.lock().unwrap().insert(text);
        }
    }
}

const ADA: UserId = UserId::from_bits(1);
const BOB: UserId = UserId::from_bits(2);
const ROOM: RoomId = RoomId::from_bits(1);

/// Calls every function of the layer once.
async fn call_everything(db: &Db) {
    let mut tx = db.write().await.unwrap();
    write_people(&mut tx).await;
    write_sign_in(&mut tx).await;
    tx.commit().await.unwrap();
    read(db).await;
    call(db).await;
}

async fn write_people(tx: &mut Tx) {
    let entry = users::Entry { at: NOW, delta: 1, reason: String::new(), recover_by: None };
    for (id, email) in [(ADA, "a"), (BOB, "b")] {
        let user = users::User { id, email: email.to_owned(), private_id: email.to_owned(), ..account(1) };
        users::insert(tx, &user, &entry).await.unwrap();
    }
    users::move_reputation(tx, ADA, &entry).await.unwrap();
    users::update(tx, ADA, &users::Changes::default()).await.unwrap();
    users::declare_age(tx, ADA, AgeClass::Adult, NOW).await.unwrap();
    assert_eq!(users::lock_role(tx, ADA).await.unwrap(), Some(Role::User));
    users::is_last_admin(tx, ADA).await.unwrap();
    users::set_role(tx, ADA, Role::User).await.unwrap();
    blocks::count_locked(tx, ADA, 9).await.unwrap();
    blocks::insert(tx, ADA, BOB, NOW).await.unwrap();
    blocks::insert_of_nobody(tx, ADA, UserId::from_bits(9), NOW).await.unwrap();
    blocks::delete(tx, ADA, BOB).await.unwrap();
    avatars::insert(tx, "0", &[Sized { side: 64, webp: String::new() }]).await.unwrap();
    avatars::set(tx, ADA, None).await.unwrap();
    avatars::forget(tx, &avatars::url("1")).await.unwrap();
    users::set_private_id(tx, ADA, "c").await.unwrap();
    friendships::lock_pair(tx, ADA, BOB).await.unwrap();
    friendships::bond(tx, ADA, BOB).await.unwrap();
    friendships::counts(tx, ADA, NOW).await.unwrap();
    let (id, by) = (RequestId::from_bits(1), Side::First);
    let request = Request { id, by, at: NOW, until: NOW, declined: false, withdrawn: false };
    friendships::write(tx, ADA, BOB, Tie::Asked(request)).await.unwrap();
    friendships::write(tx, ADA, BOB, Tie::Nothing).await.unwrap();
    let report = reports::Report {
        id: ReportId::from_bits(1),
        reporter: ADA,
        room: ROOM,
        reported: BOB,
        reason: "spam",
        note: None,
        at: NOW,
    };
    reports::insert(tx, &report).await.unwrap();
}

async fn write_sign_in(tx: &mut Tx) {
    let challenge = codes::Challenge {
        id: ChallengeId::from_bits(1),
        email: "a".to_owned(),
        salt: String::new(),
        code_mac: String::new(),
        link_hash: String::new(),
        tries: 0,
        created_at: NOW,
        expires_at: NOW,
        used_at: None,
        held: false,
    };
    codes::insert(tx, &challenge).await.unwrap();
    codes::by_id_locked(tx, challenge.id, NOW).await.unwrap();
    codes::of_address(tx, "a", NOW).await.unwrap();
    codes::failures(tx, "a", NOW, 9).await.unwrap();
    codes::count_try(tx, challenge.id).await.unwrap();
    codes::add_failure(tx, &challenge, 1, NOW).await.unwrap();
    codes::use_up(tx, challenge.id, NOW).await.unwrap();
    let login = logins::Login {
        id: LoginId::from_bits(1),
        user: ADA,
        user_agent: String::new(),
        created_at: NOW,
        last_used_at: NOW,
        expires_at: NOW,
        ended_at: None,
        current_hash: String::new(),
        previous_hash: None,
        rotated_at: None,
        successor: None,
    };
    logins::insert(tx, &login).await.unwrap();
    let rotation =
        logins::Rotation { id: login.id, old: "", new: "", successor: "", now: NOW, expires_at: NOW };
    logins::rotate(tx, &rotation).await.unwrap();
    logins::end(tx, login.id, NOW, "").await.unwrap();
    logins::end_surplus(tx, ADA, 9, NOW).await.unwrap();
    logins::by_id_in(tx, login.id).await.unwrap();
    let key = keys::SigningKey {
        kid: "k".to_owned(),
        public_key: String::new(),
        private_wrapped: String::new(),
        use_from: NOW,
    };
    keys::insert(tx, &key).await.unwrap();
    keys::delete(tx, "k").await.unwrap();
}

async fn read(db: &Db) {
    users::by_id(db, ADA).await.unwrap();
    users::by_email(db, "a").await.unwrap();
    users::ledger(db, ADA).await.unwrap();
    users::by_private_id(db, "c").await.unwrap();
    friendships::pair_of(db, RequestId::from_bits(1)).await.unwrap();
    friendships::of(db, ADA, 9).await.unwrap();
    friendships::are_friends(db, ADA, BOB).await.unwrap();
    friendships::requests(db, ADA, NOW, 9).await.unwrap();
    friendships::met(db, ADA, BOB, NOW).await.unwrap();
    blocks::of(db, ADA, 9).await.unwrap();
    avatars::get(db, "0", 64).await.unwrap();
    blocks::either_way(db, ADA).await.unwrap();
    blocks::has(db, ADA, BOB).await.unwrap();
    codes::by_link(db, "").await.unwrap();
    logins::by_id(db, LoginId::from_bits(1)).await.unwrap();
    logins::live(db, ADA, NOW).await.unwrap();
    logins::role_of(db, LoginId::from_bits(1), NOW).await.unwrap();
    keys::all(db).await.unwrap();
}

async fn call(db: &Db) {
    let member = |user| calls::CallMember {
        user,
        participant: ParticipantId::from_bits(1),
        waited_ms: 0,
        ticket: Some(TicketId::from_bits(user.bits())),
    };
    let call = calls::CallOpened {
        room: ROOM,
        kind: "random",
        node: NodeId::from_bits(1),
        opened_at: NOW,
        transport: "p2p",
        members: vec![member(ADA), member(BOB)],
    };
    calls::open(db, &call).await.unwrap();
    calls::started(db, ROOM, NOW).await.unwrap();
    let left = calls::MemberLeft { user: ADA, at: NOW, reason: "left" };
    calls::ended(db, ROOM, NOW, "left", &[left]).await.unwrap();
    calls::nodes_running(db).await.unwrap();
    calls::running_on(db, call.node).await.unwrap();
    calls::close_dangling(db, Some(call.node), NOW, "").await.unwrap();
    calls::partners_since(db, ADA, NOW).await.unwrap();
    calls::room_of(db, ADA).await.unwrap();
    calls::left(db, ROOM, &left).await.unwrap();
    pools::next_epoch(db, "adult").await.unwrap();
    calls::met(db, ROOM, ADA, BOB, NOW).await.unwrap();
    calls::by_room(db, ROOM).await.unwrap();
    calls::clean(db, ADA, Duration::ZERO, 5).await.unwrap();
    call_friends(db).await;
    call_visits(db).await;
    history::of(db, ADA, 20).await.unwrap();
    call_standing(db).await;
    cases::call_decisions(db).await;
    cases::call_cases(db).await;
    call_jobs(db).await;
    call_rooms(db).await;
    call_belongings(db).await;
    figures::of_days(db, NOW, 90).await.unwrap();
    figures::of_rules(db, NOW).await.unwrap();
    db.sweep(NOW, &Retention::default()).await.unwrap();
}

async fn call_standing(db: &Db) {
    standing::score(db, ADA).await.unwrap();
    standing::facts(db, ADA, NOW, Duration::ZERO).await.unwrap();
    standing::moves(db, ADA).await.unwrap();
    standing::was_in(db, ADA, ROOM, NOW).await.unwrap();
    standing::rate(db, ADA, ROOM, 5, NOW).await.unwrap();
    let step = Step { kind: Kind::CleanCall, source: "a".to_owned(), at: NOW, delta: 1, recover_by: None };
    let mut tx = db.write().await.unwrap();
    standing::lock(&mut tx, ADA).await.unwrap();
    standing::moves_locked(&mut tx, ADA).await.unwrap();
    standing::write(&mut tx, ADA, &step).await.unwrap();
    standing::settled(&mut tx, ADA, NOW).await.unwrap();
    tx.commit().await.unwrap();
}

async fn call_belongings(db: &Db) {
    let secret = visavis_platform::secret::Secret::from_bytes([9; 32]);
    belongings::held(db, ADA, NOW).await.unwrap();
    let mut tx = db.write().await.unwrap();
    let kept = KeptAway { until: NOW, concern: "nudity".to_owned() };
    belongings::keep_away(&mut tx, "mac", &kept).await.unwrap();
    assert_eq!(belongings::take_away(&mut tx, "mac").await.unwrap(), Some(kept));
    assert!(belongings::erase(&mut tx, (&secret, NOW), BOB, UserId::from_bits(99)).await.unwrap().is_some());
    assert!(belongings::erase(&mut tx, (&secret, NOW), BOB, UserId::from_bits(99)).await.unwrap().is_none());
    tx.commit().await.unwrap();
}

async fn call_friends(db: &Db) {
    let dialled = |room| calls::Dialled {
        room: RoomId::from_bits(room),
        node: NodeId::from_bits(1),
        at: NOW,
        transport: "p2p",
        caller: (ADA, ParticipantId::from_bits(3)),
        callee: (BOB, ParticipantId::from_bits(4)),
    };
    calls::dial(db, &dialled(2)).await.unwrap();
    calls::answered(db, RoomId::from_bits(2), BOB).await.unwrap();
    calls::missed(db, &dialled(3), "busy", false).await.unwrap();
    calls::blocked(db, RoomId::from_bits(2), NOW, "left", &[]).await.unwrap();
}

async fn call_visits(db: &Db) {
    let (node, participant) = (NodeId::from_bits(1), ParticipantId::from_bits(1));
    let visit = visits::Visit { participant, room: ROOM, user: ADA, node, came_at: NOW };
    visits::came_apart(db, &visit, &[ParticipantId::from_bits(2)]).await.unwrap();
    visits::left(db, participant, NOW, "left").await.unwrap();
    visits::met(db, ROOM, ADA, BOB, NOW).await.unwrap();
    visits::nodes_running(db).await.unwrap();
    visits::running_on(db, node).await.unwrap();
    visits::close_dangling(db, node, NOW, "").await.unwrap();
}

async fn call_rooms(db: &Db) {
    let room = rooms::GroupRoom {
        id: ROOM,
        owner: ADA,
        name: None,
        seats: 10,
        locked: false,
        created_at: NOW,
        expires_at: NOW,
    };
    rooms::insert(db, &room).await.unwrap();
    rooms::by_id(db, ROOM, NOW).await.unwrap();
    rooms::used(db, ROOM, NOW).await.unwrap();
    rooms::set_locked(db, ROOM, true).await.unwrap();
    rooms::delete(db, ROOM).await.unwrap();
}

async fn call_jobs(db: &Db) {
    let mut tx = db.write().await.unwrap();
    for (n, key) in [(1, "a"), (2, "b")] {
        let (id, kind, payload) = (JobId::from_bits(n), "mail", "");
        let job = jobs::NewJob { id, kind, key, payload, created_at: NOW, expires_at: None };
        jobs::insert(&mut tx, &job).await.unwrap();
    }
    jobs::waiting(&mut tx, "mail", 9).await.unwrap();
    jobs::retry(&mut tx, JobId::from_bits(2), NOW).await.unwrap();
    jobs::delete(&mut tx, JobId::from_bits(2)).await.unwrap();
    tx.commit().await.unwrap();
    jobs::next(db, "mail").await.unwrap();
    let id = jobs::due(db, "mail", NOW, 9).await.unwrap()[0];
    let claim = jobs::claim(db, id, "me", NOW, NOW).await.unwrap().unwrap();
    jobs::again(db, &claim, NOW, "").await.unwrap();
    jobs::done(db, &claim).await.unwrap();
    jobs::list(db, 9).await.unwrap();
}

/// What may be walked through: the result of a bounded inner query, the few signing keys, the indexes that hold running
/// calls and stays only, and the first page of an operator's list of jobs.
const MAY_BE_SCANNED: [&str; 6] = [
    "SCAN counted",
    "SCAN signing_keys USING INDEX",
    "SCAN calls USING INDEX calls_running",
    "SCAN calls USING COVERING INDEX calls_running",
    "SCAN visits USING INDEX visits_running",
    "SCAN jobs USING INDEX sqlite_autoindex_jobs_1",
];

#[tokio::test]
async fn no_statement_walks_through_a_table() {
    let statements = Statements::default();
    // For the whole process: statements run on threads of their own.
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(statements.clone())).unwrap();
    let place = Database::sqlite();
    call_everything(&place.open().await).await;
    let all = statements.0.lock().unwrap().clone();
    for (verb, fewest) in [("SELECT", 15), ("INSERT", 10), ("UPDATE", 12), ("DELETE", 6)] {
        let seen = all.iter().filter(|s| s.starts_with(verb)).count();
        assert!(seen >= fewest, "{seen} statements begin with {verb}: the log shows too few");
    }
    let scans = on_sqlite(&place, &all).await;
    assert!(scans.is_empty(), "{scans:#?}");
    // Not vacuous: the same question about a statement without an index.
    let unfit = BTreeSet::from(["SELECT id FROM users WHERE bio = $1".to_owned()]);
    assert_eq!(on_sqlite(&place, &unfit).await.len(), 1);
    let Some(place) = Database::postgres().await else { return };
    // It knows all of them, too; those of its own start aside.
    call_everything(&place.open().await).await;
    let scans = on_postgres(&place, &all).await;
    assert!(scans.is_empty(), "{scans:#?}");
    assert_eq!(on_postgres(&place, &unfit).await.len(), 1);
}

async fn on_sqlite(place: &Database, statements: &BTreeSet<String>) -> Vec<String> {
    let url = format!("sqlite://{}", place.folder.path().join("visavis.db").display());
    let engine = sqlx::any::AnyPoolOptions::new().max_connections(1).connect(&url).await.unwrap();
    let mut scans = Vec::new();
    for statement in statements {
        let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
        for row in sqlx::query(explain).fetch_all(&engine).await.unwrap() {
            let step: String = row.try_get("detail").unwrap();
            let harmless =
                !step.starts_with("SCAN") || MAY_BE_SCANNED.iter().any(|fine| step.starts_with(fine));
            if !harmless {
                scans.push(format!("{step}: {statement}"));
            }
        }
    }
    scans
}

/// As it would plan them for any values, were the tables too large to be read whole.
async fn on_postgres(place: &Database, statements: &BTreeSet<String>) -> Vec<String> {
    let url = place.settings.url.as_ref().unwrap().expose();
    let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
    connection.execute("SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan").await.unwrap();
    let mut scans = Vec::new();
    for (n, statement) in statements.iter().enumerate() {
        let binds = (1..=40).take_while(|n| statement.contains(&format!("${n}"))).map(|_| "NULL");
        let binds = binds.collect::<Vec<_>>().join(", ");
        let binds = if binds.is_empty() { binds } else { format!("({binds})") };
        connection.execute(sqlx::AssertSqlSafe(format!("PREPARE s{n} AS {statement}"))).await.unwrap();
        let explain = sqlx::AssertSqlSafe(format!("EXPLAIN (FORMAT JSON) EXECUTE s{n}{binds}"));
        let row = connection.fetch_one(explain).await.unwrap();
        let plan: String = row.try_get_unchecked("QUERY PLAN").unwrap();
        let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
        let first_page = statement.ends_with("FROM jobs ORDER BY id DESC LIMIT $1");
        walks(&plan[0]["Plan"], &mut |table| {
            if !first_page {
                scans.push(format!("{table}: {statement}"));
            }
        });
    }
    scans
}

/// Tells every table that a plan reads from one end to the other.
fn walks(plan: &serde_json::Value, tell: &mut impl FnMut(&str)) {
    let text = |key: &str| plan[key].as_str().unwrap_or_default();
    let reads = text("Node Type").ends_with("Scan") && text("Node Type") != "Subquery Scan";
    // A bitmap is made by the node below; rows that were found in it are fetched.
    let condition = ["Index Cond", "TID Cond", "Recheck Cond"].iter().any(|key| !plan[key].is_null());
    // These hold what is asked for and nothing else.
    let partial = ["calls_running", "visits_running", "users_admins", "cases_open"];
    let fine = text("Relation Name") == "signing_keys" || partial.contains(&text("Index Name"));
    if reads && !condition && !fine {
        tell(&format!("{} {}{}", text("Node Type"), text("Relation Name"), text("Index Name")));
    }
    plan["Plans"].as_array().into_iter().flatten().for_each(|below| walks(below, tell));
}
