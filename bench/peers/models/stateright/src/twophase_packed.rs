//! The same model with every set of resource managers as a bit mask: 12 bytes a state, nothing on the heap.
use stateright::{Model, Property};

pub struct TwoPhase {
    pub rms: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    Commit,
    Abort,
}

/// A manager in none of the first three sets is working.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct State {
    prepared: u16,
    committed: u16,
    aborted: u16,
    known: u16,
    told: u16,
    order: Option<Order>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Action {
    Decide(Order),
    Learn(u16),
    Prepare(u16),
    Withdraw(u16),
    Obey(u16, Order),
}

impl Model for TwoPhase {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            prepared: 0,
            committed: 0,
            aborted: 0,
            known: 0,
            told: 0,
            order: None,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.order.is_none() {
            actions.push(Action::Decide(Order::Abort));
            if usize::from(state.known) == (1 << self.rms) - 1 {
                actions.push(Action::Decide(Order::Commit));
            }
        }
        for bit in (0..self.rms).map(|rm| 1u16 << rm) {
            match state.order {
                None if state.told & bit != 0 => actions.push(Action::Learn(bit)),
                None => {}
                Some(order) => actions.push(Action::Obey(bit, order)),
            }
            if (state.prepared | state.committed | state.aborted) & bit == 0 {
                actions.push(Action::Prepare(bit));
                actions.push(Action::Withdraw(bit));
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut next = *last;
        match action {
            Action::Decide(order) => next.order = Some(order),
            Action::Learn(bit) => next.known |= bit,
            Action::Prepare(bit) => {
                next.prepared |= bit;
                next.told |= bit;
            }
            Action::Withdraw(bit) => next.aborted |= bit,
            Action::Obey(bit, order) => {
                next.prepared &= !bit;
                next.committed &= !bit;
                next.aborted &= !bit;
                match order {
                    Order::Commit => next.committed |= bit,
                    Order::Abort => next.aborted |= bit,
                }
            }
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::<Self>::always("consistent", |_, state| {
            state.committed == 0 || state.aborted == 0
        })]
    }
}
