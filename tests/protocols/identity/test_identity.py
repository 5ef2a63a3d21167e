"""The identity of a store, step by step: which process may act, and which stops."""

from dataclasses import dataclass, field

from coordfsm.kernel import Command, Message, Persist, Received, Send, TimerFired, Write
from coordfsm.protocols.identity.data import IdentityData, Standing
from coordfsm.protocols.identity.machine import IDENTITY
from coordfsm.protocols.identity.messages import (
    BOOT_KEY,
    SEEN_PREFIX,
    BootRecord,
    OtherProcessFound,
    Sighting,
    SightingReply,
    SightingRequest,
    StaleCopyFound,
    Stamp,
    StampSeen,
    StoreConfirmed,
    StoreOpened,
    Superseded,
)
from coordfsm.protocols.identity.rules import ATTEMPTS, FORMER_LIMIT, SIGHTING
from coordfsm.protocols.view import Member, View

VIEW = View("line", 3, "parent", tuple(Member(f"n{number}", 1, f"h{number}") for number in (1, 2, 3)))
MEMBER = Standing(1, VIEW)


@dataclass
class Process:
    """One process of n1, or of whom it is said to be."""

    node: str = "n1"
    standing: Standing = MEMBER
    data: IdentityData = field(init=False)

    def __post_init__(self) -> None:
        self.data = IdentityData(self.node)

    def given(self, command: Command | TimerFired) -> list:
        before = self.data.outcome
        step = IDENTITY.step(self.data, command, self.standing)
        self.data = step.data
        said = [effect for effect in step.effects if isinstance(effect, Send | Persist)]
        return said if self.data.outcome == before else [*said, self.data.outcome]

    def hears(self, sender: str, message: Message) -> list:
        return self.given(Received(sender, message))


def opened(boot: int = 4, commit: int = 90, process: str = "now", *seen: Write) -> StoreOpened:
    return StoreOpened(process, commit, (Write(BOOT_KEY, BootRecord(boot)), *seen))


def stamp(node: str = "n2", boot: int = 7, since: int = 100, commit: int = 120, process: str = "p") -> Stamp:
    return Stamp(node, 1, boot, since, commit, process)


def test_alone_a_process_acts_at_once_and_counts_its_start():
    process = Process(standing=Standing())
    assert process.given(StoreOpened("now", 0)) == [Persist((Write(BOOT_KEY, BootRecord(1)),)), StoreConfirmed(1, ())]
    assert (process.data.state, process.data.boot) == ("acting", 1)


def test_a_member_acts_once_all_others_have_said_what_they_saw():
    process = Process()
    question = SightingRequest("n1", "now")
    counted = Persist((Write(BOOT_KEY, BootRecord(5)),))
    assert process.given(opened()) == [counted, Send("h2", question), Send("h3", question)]
    assert process.hears("h2", SightingReply("n2", "now", 1, 4, 90)) == []
    assert process.given(TimerFired(SIGHTING)) == [Send("h3", question)]
    assert process.hears("h3", SightingReply("n3", "now", 0, 0, 0)) == [StoreConfirmed(5, ())]
    assert process.data.state == "acting"


def test_who_does_not_answer_is_waited_for_one_second():
    process = Process()
    process.given(opened())
    process.hears("h2", SightingReply("n2", "now", 1, 4, 12))
    for _ in range(ATTEMPTS - 1):
        assert process.given(TimerFired(SIGHTING)) == [Send("h3", SightingRequest("n1", "now"))]
    assert process.given(TimerFired(SIGHTING)) == [StoreConfirmed(5, ("n3",))]


def test_a_store_that_is_older_than_what_was_seen_is_never_acted_on():
    for seen in [(1, 4, 91), (1, 5, 0), (2, 1, 1)]:
        process = Process()
        process.given(opened())
        told = process.hears("h2", SightingReply("n2", "now", *seen))
        assert told == [StaleCopyFound("n2", seen, (1, 4, 90))]
        assert process.data.state == "stopped"
        assert process.hears("h3", SightingRequest("n3", "then")) == []


def test_an_answer_to_an_earlier_start_says_nothing():
    process = Process()
    process.given(opened())
    assert process.hears("h2", SightingReply("n2", "before", 1, 9, 900)) == []
    assert process.data.state == "recovering"


def test_a_process_that_is_starting_itself_answers_from_its_store():
    kept = Write(SEEN_PREFIX + "n2", Sighting(1, 7, 120, "p", "h2", 3))
    process = Process()
    process.given(opened(4, 90, "now", kept))
    assert process.hears("h2", SightingRequest("n2", "other")) == [Send("h2", SightingReply("n1", "other", 1, 7, 120))]
    assert process.hears("h3", SightingRequest("n3", "third")) == [Send("h3", SightingReply("n1", "third", 0, 0, 0))]


def acting() -> Process:
    """A process that saw boot 7 of n2, up to commit 120."""
    process = Process()
    process.given(opened())
    for node in ("n2", "n3"):
        process.hears(node, SightingReply(node, "now", 0, 0, 0))
    assert process.given(StampSeen("h2", stamp())) == []
    return process


def test_the_highest_commit_is_remembered_whatever_overtakes_what():
    process = acting()
    assert process.given(StampSeen("h2", stamp(commit=119))) == []
    assert process.data.seen["n2"] == Sighting(1, 7, 120, "p", "h2", 3)
    assert process.given(StampSeen("h2", stamp(commit=121))) == []
    assert process.data.seen["n2"] == Sighting(1, 7, 121, "p", "h2", 3)


def test_the_next_boot_takes_over_if_it_has_all_that_was_seen():
    process = acting()
    assert process.given(StampSeen("h9", stamp(boot=8, since=120, commit=121, process="q"))) == []
    assert process.data.seen["n2"] == Sighting(1, 8, 121, "q", "h9", 3)
    assert process.given(StampSeen("h2", stamp(commit=130))) == [Send("h2", Superseded("n1", "p", 8, 121))]


def test_a_later_boot_of_an_older_copy_is_refused():
    process = acting()
    before = process.data
    late = StampSeen("h9", stamp(boot=9, since=119, commit=140, process="q"))
    assert process.given(late) == [Send("h9", Superseded("n1", "q", 7, 120))]
    assert process.data == before


def test_of_two_processes_with_one_boot_both_are_told():
    process = acting()
    before = process.data
    told = process.given(StampSeen("h9", stamp(process="q", commit=121)))
    assert told == [Send("h9", Superseded("n1", "q", 7, 120)), Send("h2", Superseded("n1", "p", 7, 121))]
    assert process.data == before


def test_who_is_superseded_stops():
    process = acting()
    assert process.hears("h2", Superseded("n2", "before", 9, 9)) == []
    assert process.hears("h2", Superseded("n2", "now", 6, 99)) == [OtherProcessFound("n2", (6, 99), (5, 90))]
    assert process.data.state == "stopped"
    assert process.given(StampSeen("h2", stamp())) == []


def test_stores_of_strangers_are_not_remembered():
    process = acting()
    before = process.data
    assert process.given(StampSeen("h9", stamp(node="n9"))) == []
    assert process.given(StampSeen("h1", stamp(node="n1"))) == []
    assert process.data == before


def test_of_former_members_those_seen_longest_ago_are_forgotten():
    process = acting()
    former = {f"f{number:03}": Sighting(1, 1, 1, "p", "h", number) for number in range(FORMER_LIMIT + 2)}
    kept = tuple(Write(SEEN_PREFIX + node, seen) for node, seen in former.items())
    process = Process()
    process.given(opened(4, 90, "now", *kept))
    process.given(StampSeen("h2", stamp()))
    assert sorted(process.data.seen) == sorted([*former, "n2"])[2:]
