//! Mutual exclusion in 43 bytes, nothing on the heap.
use stateright::{Model, Property};

const PROCESSES: usize = 3;
const EVERYONE: u8 = (1 << PROCESSES) - 1;
/// Messages: 0 for none, the time of a request, or one of these.
const AGREE: u8 = 200;
const RELEASE: u8 = 201;

pub struct Mutex {
    pub latest: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct State {
    clock: [u8; PROCESSES],
    /// `asked[p][q]`: the time of q's request that p knows of, 0 for none.
    asked: [[u8; PROCESSES]; PROCESSES],
    agreed: [u8; PROCESSES],
    inside: u8,
    /// `channels[p][q]`: at most three messages on their way from p to q, oldest first.
    channels: [[[u8; 3]; PROCESSES]; PROCESSES],
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Action {
    Request(usize),
    Enter(usize),
    Leave(usize),
    Hear { receiver: usize, sender: usize },
}

impl State {
    fn tell(&mut self, sender: usize, receiver: usize, message: u8) {
        let channel = &mut self.channels[sender][receiver];
        let free = channel.iter().position(|kept| *kept == 0);
        channel[free.expect("a channel holds at most three messages")] = message;
    }

    fn tell_others(&mut self, process: usize, message: u8) {
        for other in (0..PROCESSES).filter(|other| *other != process) {
            self.tell(process, other, message);
        }
    }

    fn may_enter(&self, process: usize) -> bool {
        let asked = &self.asked[process];
        self.agreed[process] == EVERYONE
            && (0..PROCESSES)
                .filter(|other| *other != process)
                .all(|other| asked[other] == 0 || (asked[process], process) < (asked[other], other))
    }
}

impl Model for Mutex {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            clock: [1; PROCESSES],
            asked: Default::default(),
            agreed: Default::default(),
            inside: 0,
            channels: Default::default(),
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for process in 0..PROCESSES {
            if state.asked[process][process] == 0 {
                actions.push(Action::Request(process));
            }
            if state.may_enter(process) {
                actions.push(Action::Enter(process));
            }
            if state.inside & (1 << process) != 0 {
                actions.push(Action::Leave(process));
            }
            for sender in 0..PROCESSES {
                if state.channels[sender][process][0] != 0 {
                    actions.push(Action::Hear { receiver: process, sender });
                }
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut next = *last;
        match action {
            Action::Request(process) => {
                let time = next.clock[process];
                next.asked[process][process] = time;
                next.agreed[process] = 1 << process;
                next.tell_others(process, time);
            }
            Action::Enter(process) => next.inside |= 1 << process,
            Action::Leave(process) => {
                next.inside &= !(1 << process);
                next.asked[process][process] = 0;
                next.agreed[process] = 0;
                next.tell_others(process, RELEASE);
            }
            Action::Hear { receiver, sender } => {
                let [message, second, third] = next.channels[sender][receiver];
                next.channels[sender][receiver] = [second, third, 0];
                match message {
                    AGREE => next.agreed[receiver] |= 1 << sender,
                    RELEASE => next.asked[receiver][sender] = 0,
                    time => {
                        next.asked[receiver][sender] = time;
                        next.clock[receiver] = next.clock[receiver].max(time) + 1;
                        next.tell(receiver, sender, AGREE);
                    }
                }
            }
        }
        Some(next)
    }

    fn within_boundary(&self, state: &State) -> bool {
        state.clock.iter().all(|clock| *clock <= self.latest)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::<Self>::always("exclusive", |_, state| state.inside.count_ones() <= 1)]
    }
}
