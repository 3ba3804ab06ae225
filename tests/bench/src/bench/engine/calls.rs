//! CPU time of single calls, on one thread. All sorts take turns.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Duration;

use althing::plugins::{Event, Install, Limits};
use anyhow::Result;
use rustix::time::{ClockId, clock_gettime};

use super::super::report::{Row, Target};
use super::super::run::Options;
use super::super::{Report, Samples};
use super::stage::{Stage, component, fault_count, keeping, posted};

/// Key-value round trips of the call that makes many.
const TRIPS: u32 = 100;
/// Work between two looks at the clock.
const AT_ONCE: u32 = 32;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Noop,
    Guard,
    GuardKept,
    GuardNative,
    Handler,
    HandlerNative,
    Trips,
    TripNative,
    Act,
    ActNative,
}

const SORTS: [Sort; 10] = [
    Sort::Noop,
    Sort::Guard,
    Sort::GuardKept,
    Sort::GuardNative,
    Sort::Handler,
    Sort::HandlerNative,
    Sort::Trips,
    Sort::TripNative,
    Sort::Act,
    Sort::ActNative,
];

struct Sorts {
    stage: Stage,
    noop: Install,
    guard: Install,
    guard_kept: Install,
    keeper: Install,
    posted: Event,
    posted_natively: small_keeper_plugin::Event,
    trips: Event,
    state: String,
    value: String,
    values: BTreeMap<String, Vec<u8>>,
}

/// Measures.
///
/// # Errors
/// A guest is not there, or a call ends in a fault.
pub async fn measure(options: &Options, report: &mut Report) -> Result<()> {
    let mut sorts = Sorts::new(options).await?;
    let mut cpu: [Samples; SORTS.len()] = Default::default();
    let mut faults = Samples::default();
    let slice = options.window / 10;
    for sort in SORTS {
        sorts.time(sort, slice / 4).await?;
    }
    for _ in 0..options.rounds {
        for (sort, samples) in SORTS.into_iter().zip(&mut cpu) {
            let before = fault_count()?;
            let (us, calls) = sorts.time(sort, slice).await?;
            samples.add(us);
            if sort == Sort::Guard {
                faults.add((fault_count()? - before) as f64 / calls);
            }
        }
    }
    add_rows(cpu, faults, report);
    Ok(())
}

fn add_rows(cpu: [Samples; SORTS.len()], faults: Samples, report: &mut Report) {
    let of = |sort: Sort| cpu[sort as usize].clone();
    let minus = |more: Sort, less: Sort, by: f64| {
        let pairs = cpu[more as usize].0.iter().zip(&cpu[less as usize].0);
        Samples(pairs.map(|(more, less)| (more - less) / by).collect())
    };
    report.add(Row::alone(
        "guard that does nothing, fresh",
        "µs CPU",
        of(Sort::Noop),
    ));
    let row = Row::alone("small guard, fresh", "µs CPU", of(Sort::Guard));
    report.add(row.with_target(Target::AtMost(17.0)));
    let instance = minus(Sort::Guard, Sort::GuardKept, 1.0);
    report.add(Row::alone("  of that, the instance", "µs CPU", instance));
    report.add(Row::alone("  page faults", "a call", faults));
    for (name, sort, native) in [
        ("  to native", Sort::Guard, Sort::GuardNative),
        (
            "small guard, kept, to native",
            Sort::GuardKept,
            Sort::GuardNative,
        ),
        (
            "handler, one write, fresh, to native",
            Sort::Handler,
            Sort::HandlerNative,
        ),
        (
            "act on a kind, fresh, to native",
            Sort::Act,
            Sort::ActNative,
        ),
    ] {
        report.add(Row::beside(name, "µs CPU", of(sort), of(native)));
    }
    let trip = minus(Sort::Trips, Sort::Handler, f64::from(TRIPS));
    report.add(Row::beside(
        "kv get and set, to a native map",
        "µs CPU",
        trip,
        of(Sort::TripNative),
    ));
}

impl Sorts {
    async fn new(options: &Options) -> Result<Self> {
        let stage = Stage::new(Limits::default())?;
        let (noop, guard) = (
            component(options, "noop-guard")?,
            component(options, "small-guard")?,
        );
        let keeper = stage.link(&component(options, "small-keeper")?).await?;
        let guard_kept = stage.link(&keeping(&guard)?).await?;
        let (noop, guard) = (stage.link(&noop).await?, stage.link(&guard).await?);
        let posted = posted(&stage.draft.text);
        let posted_natively = small_keeper_plugin::Event {
            kind: posted.kind.clone(),
            seq: posted.seq,
            ts_ms: posted.ts_ms,
            data: posted.data.clone(),
        };
        Ok(Self {
            noop: stage.install(&noop, 0, 0),
            guard: stage.install(&guard, 0, 2),
            guard_kept: stage.install(&guard_kept, 0, 3),
            keeper: stage.install(&keeper, 0, 4),
            posted,
            posted_natively,
            trips: super::stage::posted(&format!("trips {TRIPS}")),
            state: r#"{"sum":41,"by":["ann","bob"]}"#.into(),
            value: "1".into(),
            values: BTreeMap::new(),
            stage,
        })
    }

    /// Microseconds of CPU time that each takes, and how many there were.
    async fn time(&mut self, sort: Sort, slice: Duration) -> Result<(f64, f64)> {
        let began = thread_cpu();
        let mut calls = 0;
        loop {
            for _ in 0..AT_ONCE {
                self.call(sort).await?;
            }
            calls += AT_ONCE;
            let taken = thread_cpu() - began;
            if taken >= slice {
                return Ok((
                    taken.as_secs_f64() * 1e6 / f64::from(calls),
                    f64::from(calls),
                ));
            }
        }
    }

    async fn call(&mut self, sort: Sort) -> Result<()> {
        let stage = &self.stage;
        match sort {
            Sort::Noop => stage.guard(&self.noop).await,
            Sort::Guard => stage.guard(&self.guard).await,
            Sort::GuardKept => stage.guard(&self.guard_kept).await,
            Sort::Handler => stage.event(&self.keeper, &self.posted).await,
            Sort::Trips => stage.event(&self.keeper, &self.trips).await,
            Sort::Act => stage.act(&self.keeper, &self.state, &self.value).await,
            native => self.natively(native),
        }
    }

    /// The same work by the same source, as far as the plugin's own part goes: what is written lands in a
    /// map, and nothing is copied across a boundary.
    fn natively(&mut self, sort: Sort) -> Result<()> {
        match sort {
            Sort::GuardNative => {
                black_box(small_guard_plugin::objection(black_box(
                    &self.stage.draft.text,
                )));
            }
            Sort::HandlerNative => {
                let last = small_keeper_plugin::last(black_box(&self.posted_natively));
                let last = last.map_err(anyhow::Error::msg)?;
                self.values.insert("last".into(), last.into_bytes());
            }
            Sort::TripNative => {
                let value = self.values.get(black_box("kept")).cloned();
                self.values
                    .insert("kept".into(), value.unwrap_or_else(|| vec![7; 16]));
            }
            _ => {
                let (state, value) = (black_box(&self.state), black_box(&self.value));
                let added = small_keeper_plugin::add(state, value, "ann");
                let (tally, text) = added.map_err(anyhow::Error::msg)?;
                black_box((serde_json::to_string(&tally)?, text));
            }
        }
        Ok(())
    }
}

/// CPU time of this thread.
fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        time.tv_sec.unsigned_abs(),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}
