//! P10: what our gateway takes for a request with a token, beside one proxy hop through nginx.

use super::{
    Bench,
    nginx::Hop,
    peer::Peer,
    product::Product,
    report::{Figure, Goal},
    rounds,
};
use crate::Outcome;

/// Requests of a round, at this many a second: half a core of work for either side.
const REQUESTS: f64 = 8000.0;
const RATE: f64 = 4000.0;
/// The paths of `requests.mjs`, each with the status it is answered with.
const ME: &str = "200 0";
/// Refused by the shape of its id, after the guard and the token: nothing of a role or the database is in it.
const HOP: &str = "404 1";

pub fn bench(bench: &Bench) -> Outcome {
    let server = Product::fresh("http")?;
    let mut ours = Peer::start(bench.generator("requests.mjs").arg(&server.url).arg(&server.data))?;
    ours.ask("people")?;
    let hop =
        Hop::start(bench, r#"{"id":"usr_0","displayName":"Quiet Otter","avatarUrl":null,"band":"good"}"#)?;
    let mut theirs =
        Peer::start(bench.generator("requests.mjs").arg(format!("http://127.0.0.1:{}", hop.port)))?;
    let (ours_pid, theirs_pid) = (server.peer.pid(), hop.proxy.pid());
    let get = |what: &str| format!("get {REQUESTS} {RATE} {what}");
    let mut nginx = || theirs.cost(theirs_pid, &get(ME), REQUESTS);
    let (gateway, proxy) = rounds::alternate(|| ours.cost(ours_pid, &get(HOP), REQUESTS), &mut nginx)?;
    let (whole, beside) = rounds::alternate(|| ours.cost(ours_pid, &get(ME), REQUESTS), &mut nginx)?;
    let figure = |what, value, other, goal| Figure {
        number: "P10",
        what,
        unit: "µs",
        value,
        reference: Some(("REF-N", other)),
        goal,
    };
    figure("CPU of the gateway for a request with a token", gateway, proxy, Goal::TimesReference(1.3))
        .print();
    figure("CPU of GET /api/users/me, its role and database with it", whole, beside, Goal::None).print();
    Ok(())
}
