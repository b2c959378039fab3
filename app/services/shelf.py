"""Results that are kept up to a size in all. Not a cache of Streamlit's: those count entries, whatever their size, and draw no progress."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Shelf(Generic[Result]):
    """Keeps what was used last. `size` says what a result weighs, in the same unit as `most`. Safe from any thread."""

    def __init__(self, most: int, size: Callable[[Result], int]):
        self._most, self._size = most, size
        self._kept: OrderedDict[Hashable, Result] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], Result]) -> Result:
        """What is kept under a key; else what `make` returns, which is kept from then on, however much it weighs."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        # without the lock: it takes long, and others may find what they look for meanwhile
        made = make()
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > 1 and sum(map(self._size, self._kept.values())) > self._most:
                self._kept.popitem(last=False)
        return made
