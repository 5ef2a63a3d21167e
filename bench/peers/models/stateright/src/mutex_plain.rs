//! Mutual exclusion with vectors, queues and enumerations.
use stateright::{Model, Property};
use std::collections::VecDeque;

const PROCESSES: usize = 3;

pub struct Mutex {
    pub latest: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Message {
    Request(u8),
    Agree,
    Release,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Process {
    clock: u8,
    /// The times of the requests that it knows of, its own included.
    asked: Vec<Option<u8>>,
    agreed: Vec<bool>,
    inside: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    processes: Vec<Process>,
    /// `channels[p][q]`: on their way from p to q, oldest first.
    channels: Vec<Vec<VecDeque<Message>>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Action {
    Request(usize),
    Enter(usize),
    Leave(usize),
    Hear { receiver: usize, sender: usize },
}

impl State {
    fn tell_others(&mut self, process: usize, message: Message) {
        for other in (0..PROCESSES).filter(|other| *other != process) {
            self.channels[process][other].push_back(message);
        }
    }

    fn may_enter(&self, process: usize) -> bool {
        let this = &self.processes[process];
        let own = this.asked[process];
        this.agreed.iter().all(|agreed| *agreed)
            && (0..PROCESSES).filter(|other| *other != process).all(|other| {
                this.asked[other].is_none_or(|time| own.is_none_or(|mine| (mine, process) < (time, other)))
            })
    }
}

impl Model for Mutex {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let process = Process {
            clock: 1,
            asked: vec![None; PROCESSES],
            agreed: vec![false; PROCESSES],
            inside: false,
        };
        vec![State {
            processes: vec![process; PROCESSES],
            channels: vec![vec![VecDeque::new(); PROCESSES]; PROCESSES],
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for process in 0..PROCESSES {
            if state.processes[process].asked[process].is_none() {
                actions.push(Action::Request(process));
            }
            if state.may_enter(process) {
                actions.push(Action::Enter(process));
            }
            if state.processes[process].inside {
                actions.push(Action::Leave(process));
            }
            for sender in 0..PROCESSES {
                if !state.channels[sender][process].is_empty() {
                    actions.push(Action::Hear { receiver: process, sender });
                }
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut next = last.clone();
        match action {
            Action::Request(process) => {
                let this = &mut next.processes[process];
                let time = this.clock;
                this.asked[process] = Some(time);
                this.agreed[process] = true;
                next.tell_others(process, Message::Request(time));
            }
            Action::Enter(process) => next.processes[process].inside = true,
            Action::Leave(process) => {
                let this = &mut next.processes[process];
                this.inside = false;
                this.asked[process] = None;
                this.agreed.fill(false);
                next.tell_others(process, Message::Release);
            }
            Action::Hear { receiver, sender } => {
                let message = next.channels[sender][receiver].pop_front()?;
                let this = &mut next.processes[receiver];
                match message {
                    Message::Request(time) => {
                        this.asked[sender] = Some(time);
                        this.clock = this.clock.max(time) + 1;
                        next.channels[receiver][sender].push_back(Message::Agree);
                    }
                    Message::Agree => this.agreed[sender] = true,
                    Message::Release => this.asked[sender] = None,
                }
            }
        }
        Some(next)
    }

    fn within_boundary(&self, state: &State) -> bool {
        state.processes.iter().all(|process| process.clock <= self.latest)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::<Self>::always("exclusive", |_, state| {
            state.processes.iter().filter(|process| process.inside).count() <= 1
        })]
    }
}
