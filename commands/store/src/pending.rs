//! What the sequencer is to put in order, as far as this process knows.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::Position;

/// Positions that may have no number yet.
#[derive(Debug, Default)]
pub(crate) struct Pending(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The furthest that this process has committed: it will get a number.
    committed: Position,
    /// The furthest that somebody has waited for since the last step began.
    awaited: Position,
}

impl Pending {
    /// This process committed it.
    pub(crate) fn committed(&self, position: Position) {
        let mut state = self.state();
        state.committed = state.committed.max(position);
    }

    /// Somebody waits for it. It may be another process's, and what a client says may not exist at
    /// all.
    pub(crate) fn awaited(&self, position: Position) {
        let mut state = self.state();
        state.awaited = state.awaited.max(position);
    }

    /// A step begins, which looks for whatever was waited for until now: that is worth one step.
    pub(crate) fn begin_step(&self) {
        self.state().awaited = Position::default();
    }

    /// Whether there may be more than is in order up to `head`: a step that was under way when it was
    /// told may have taken it along.
    pub(crate) fn beyond(&self, head: Position) -> bool {
        let state = self.state();
        head < state.committed.max(state.awaited)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(tx: i64) -> Position {
        Position { generation: 1, tx }
    }

    #[test]
    fn what_a_step_took_along_needs_no_other() {
        let pending = Pending::default();
        pending.committed(at(5));
        pending.awaited(at(5));
        assert!(pending.beyond(at(4)));
        pending.begin_step();
        assert!(pending.beyond(at(4)), "it has no number yet");
        assert!(!pending.beyond(at(5)));
    }

    #[test]
    fn what_is_asked_for_during_a_step_is_worth_another() {
        let pending = Pending::default();
        pending.begin_step();
        pending.awaited(at(7));
        assert!(pending.beyond(at(6)));
    }

    #[test]
    fn what_never_comes_is_looked_for_once() {
        let pending = Pending::default();
        pending.awaited(at(i64::MAX));
        assert!(pending.beyond(at(1)));
        pending.begin_step();
        assert!(!pending.beyond(at(1)));
    }
}
