"""Declare state machines, explore them exhaustively, simulate, fuzz, draw and run them.

All that a user needs is here, and loaded when it is first used. By purpose:

- **declare**: `Machine` and `State`, `Message`, `Command` and other values, effects (`Send`, `Persist`, ...),
  `compile_machine`, `Composition` of several;
- **model**: `Model` with its `Node` and `Property`, `Faults`, a network, combinators (`at_most`, `for_all_pairs`, ...);
- **check**: `explore` gives a `Report`, `story` tells a counterexample, `replay` steps it again, `fuzz` runs at random;
- **draw**: `draw` a machine or a counterexample;
- **the node as a pure machine**: `NodeSettings`, `initial_node`, `node_composition`; to run it, see `coordfsm_runtime`.

`coordfsm.simulate` (whole clusters in virtual time) and `coordfsm.testing` (for test suites) are public, too.
"""

from coordfsm.lazy import lazy_names

__getattr__, __all__ = lazy_names(
    __name__,
    {
        "statemachine": ("State",),
        "coordfsm.kernel": (
            *("Machine", "TransitionTable", "Rule", "Step", "compile_machine", "event_of"),
            *("Composition", "Part", "Family", "Steppable"),
            *("Value", "Map", "Message", "Command", "Timer", "Write", "Endpoint"),
            *("Input", "Received", "TimerFired", "Recover"),
            *("Effect", "Send", "Persist", "SetTimer", "CancelTimer", "Notify", "Raise", "apply_writes"),
            *("encode", "Decoder", "fingerprint"),
            *("CoordfsmError", "DeclarationError", "EncodingError", "ModelError", "ParameterError"),
            "UndeclaredEventError",
        ),
        "coordfsm.check.modelling.model": ("Model",),
        "coordfsm.check.modelling.ingredients": (
            *("Node", "Property", "Local", "Envelope", "Reading", "Start", "every_start", "Observer", "Occurrence"),
            *("Network", "UnreliableSet", "Multiset", "Ordered", "Faults", "Partition", "UNLIMITED", "Each"),
        ),
        "coordfsm.check.modelling.combinators": (
            *("any_of", "at_least", "at_most", "count", "exactly", "for_all", "for_all_pairs", "never_together"),
        ),
        "coordfsm.check.modelling.parameters": ("Parameter",),
        "coordfsm.check.modelling.registry": ("find as find_model",),
        "coordfsm.check.entry": ("explore",),
        "coordfsm.check.exploration.walks": ("Walks",),
        "coordfsm.check.exploration.report": ("Report", "PropertyResult", "Progress"),
        "coordfsm.check.exploration.semantics": ("StepError",),
        "coordfsm.check.modelling.fingerprint": ("FingerprintError",),
        "coordfsm.check.native.states.checkpoint": ("CheckpointError",),
        "coordfsm.check.traces.trace": ("Trace", "TraceStep", "Sent", "TraceFileError", "story"),
        "coordfsm.check.traces.replay": ("Replay", "replay"),
        "coordfsm.testing.fuzz": ("fuzz", "FuzzReport"),
        "coordfsm.render.drawing": ("draw",),
        "coordfsm.render.picture": ("RenderError",),
        "coordfsm.protocols.node": (
            *("NodeSettings", "NodeData", "initial as initial_node", "composition as node_composition"),
        ),
        "coordfsm": ("simulate", "testing"),
    },
)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
