//! What the kernel says of processes and of this machine.

use std::fs;

use crate::Outcome;

/// Sizes of a process in MiB.
pub(crate) struct Memory {
    pub(crate) now: f64,
    pub(crate) peak: f64,
}

pub(crate) fn memory(pid: u32) -> Outcome<Memory> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let mib = |key: &str| -> Outcome<f64> {
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        let kib = line.and_then(|line| line.split_whitespace().next());
        Ok(kib.ok_or("no such line in status")?.parse::<f64>()? / 1024.0)
    };
    Ok(Memory {
        now: mib("VmRSS:")?,
        peak: mib("VmHWM:")?,
    })
}

/// From now on the peak is that of what follows.
pub(crate) fn forget_peak(pid: u32) -> Outcome<()> {
    Ok(fs::write(format!("/proc/{pid}/clear_refs"), "5")?)
}

/// Ticks of CPU time that a process has used, itself and in the kernel.
pub(crate) fn ticks(pid: u32) -> Outcome<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name of the program may hold anything; the fields begin behind it.
    let fields = stat.rsplit_once(") ").ok_or("no name in stat")?.1;
    let mut fields = fields.split(' ').skip(11);
    let mut next = || fields.next().ok_or("a short stat");
    Ok(next()?.parse::<u64>()? + next()?.parse::<u64>()?)
}

/// The kind of this machine, in a few words.
pub(crate) fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let version: Vec<&str> = release.trim().split('.').take(2).collect();
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = memory.split_whitespace().nth(1);
    let gib = kib.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) >> 20;
    format!(
        "{cores} cores, {gib} GiB, {}, Linux {}",
        file_system(),
        version.join(".")
    )
}

/// The file system of the trees: that of the longest mount point above them.
fn file_system() -> String {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let above = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let (point, kind) = (fields.next()?, fields.next()?);
        std::path::Path::new(env!("CARGO_TARGET_TMPDIR"))
            .starts_with(point)
            .then_some((point.len(), kind))
    });
    above.max().map_or("", |(_, kind)| kind).to_owned()
}
