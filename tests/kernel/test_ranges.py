"""What is too large, or not printable, is named with its field, wherever it is nested."""

from typing import ClassVar

import pytest

from coordfsm.kernel import LARGEST_NUMBER, LONGEST_TEXT, Map, Value, not_ascending, out_of_range


class Inner(Value):
    number: int = 0
    text: str = ""


class Unset(Value):
    least_number: ClassVar[int] = -1
    number: int = 0


class Sorted(Value):
    names: tuple[str, ...] = ()

    def ill_formed(self) -> str | None:
        return not_ascending("names", self.names)


class Short(Value):
    longest_list: ClassVar[int] = 2
    names: tuple[str, ...] = ()
    deep: tuple[tuple[str, ...], ...] = ()


class Outer(Value):
    inner: Inner = Inner()
    items: tuple[Inner, ...] = ()
    names: frozenset[str] = frozenset()
    mapped: Map[str, int] = Map()
    content: bytes = b""
    flag: bool = False


@pytest.mark.parametrize(
    "value",
    [
        Outer(),
        Inner(LARGEST_NUMBER),
        Short(("a", "b"), (("a", "b"), ())),
        Outer(items=(Inner(),) * Value.longest_list),
        Unset(-1),
        Inner(text="x" * LONGEST_TEXT),
        Outer(content=bytes(1 << 20), flag=True, mapped=Map({"a": 1}), names=frozenset({"a"})),
    ],
)
def test_what_lies_within_the_bounds_is_sound(value):
    assert out_of_range(value) is None


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (Inner(LARGEST_NUMBER + 1), f"number is {LARGEST_NUMBER + 1}, expected 0 to {LARGEST_NUMBER}"),
        (Outer(Inner(-1)), "number is -1"),
        (Short(("a", "b", "c")), "names is a list of 3 entries, expected at most 2"),
        (Short(deep=((), ("a", "b", "c"))), "item 1 is a list of 3 entries"),
        (Outer(items=(Inner(),) * 4_097), "items is a list of 4,097 entries, expected at most 4,096"),
        (Outer(names=frozenset(map(str, range(5_000)))), "names is a list of 5,000 entries"),
        (Outer(mapped=Map({str(number): 1 for number in range(5_000)})), "mapped is a list of 5,000 entries"),
        (Unset(-2), "number is -2, expected -1 to"),
        (Sorted(("a", "a")), "names has a twice, expected each once"),
        (Sorted(("b", "a")), "names has a after b, expected them sorted"),
        (Outer(items=(Inner(), Inner(1 << 63))), "number is 9223372036854775808"),
        (Outer(names=frozenset({"\x1b[2J"})), r"item 0 is '\x1b[2J', expected printable characters"),
        (Outer(mapped=Map({"a": -5})), "a is -5"),
        (Outer(mapped=Map({"x" * 2_000: 1})), "is a text of 2,000 characters, expected at most 1,024"),
        (Inner(text="two\nlines"), "expected printable characters"),
    ],
)
def test_what_does_not_is_named(value, told):
    assert told in str(out_of_range(value))
