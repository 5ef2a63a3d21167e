"""A tuple that notes which of its items a predicate reads, so that a verdict can be kept by these alone."""

from collections.abc import Callable, Iterator
from typing import Any, NoReturn, Self


class UnrecordedError(BaseException):
    """Something read a recorded tuple past its methods. No predicate that catches exceptions may hide that."""


def _unrecorded(*_given: Any) -> NoReturn:
    raise UnrecordedError


class _Hidden:
    """Stands where compiled code, which does not call the methods of a tuple's subclass, would find an item."""

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __hash__ = __bool__ = _unrecorded
    __repr__ = __str__ = __format__ = __iter__ = __len__ = __call__ = __contains__ = _unrecorded
    __getitem__ = __getattr__ = __reduce_ex__ = __int__ = __index__ = __float__ = _unrecorded
    __add__ = __radd__ = _unrecorded


HIDDEN = _Hidden()


def _all_read(name: str) -> Callable[..., Any]:
    """A method of tuples that may read every item."""
    method = getattr(tuple, name)

    def read_all(self: "Recorded", *given: Any) -> Any:
        return method(self.whole(), *(item.whole() if isinstance(item, Recorded) else item for item in given))

    return read_all


class Recorded(tuple[Any, ...]):  # noqa: SLOT001  (subclasses of tuples cannot have slots that hold anything)
    """Like the tuple that it stands for, but for what it notes. Its length is the same for all, and no reading.

    Attributes:
        read: receives the indexes of the items that are read.
    """

    read: set[int]
    _items: tuple[Any, ...]

    def __new__(cls, items: tuple[Any, ...], read: set[int]) -> Self:
        """Stand for `items`; note in `read`."""
        self = super().__new__(cls, (HIDDEN,) * len(items))
        self._items, self.read = items, read
        return self

    def whole(self) -> tuple[Any, ...]:
        """The plain tuple: all of it counts as read."""
        self.read.update(range(len(self._items)))
        return self._items

    def __getitem__(self, index: Any) -> Any:
        """An item, or a plain tuple of some."""
        item = self._items[index]
        places = range(len(self._items))[index]
        self.read.update(places if isinstance(index, slice) else [places])
        return item

    def __iter__(self) -> Iterator[Any]:
        """Items count as read when they are reached."""
        for at, item in enumerate(self._items):
            self.read.add(at)
            yield item

    def __radd__(self, before: Any) -> Any:
        """Join a tuple before this one."""
        return before + self.whole()

    def __reduce__(self) -> Any:
        """Copies and pickles are plain tuples."""
        return tuple, (self.whole(),)

    def __reduce_ex__(self, _protocol: Any) -> Any:
        """As `__reduce__`."""
        return self.__reduce__()

    __eq__, __ne__, __hash__ = _all_read("__eq__"), _all_read("__ne__"), _all_read("__hash__")
    __lt__, __le__, __gt__, __ge__ = (_all_read(name) for name in ("__lt__", "__le__", "__gt__", "__ge__"))
    __contains__, count, index = _all_read("__contains__"), _all_read("count"), _all_read("index")
    __add__, __mul__, __rmul__ = _all_read("__add__"), _all_read("__mul__"), _all_read("__rmul__")
    __repr__, __str__, __format__ = _all_read("__repr__"), _all_read("__str__"), _all_read("__format__")


def evaluate(predicate: Callable[..., bool], observations: tuple[Any, ...], read: set[int], *others: Any) -> bool:
    """A predicate's value; `read` receives the indexes of the observations that it depends on."""
    try:
        return bool(predicate(Recorded(observations, read), *others))
    except (UnrecordedError, Exception):  # noqa: BLE001  (what comes of it with the tuple itself counts)
        read.update(range(len(observations)))
        return bool(predicate(observations, *others))
