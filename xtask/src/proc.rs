//! What `/proc` says of other processes: their children, the CPU time they took, their memory.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    process::Child,
};

use crate::{Outcome, command::Cmd};

/// The kernel counts `utime` and `stime` in ticks of 10 ms: `USER_HZ` is 100 on every architecture that Debian has.
const NANOS_PER_TICK: u64 = 10_000_000;

/// The fields of a `stat` line after the name, which may hold blanks and brackets itself.
fn fields(stat: &str) -> Vec<&str> {
    stat.rsplit_once(')').map_or_else(Vec::new, |(_, rest)| rest.split_whitespace().collect())
}

fn field(stat: &str, number: usize) -> Option<u64> {
    // proc(5) counts from 1; the state, right after the name, is the third.
    fields(stat).get(number - 3)?.parse().ok()
}

/// The CPU time of a process so far, read twice to know what it took in between.
pub struct Cpu {
    /// Of each living thread, in nanoseconds.
    threads: BTreeMap<u32, u64>,
    /// Of all threads, living and gone, in ticks of 10 ms.
    ticks: u64,
}

impl Cpu {
    pub fn of(pid: u32) -> Outcome<Self> {
        let gone = |err| format!("process {pid}: {err}");
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).map_err(gone)?;
        let ticks = field(&stat, 14).zip(field(&stat, 15)).map(|(user, system)| user + system);
        let mut threads = BTreeMap::new();
        for thread in fs::read_dir(format!("/proc/{pid}/task")).map_err(gone)?.flatten() {
            // The first number is the time on a CPU. A thread that ends just now has no file any more.
            let text = fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
            let time = text.split_whitespace().next().and_then(|word| word.parse().ok());
            if let Some((id, time)) = thread.file_name().to_str().and_then(|name| name.parse().ok()).zip(time)
            {
                threads.insert(id, time);
            }
        }
        Ok(Self { threads, ticks: ticks.ok_or_else(|| format!("/proc/{pid}/stat can't be read"))? })
    }

    /// Nanoseconds since `before`: exact when every thread of then still lives, else in ticks, which count the dead too.
    pub fn since(&self, before: &Self) -> u64 {
        let sum = |threads: &BTreeMap<u32, u64>| threads.values().sum::<u64>();
        let all_live = before.threads.keys().all(|id| self.threads.contains_key(id));
        if all_live && !before.threads.is_empty() {
            sum(&self.threads).saturating_sub(sum(&before.threads))
        } else {
            self.ticks.saturating_sub(before.ticks) * NANOS_PER_TICK
        }
    }
}

/// When a process was started, in ticks since the machine was; nothing when it has ended. With its number it names one
/// process for good: numbers come back, this pair doesn't.
pub fn born(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let ended = matches!(fields(&stat).first(), None | Some(&("Z" | "X")));
    field(&stat, 22).filter(|_| !ended)
}

/// Resident memory of a process, in bytes.
pub fn resident(pid: u32) -> Outcome<u64> {
    let status =
        fs::read_to_string(format!("/proc/{pid}/status")).map_err(|err| format!("process {pid}: {err}"))?;
    resident_of(&status).ok_or_else(|| format!("/proc/{pid}/status can't be read"))
}

fn resident_of(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

/// The processes that `root` started, and theirs, and so on.
pub fn descendants(root: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        if let Some(parent) = field(&stat, 4).and_then(|parent| u32::try_from(parent).ok()) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = Vec::new();
    let mut open = vec![root];
    while let Some(pid) = open.pop() {
        for child in children.remove(&pid).unwrap_or_default() {
            found.push(child);
            open.push(child);
        }
    }
    found
}

/// Ends a child and everything below it, at once.
pub fn end_tree(child: &mut Child) {
    // Read before the parent goes: orphans belong to somebody else.
    let below = descendants(child.id());
    let _ = child.kill();
    if !below.is_empty() {
        let _ = Cmd::new("kill").arg("-KILL").args(below.iter().map(u32::to_string)).ask();
    }
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_doesnt_shift_the_fields() {
        let stat = "77 (a) b (c) S 12 77 77 0 -1 4 1 2 3 4 50 7 0 0 20 0 1 0 9 9 9";
        assert_eq!((field(stat, 4), field(stat, 14), field(stat, 15)), (Some(12), Some(50), Some(7)));
    }

    #[test]
    fn a_process_that_has_ended_has_no_birth() {
        assert_eq!(born(std::process::id()), born(std::process::id()));
        let mut child = std::process::Command::new("true").spawn().expect("starts");
        let pid = child.id();
        while born(pid).is_some() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        // Ended but not looked at, and then gone.
        assert!(fs::metadata(format!("/proc/{pid}")).is_ok());
        child.wait().expect("ended");
        assert_eq!(born(pid), None);
    }

    #[test]
    fn own_memory_is_believable() {
        let me = std::process::id();
        let memory = resident(me).expect("readable");
        assert!((1 << 20..1 << 34).contains(&memory), "{memory}");
        assert_eq!(resident_of("VmRSS:\t  64 kB\n"), Some(65_536));
        assert_eq!(resident_of("VmPeak: 1 kB\n"), None);
    }

    #[test]
    fn work_shows_up_as_cpu_time() {
        let me = std::process::id();
        let before = Cpu::of(me).expect("readable");
        let watch = crate::clock::Watch::start();
        let mut sum = 0_u64;
        while watch.elapsed().as_millis() < 100 {
            sum = (0..10_000_u64).fold(sum, |sum, n| std::hint::black_box(sum ^ n));
        }
        let took = Cpu::of(me).expect("readable").since(&before);
        assert!(took > NANOS_PER_TICK, "a busy loop took {took} ns");
    }

    #[test]
    fn a_thread_that_ended_in_between_isnt_lost() {
        let reading =
            |threads: &[(u32, u64)], ticks| Cpu { threads: threads.iter().copied().collect(), ticks };
        let before = reading(&[(1, 1_000), (2, 50_000_000)], 5);
        assert_eq!(reading(&[(1, 4_000), (2, 50_000_500), (3, 7)], 5).since(&before), 3_507);
        assert_eq!(reading(&[(1, 4_000)], 9).since(&before), 4 * NANOS_PER_TICK);
    }
}
