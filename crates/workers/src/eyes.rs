//! The `sight` role: threads that look, listen and read, each with networks of its own. They run below everything else on
//! the machine, so that calls never wait for them, and take one piece at a time; who asks while too many wait is told so.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};
use visavis_domain::{
    Code, Fault,
    contract::{
        Caller,
        sight::{Able, Form, Heard, Listen, Look, Read, Said, Scores, Seen, Sight, Slot},
    },
};

use crate::{
    Error,
    listen::{self, Listener},
    look::{Effort, Looker},
    models::{Models, State},
    picture::Picture,
    read::Reader,
};

/// Pieces that wait for a thread. One takes 10 to 300 ms, so the last of these still fits into its deadline.
const WAITING: usize = 32;
/// From so many on pictures are looked at less closely: better each a little than some not at all.
const MANY: usize = 8;
/// The lowest that a thread can be (`setpriority`): it gets what others leave.
const NICE: i32 = 19;
/// Samples of Opus at 48 kHz in one at the rate of the networks.
const OPUS_STEP: usize = 48_000 / listen::RATE;

/// What is off without models.
const ALL: [Slot; 5] = [Slot::Nudity, Slot::Weapon, Slot::Hostile, Slot::Scream, Slot::Shot];

/// The role.
#[derive(Debug)]
pub struct Eyes {
    work: mpsc::Sender<Work>,
    able: Arc<OnceLock<Able>>,
}

/// What a thread does.
enum Work {
    Look(Look, oneshot::Sender<Result<Seen, Fault>>),
    Listen(Listen, oneshot::Sender<Result<Heard, Fault>>),
    Read(Read, oneshot::Sender<Result<Scores, Fault>>),
}

/// What one thread has.
struct Networks {
    looker: Option<Looker>,
    listener: Option<Listener>,
    reader: Option<Reader>,
}

impl Eyes {
    /// Starts so many threads over the models in this folder. They load them themselves: who starts doesn't wait for it. What
    /// isn't there, or isn't what the manifest says, is off, and said.
    ///
    /// # Errors
    /// When a thread can't be started.
    pub fn start(folder: &Path, threads: usize) -> std::io::Result<Self> {
        let (work, waiting) = mpsc::channel(WAITING);
        let waiting = Arc::new(Mutex::new(waiting));
        let able = Arc::new(OnceLock::new());
        for n in 0..threads.max(1) {
            let (folder, waiting, able) = (folder.to_owned(), Arc::clone(&waiting), Arc::clone(&able));
            std::thread::Builder::new().name(format!("eyes-{n}")).spawn(move || {
                // Whoever may not lower themselves works all the same.
                let _ = rustix::process::setpriority_process(None, NICE);
                let networks = Networks::open(&folder);
                able.get_or_init(|| told(networks.able()));
                attend(&waiting, networks, || Networks::open(&folder), Networks::attend);
            })?;
        }
        Ok(Self { work, able })
    }

    /// Which kinds can be noticed here. Unavailable until the models are loaded: what they will notice isn't "off" till then,
    /// and nobody is to believe that they won't be watched.
    ///
    /// # Errors
    /// While the models are on their way into memory.
    pub fn able(&self) -> Result<Able, Fault> {
        self.able.get().cloned().ok_or_else(Fault::unavailable)
    }

    async fn ask<T>(&self, work: impl FnOnce(oneshot::Sender<Result<T, Fault>>) -> Work) -> Result<T, Fault> {
        let (answer, answered) = oneshot::channel();
        self.work.try_send(work(answer)).map_err(|_| Fault::unavailable())?;
        answered.await.map_err(|_| Fault::unavailable())?
    }
}

#[async_trait]
impl Sight for Eyes {
    async fn look(&self, _cx: &Caller, req: Look) -> Result<Seen, Fault> {
        self.ask(|answer| Work::Look(req, answer)).await
    }

    async fn listen(&self, _cx: &Caller, req: Listen) -> Result<Heard, Fault> {
        self.ask(|answer| Work::Listen(req, answer)).await
    }

    async fn read(&self, _cx: &Caller, req: Read) -> Result<Scores, Fault> {
        self.ask(|answer| Work::Read(req, answer)).await
    }

    async fn able(&self, _cx: &Caller, (): ()) -> Result<Able, Fault> {
        self.able()
    }
}

/// The life of a thread: until nobody can ask any more.
fn attend<N>(
    waiting: &Mutex<mpsc::Receiver<Work>>,
    mut networks: N,
    open: impl Fn() -> N,
    act: impl Fn(&mut N, Work, Effort),
) {
    for turn in 0_usize.. {
        let (next, behind) = {
            let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
            (waiting.blocking_recv(), waiting.len())
        };
        let effort = if behind < MANY { Effort::Usual } else { Effort::Hurried(turn) };
        let Some(work) = next else { return };
        // Whatever a stranger sent: it ends this piece, never the thread. What it was in the middle of isn't trusted.
        if catch_unwind(AssertUnwindSafe(|| act(&mut networks, work, effort))).is_err() {
            metrics::counter!("visavis_watch_panics_total").increment(1);
            tracing::error!(
                "looking at a piece has panicked: it is given up, and the models are loaded anew"
            );
            networks = open();
        }
    }
}

impl Networks {
    /// Whoever has given up waiting meanwhile is answered nothing.
    fn attend(&mut self, work: Work, effort: Effort) {
        match work {
            Work::Look(look, answer) if !answer.is_closed() => {
                let _ = answer.send(self.look(&look, effort));
            }
            Work::Listen(listen, answer) if !answer.is_closed() => {
                let _ = answer.send(self.listen(&listen));
            }
            Work::Read(read, answer) if !answer.is_closed() => {
                let _ = answer.send(self.read(&read.text));
            }
            Work::Look(..) | Work::Listen(..) | Work::Read(..) => {}
        }
    }

    fn open(folder: &Path) -> Self {
        let none = Self { looker: None, listener: None, reader: None };
        let models = match Models::open(folder) {
            Ok(models) => models,
            Err(err) => {
                tracing::warn!(%err, "there are no models: nothing is looked at");
                return none;
            }
        };
        if let Some(wrong) = models.files().iter().find(|file| models.verify(file) == State::Wrong) {
            tracing::error!(
                models.file = wrong.path,
                "a model isn't what its manifest says: nothing is looked at"
            );
            return none;
        }
        Self {
            looker: opened("pictures", Looker::open(&models)),
            listener: opened("sound", Listener::open(&models)),
            reader: opened("text", Reader::open(&models)),
        }
    }

    fn able(&self) -> Able {
        let is_on = |slot: &Slot| match slot {
            Slot::Nudity | Slot::Weapon => self.looker.is_some(),
            // There is no model of it that can be had from packages (docs/moderation.md).
            Slot::Violence => false,
            Slot::Hostile => self.reader.is_some(),
            Slot::Scream | Slot::Shot => self.listener.is_some(),
        };
        let (on, off) = ALL.into_iter().partition(is_on);
        Able { on, off }
    }

    fn look(&mut self, look: &Look, effort: Effort) -> Result<Seen, Fault> {
        let Some(looker) = &mut self.looker else { return Ok(Seen::default()) };
        let picture = match look.form {
            Form::Vp8 => Picture::from_vp8(&look.picture),
            Form::Still => Picture::from_still(&look.picture),
            Form::H264 => Err(Error::Sample("H.264 can't be looked at")),
        };
        let picture = picture.map_err(fault)?;
        let seen = looker.look(&picture, effort).map_err(fault)?;
        if matches!(effort, Effort::Hurried(_)) {
            metrics::counter!("visavis_watch_hurried_total").increment(1);
        }
        let second = seen.nudity_second.map(|score| ("nudity.open-nsfw".to_owned(), score));
        let models = [
            Some(("nudity.nsfwjs".to_owned(), seen.nudity_first)),
            second,
            Some(("weapon.efficientnet".to_owned(), seen.weapon)),
        ];
        let scores = Scores {
            slots: vec![(Slot::Nudity, seen.nudity), (Slot::Weapon, seen.weapon)],
            models: models.into_iter().flatten().collect(),
        };
        let blurred = Some(picture.blurred().map_err(fault)?);
        Ok(Seen { scores, blurred, blank: picture.is_blank(), print: picture.print() })
    }

    fn listen(&mut self, listen: &Listen) -> Result<Heard, Fault> {
        let Some(listener) = &mut self.listener else { return Ok(Heard::default()) };
        let packets = listen.packets.iter().map(|p| (p.offset as usize / OPUS_STEP, p.bytes.as_slice()));
        let samples = listen::decode(packets).map_err(fault)?;
        let other = listener.heard(&samples).map_err(fault)?;
        let mut heard = Heard {
            said: Vec::new(),
            scores: Scores {
                slots: vec![(Slot::Scream, other.scream), (Slot::Shot, other.shot)],
                models: vec![
                    ("sound.scream".to_owned(), other.scream),
                    ("sound.shot".to_owned(), other.shot),
                ],
            },
        };
        for said in listener.said(&samples).map_err(fault)? {
            let ms = |at: usize| u32::try_from(at * 1_000 / listen::RATE).unwrap_or(u32::MAX);
            let scores = match &mut self.reader {
                Some(reader) => read(reader, &said.text)?,
                None => Scores::default(),
            };
            heard.said.push(Said {
                from_ms: ms(said.from),
                until_ms: ms(said.until),
                text: said.text,
                scores,
            });
        }
        Ok(heard)
    }

    fn read(&mut self, text: &str) -> Result<Scores, Fault> {
        self.reader.as_mut().map_or_else(|| Ok(Scores::default()), |reader| read(reader, text))
    }
}

fn read(reader: &mut Reader, text: &str) -> Result<Scores, Fault> {
    let read = reader.read(text).map_err(fault)?;
    let model = |name: &str, score| (format!("text.{name}"), score);
    Ok(Scores {
        slots: vec![(Slot::Hostile, read.hostile)],
        models: vec![
            model("toxic", read.toxic),
            model("threat", read.threat),
            model("insult", read.insult),
            model("hate", read.hate),
        ],
    })
}

/// What isn't looked for must be seen by whoever starts this.
fn told(able: Able) -> Able {
    if !able.off.is_empty() {
        let off: Vec<String> = able.off.iter().map(|slot| format!("{slot:?}").to_lowercase()).collect();
        tracing::error!(watching.off = off.join(", "), "models are missing: this isn't looked for in calls");
    }
    able
}

fn opened<T>(what: &str, networks: Result<T, Error>) -> Option<T> {
    networks
        .map_err(|err| tracing::warn!(%err, models.of = what, "these models can't be used: they are off"))
        .ok()
}

/// What strangers sent may be anything: that isn't the network's fault.
fn fault(error: Error) -> Fault {
    match error {
        Error::Sample(why) => Fault::bad_request(why),
        other => {
            tracing::error!(%other, "a model failed");
            Fault::new(Code::Internal, "A model failed.")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering::SeqCst},
        time::Duration,
    };

    use super::*;

    /// Eyes over something that panics at a certain text, and how often that was opened.
    fn fragile() -> (Eyes, Arc<AtomicUsize>) {
        let (work, waiting) = mpsc::channel(WAITING);
        let opened = Arc::new(AtomicUsize::new(0));
        let open = {
            let opened = Arc::clone(&opened);
            move || opened.fetch_add(1, SeqCst)
        };
        let act = |_: &mut usize, work: Work, _: Effort| {
            if let Work::Read(read, answer) = work {
                assert_ne!(read.text, "the last straw");
                let _ = answer.send(Ok(Scores::default()));
            }
        };
        std::thread::spawn(move || attend(&Mutex::new(waiting), open(), open, act));
        (Eyes { work, able: Arc::new(OnceLock::new()) }, opened)
    }

    #[tokio::test]
    async fn whatever_makes_a_thread_panic_ends_that_piece_alone_and_the_models_are_loaded_anew() {
        let (eyes, opened) = fragile();
        let read = async |text: &str| {
            let asked = Read { text: text.to_owned() };
            tokio::time::timeout(Duration::from_secs(10), eyes.read(&Caller::internal("test"), asked))
                .await
                .unwrap()
        };
        for times in 1..=3 {
            assert!(read("hello").await.is_ok());
            assert_eq!(opened.load(SeqCst), times);
            assert_eq!(read("the last straw").await.unwrap_err().code, Code::Unavailable);
            assert!(read("hello").await.is_ok(), "the same thread goes on");
            assert_eq!(opened.load(SeqCst), times + 1, "what it was in the middle of isn't trusted");
        }
    }
}
