//! P13, with the models of `cargo xtask models`: pictures looked at in a second of CPU time, from the key frame on as it came
//! over the network, and what listening costs beside the time that was spoken. The first round of each is dropped.
//!
//! With `saturate` it only makes work, for a figure that another bench measures beside it. Asked line by line: `go`, from then
//! on a thread for each core looks at pictures without a pause, as the role does it; `rest`: `done looked=`.

#![expect(clippy::unwrap_used, clippy::cast_precision_loss, reason = "a bench")]

use std::{
    io::{BufRead as _, Write as _},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use visavis_domain::contract::{
    Caller,
    sight::{Form, Look, Sight as _},
};
use visavis_workers::{
    eyes::Eyes,
    listen::{Listener, RATE},
    look::{Effort, Looker},
    models::Models,
    picture::Picture,
};

/// A picture in 180 and in 360 lines, as guests of load tests send them.
const FILMS: [(&str, &str); 2] = [("320 × 180", "l"), ("640 × 360", "m")];
const LOOKS: u32 = 60;
const ROUNDS: usize = 5;
/// What the watcher asks for: runs of five seconds, each with the last second of the one before.
const RUN: usize = 5 * RATE;
const STEP: usize = 4 * RATE;
/// Seconds of speech in a round.
const SPOKEN: usize = 40;

/// Linux counts CPU time in hundredths of a second, whatever the machine.
const TICK: f64 = 0.01;

/// CPU time of this process, all threads, in seconds.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // Behind the name, which may hold anything: user and system time are the twelfth and thirteenth.
    let (_, rest) = stat.rsplit_once(')').unwrap();
    let ticks = rest.split_whitespace().skip(11).take(2).map(|word| word.parse::<u64>().unwrap());
    ticks.sum::<u64>() as f64 * TICK
}

/// Seconds of CPU time of each round but the first: the median, the least and the most.
fn rounds(mut round: impl FnMut()) -> (f64, f64, f64) {
    let timed = |round: &mut dyn FnMut()| {
        let before = cpu();
        round();
        cpu() - before
    };
    let mut all: Vec<f64> = (0..=ROUNDS).map(|_| timed(&mut round)).skip(1).collect();
    all.sort_by(f64::total_cmp);
    (all[ROUNDS / 2], all[0], all[ROUNDS - 1])
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The first frame of an IVF file: a key frame.
fn key_frame(name: &str) -> Vec<u8> {
    let ivf = std::fs::read(root().join(format!("crates/app/src/load_test/film/{name}.ivf"))).unwrap();
    let length = u32::from_le_bytes(ivf[32..36].try_into().unwrap()) as usize;
    ivf[44..44 + length].to_vec()
}

/// A voice that reads without a pause, at the rate of the networks.
fn voice(models: &Models) -> Vec<f32> {
    let bytes = std::fs::read(models.path("samples/two-cities.wav")).unwrap();
    let rate = u32::from_le_bytes(bytes[24..28].try_into().unwrap()) as usize;
    let data = bytes.windows(4).position(|word| word == b"data").unwrap() + 8;
    let sample = |two: &[u8]| f32::from(i16::from_le_bytes([two[0], two[1]])) / 32_768.0;
    let all: Vec<f32> = bytes[data..].chunks_exact(2).map(sample).collect();
    (0..all.len() * RATE / rate).map(|at| all[at * rate / RATE]).cycle().take(SPOKEN * RATE).collect()
}

/// How closely a picture is looked at in its turn.
type How = fn(usize) -> Effort;

/// Pieces of each core that wait or are looked at.
const AT_ONCE: usize = 4;
/// Before models are there.
const LOADING: Duration = Duration::from_mins(1);

/// Work for as many threads as there are cores, whenever it is asked for.
fn saturate() {
    let cores = std::thread::available_parallelism().unwrap().get();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let eyes = Arc::new(Eyes::start(&root().join("models"), cores).unwrap());
    let loaded = async {
        while eyes.able().is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    runtime.block_on(async { tokio::time::timeout(LOADING, loaded).await }).unwrap();
    let (goes, looked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let look = Look { form: Form::Vp8, picture: key_frame("m") };
    let work = |eyes: Arc<Eyes>, look: Look, goes: Arc<AtomicBool>, looked: Arc<AtomicU32>| async move {
        loop {
            if !goes.load(Ordering::Relaxed) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            } else if eyes.look(&Caller::internal("bench"), look.clone()).await.is_ok() {
                looked.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    for _ in 0..cores * AT_ONCE {
        runtime.spawn(work(Arc::clone(&eyes), look.clone(), Arc::clone(&goes), Arc::clone(&looked)));
    }
    std::thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
    println!("ready");
    for line in std::io::stdin().lock().lines() {
        goes.store(line.unwrap() == "go", Ordering::Relaxed);
        println!("done looked={}", looked.swap(0, Ordering::Relaxed));
        std::io::stdout().flush().unwrap();
    }
}

fn main() {
    if std::env::args().any(|arg| arg == "saturate") {
        return saturate();
    }
    let models = Models::open(&root().join("models")).unwrap();
    let mut looker = Looker::open(&models).unwrap();
    let efforts: [(&str, How); 3] = [
        ("", |_| Effort::Usual),
        (", while many wait", Effort::Hurried),
        (", by every network", |_| Effort::Thorough),
    ];
    for ((size, name), (how, effort)) in FILMS.iter().flat_map(|film| efforts.map(|effort| (*film, effort))) {
        let frame = key_frame(name);
        let (median, least, most) = rounds(|| {
            for turn in 0..LOOKS {
                let picture = Picture::from_vp8(&frame).unwrap();
                looker.look(&picture, effort(turn as usize)).unwrap();
                picture.blurred().unwrap();
                std::hint::black_box((picture.is_blank(), picture.print()));
            }
        });
        let a_second = |spent: f64| f64::from(LOOKS) / spent;
        let met = if a_second(median) >= 60.0 { "met" } else { "missed" };
        println!(
            "P13 pictures of {size}{how}: {:.0} a CPU-second ({:.0} to {:.0}); goal at least 60: {met}",
            a_second(median),
            a_second(most),
            a_second(least)
        );
    }
    let mut listener = Listener::open(&models).unwrap();
    let spoken = voice(&models);
    let mut pieces = 0;
    let (median, least, most) = rounds(|| {
        pieces = 0;
        for from in (0..=spoken.len() - RUN).step_by(STEP) {
            let run = &spoken[from..from + RUN];
            pieces += listener.said(run).unwrap().len();
            listener.heard(run).unwrap();
        }
    });
    let part = |spent: f64| spent / SPOKEN as f64;
    let met = if part(median) <= 0.15 && pieces > 0 { "met" } else { "missed" };
    println!(
        "P13 listening to {SPOKEN} s of speech without a pause ({pieces} pieces written down): {:.3} of real time \
         ({:.3} to {:.3}); goal at most 0.15: {met}",
        part(median),
        part(least),
        part(most)
    );
}
