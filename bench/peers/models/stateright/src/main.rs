//! Two-phase commit (Gray and Lamport, "Consensus on Transaction Commit", 2006) for Stateright.
//!
//! Usage: `twophase-stateright REPRESENTATION SEARCH THREADS RMS`, where REPRESENTATION is `plain` or `packed` and SEARCH
//! is `bfs` or `dfs`. Prints one line of JSON: distinct states, states generated, seconds.
mod packed;
mod plain;

use stateright::{Checker, Model};
use std::fmt::Debug;
use std::hash::Hash;
use std::time::Instant;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [representation, search, threads, rms] = words.as_slice() else {
        usage()
    };
    let (Ok(threads), Ok(rms)) = (threads.parse(), rms.parse()) else {
        usage()
    };
    match representation.as_str() {
        "plain" => run(plain::TwoPhase { rms }, search, threads),
        "packed" => run(packed::TwoPhase { rms }, search, threads),
        _ => usage(),
    }
}

fn usage() -> ! {
    eprintln!("usage: twophase-stateright plain|packed bfs|dfs THREADS RMS");
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
    let consistent = checker.discovery("consistent").is_none();
    println!(
        "{{\"distinct\": {}, \"generated\": {}, \"seconds\": {:.6}, \"holds\": {}}}",
        checker.unique_state_count(),
        checker.state_count(),
        seconds,
        consistent
    );
}
