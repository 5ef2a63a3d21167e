//! The models for Stateright: two-phase commit (Gray and Lamport, "Consensus on Transaction Commit", 2006) and mutual
//! exclusion (Lamport, "Time, clocks, and the ordering of events in a distributed system", 1978), each as a user would
//! write it first and packed by hand.
//!
//! Usage: `peers-stateright MODEL SEARCH THREADS SIZE`, where MODEL is `twophase-plain`, `twophase-packed`, `mutex-plain`
//! or `mutex-packed` and SEARCH is `bfs` or `dfs`. Prints one line of JSON: distinct states, states generated, seconds,
//! whether the invariant holds.
mod mutex_packed;
mod mutex_plain;
mod twophase_packed;
mod twophase_plain;

use stateright::{Checker, Model};
use std::fmt::Debug;
use std::hash::Hash;
use std::time::Instant;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [model, search, threads, size] = words.as_slice() else {
        usage()
    };
    let (Ok(threads), Ok(size)) = (threads.parse(), size.parse::<u8>()) else {
        usage()
    };
    match model.as_str() {
        "twophase-plain" => run(twophase_plain::TwoPhase { rms: size.into() }, search, threads),
        "twophase-packed" => run(twophase_packed::TwoPhase { rms: size.into() }, search, threads),
        "mutex-plain" => run(mutex_plain::Mutex { latest: size }, search, threads),
        "mutex-packed" => run(mutex_packed::Mutex { latest: size }, search, threads),
        _ => usage(),
    }
}

fn usage() -> ! {
    eprintln!("usage: peers-stateright MODEL bfs|dfs THREADS SIZE");
    std::process::exit(2);
}

fn run<M>(model: M, search: &str, threads: usize)
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync + 'static,
    M::Action: Clone + Debug + PartialEq,
{
    let started = Instant::now();
    let builder = model.checker().threads(threads);
    match search {
        "bfs" => tell(builder.spawn_bfs().join(), started),
        "dfs" => tell(builder.spawn_dfs().join(), started),
        _ => usage(),
    }
}

fn tell<M>(checker: impl Checker<M>, started: Instant)
where
    M: Model,
    M::State: Clone + Debug + Hash + PartialEq,
    M::Action: Clone + Debug + PartialEq,
{
    let seconds = started.elapsed().as_secs_f64();
    let holds = checker.discoveries().is_empty();
    println!(
        "{{\"distinct\": {}, \"generated\": {}, \"seconds\": {:.6}, \"holds\": {}}}",
        checker.unique_state_count(),
        checker.state_count(),
        seconds,
        holds
    );
}
