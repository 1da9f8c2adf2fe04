//! What the system says of this process: memory and processor time. On Linux alone; elsewhere nothing is known.

use crate::instruments::Instruments;

/// Clock ticks a second in `/proc`: 100 on every platform of Linux (`getconf CLK_TCK`).
const TICKS_PER_SECOND: f64 = 100.0;

/// Sets the gauges of the process. Files of `/proc` are made in memory, so that reading them blocks nobody.
pub(crate) fn look(instruments: &Instruments) {
    if let Some(bytes) = resident_bytes() {
        instruments.process_memory.set(&[], bytes);
    }
    if let Some(seconds) = processor_seconds() {
        instruments.process_cpu.set(&[], seconds);
    }
}

/// `VmRSS` of <https://man7.org/linux/man-pages/man5/proc_pid_status.5.html>.
fn resident_bytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1_024.0)
}

/// `utime` and `stime` of <https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html>, the 14th and 15th field.
fn processor_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // After the name, which may hold anything.
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<f64>().ok());
    Some(ticks.sum::<Option<f64>>()? / TICKS_PER_SECOND)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    #[test]
    fn a_process_has_memory_and_has_used_the_processor() {
        let bytes = super::resident_bytes().expect("Linux says");
        assert!((1e6..1e12).contains(&bytes), "{bytes}");
        assert!(super::processor_seconds().expect("Linux says") >= 0.0);
    }
}
