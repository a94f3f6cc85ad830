//! What a load test found, in lines a person reads.

use std::{
    fmt::{self, Display, Formatter},
    time::Duration,
};

use visavis_sfu::guest::Heard;

use super::{Trouble, crowd::Member, since};
use crate::cli::RoomLoad;

/// The figures.
#[derive(Debug, Default)]
pub struct Report {
    rooms: u32,
    publishers: u32,
    subscribers: u32,
    duration: Duration,
    joins: Vec<Duration>,
    failed: Vec<String>,
    connected: usize,
    people: usize,
    first_packet: Vec<Duration>,
    first_picture: Vec<Duration>,
    pictures: (usize, usize),
    /// People who aren't ours and send a picture, too.
    strangers: usize,
    video: Heard,
    audio: Heard,
    frames: u64,
    key_frames: u64,
    /// Lines whose picture waits for a key frame at the end.
    waiting: usize,
    broken: u64,
    gaps: u64,
    freeze: Duration,
    bytes: (u64, u64),
    /// Seconds, and packets in the same time.
    cpu: Option<(f64, u64)>,
}

impl Report {
    /// Adds everybody up.
    pub fn new(
        load: &RoomLoad,
        joins: Vec<Result<Duration, Trouble>>,
        members: &[Member],
        cpu: Option<(f64, u64)>,
    ) -> Self {
        let mut report = Self {
            rooms: load.rooms,
            publishers: load.publishers,
            subscribers: load.subscribers,
            duration: Duration::from_secs(load.duration),
            people: joins.len(),
            strangers: load.others as usize,
            cpu,
            ..Self::default()
        };
        for join in joins {
            match join {
                Ok(time) => report.joins.push(time),
                Err(trouble) => report.failed.push(trouble.to_string()),
            }
        }
        for member in members {
            report.add(member, members);
        }
        report
    }

    fn add(&mut self, member: &Member, all: &[Member]) {
        let guest = &member.guest;
        self.connected += usize::from(guest.connected().is_some() && guest.is_alive());
        self.first_packet.extend(guest.first_packet().map(|at| since(at, member.answered)));
        let shown: Vec<_> = guest.all_shown().filter(|shown| shown.frames > 0).collect();
        self.first_picture
            .extend(shown.iter().filter_map(|s| s.first_at).min().map(|at| since(at, member.answered)));
        let others = all.iter().filter(|m| m.room == member.room && m.publishes).count();
        self.pictures.0 += shown.len();
        self.pictures.1 += others - usize::from(member.publishes) + self.strangers;
        self.waiting += guest.waiting();
        for shown in shown {
            self.frames += shown.frames;
            self.key_frames += shown.key_frames;
            self.broken += shown.broken + shown.unsteady;
            self.gaps += shown.gaps;
            self.freeze = self.freeze.max(shown.freeze);
        }
        guest.all_received().for_each(|line| self.video.add(line));
        guest.all_heard().for_each(|line| self.audio.add(line));
        let (came, went) = guest.bytes();
        self.bytes.0 += came;
        self.bytes.1 += went;
    }

    /// Whether everybody is in and has everything.
    pub fn is_whole(&self) -> bool {
        self.failed.is_empty()
            && self.connected == self.people
            && self.pictures.0 >= self.pictures.1
            && self.waiting == 0
            && self.video.lost + self.audio.lost + self.broken + self.gaps == 0
    }
}

/// The value below which so many hundredths lie.
fn percentile(times: &[Duration], hundredths: usize) -> Duration {
    let mut times = times.to_vec();
    times.sort_unstable();
    times.get((times.len() * hundredths).div_ceil(100).saturating_sub(1)).copied().unwrap_or_default()
}

fn spread(times: &[Duration]) -> String {
    let ms = |hundredths| percentile(times, hundredths).as_millis();
    format!("p50 {} ms, p95 {} ms", ms(50), ms(95))
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn share(line: &Heard) -> f64 {
    100.0 * line.packets as f64 / (line.packets + line.lost).max(1) as f64
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (rooms, n, m) = (self.rooms, self.publishers, self.subscribers);
        writeln!(f, "{rooms} room(s) of {n} who send and {m} who watch, {} s", self.duration.as_secs())?;
        for failed in &self.failed {
            writeln!(f, "  failed         {failed}")?;
        }
        writeln!(f, "  joined         {} of {}: {}", self.joins.len(), self.people, spread(&self.joins))?;
        writeln!(f, "  connected      {} of {}", self.connected, self.people)?;
        writeln!(f, "  first packet   {}", spread(&self.first_packet))?;
        writeln!(f, "  first picture  {}", spread(&self.first_picture))?;
        writeln!(f, "  pictures seen  {} of {}", self.pictures.0, self.pictures.1)?;
        writeln!(
            f,
            "  video          {} packets, {} lost, {:.3} % delivered, {} given up for a thin link",
            self.video.packets,
            self.video.lost,
            share(&self.video),
            self.video.cut
        )?;
        writeln!(
            f,
            "  audio          {} packets, {} lost, {:.3} % delivered",
            self.audio.packets,
            self.audio.lost,
            share(&self.audio)
        )?;
        writeln!(
            f,
            "  frames         {} shown ({} key frames, {} lines wait for one), {} broken, {} gaps, longest pause {} ms",
            self.frames,
            self.key_frames,
            self.waiting,
            self.broken,
            self.gaps,
            self.freeze.as_millis()
        )?;
        let seconds = self.duration.as_secs_f64().max(1.0) * self.people.max(1) as f64;
        let kbit = |bytes: u64| bytes as f64 * 0.008 / seconds;
        write!(
            f,
            "  each gets      {:.0} kbit/s and sends {:.0} kbit/s",
            kbit(self.bytes.0),
            kbit(self.bytes.1)
        )?;
        if let Some((cpu, packets)) = self.cpu {
            let (of_core, each) =
                (100.0 * cpu / self.duration.as_secs_f64().max(1.0), cpu * 1e6 / packets.max(1) as f64);
            write!(
                f,
                "\n  server         {cpu:.2} s of CPU, {of_core:.0} % of a core, {each:.1} µs for each packet forwarded"
            )?;
        }
        Ok(())
    }
}
