//! Vectors and enumerations, as a user would write the model first.
use stateright::{Model, Property};

pub struct TwoPhase {
    pub rms: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Manager {
    Working,
    Prepared,
    Committed,
    Aborted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    Commit,
    Abort,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    managers: Vec<Manager>,
    /// The order that was sent to all, once there is one: also what the transaction manager decided.
    order: Option<Order>,
    known: Vec<bool>,
    told: Vec<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Action {
    Decide(Order),
    Learn(usize),
    Prepare(usize),
    Withdraw(usize),
    Obey(usize, Order),
}

impl Model for TwoPhase {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            managers: vec![Manager::Working; self.rms],
            order: None,
            known: vec![false; self.rms],
            told: vec![false; self.rms],
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.order.is_none() {
            actions.push(Action::Decide(Order::Abort));
            if state.known.iter().all(|known| *known) {
                actions.push(Action::Decide(Order::Commit));
            }
        }
        for rm in 0..self.rms {
            match state.order {
                None if state.told[rm] => actions.push(Action::Learn(rm)),
                None => {}
                Some(order) => actions.push(Action::Obey(rm, order)),
            }
            if state.managers[rm] == Manager::Working {
                actions.push(Action::Prepare(rm));
                actions.push(Action::Withdraw(rm));
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut next = last.clone();
        match action {
            Action::Decide(order) => next.order = Some(order),
            Action::Learn(rm) => next.known[rm] = true,
            Action::Prepare(rm) => {
                next.managers[rm] = Manager::Prepared;
                next.told[rm] = true;
            }
            Action::Withdraw(rm) => next.managers[rm] = Manager::Aborted,
            Action::Obey(rm, Order::Commit) => next.managers[rm] = Manager::Committed,
            Action::Obey(rm, Order::Abort) => next.managers[rm] = Manager::Aborted,
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::<Self>::always("consistent", |_, state| {
            !(state.managers.contains(&Manager::Committed) && state.managers.contains(&Manager::Aborted))
        })]
    }
}
