"""Drawings at hand: artifacts never change, so what was drawn from them once is drawn for good."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock


class Kept:
    """Texts by key, the latest used ones, up to so many characters in all."""

    def __init__(self, most: int) -> None:
        """Begin with none."""
        self._most = most
        self._size = 0
        self._texts: OrderedDict[Hashable, str] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], str]) -> str:
        """The text of this key, made where it is not at hand; two at once may both make it."""
        with self._lock:
            if key in self._texts:
                self._texts.move_to_end(key)
                return self._texts[key]
        text = make()
        with self._lock:
            self._size += len(text) - len(self._texts.pop(key, ""))
            self._texts[key] = text
            while self._size > self._most:
                _, oldest = self._texts.popitem(last=False)
                self._size -= len(oldest)
        return text
