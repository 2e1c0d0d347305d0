"""A hard budget: what a call may cost at most is reserved before it is sent.

Where only open reservations stand in the way, a call waits for them to settle; where what was
spent already leaves too little, there is none to be had any more and the run stops. Calls get
theirs in the order in which they came, but for what is asked again, which goes first, as at the gates.
"""

import asyncio
import math
from collections import deque


class Budget:
    """So much of one thing (US dollars, or tokens).

    Args:
        most: How much there is; None: no end.
        unit: What it is, for messages.
    """

    def __init__(self, most: float | None, unit: str) -> None:
        self.most = math.inf if most is None else most
        self.unit = unit
        self.spent = 0.0
        self.reserved = 0.0
        self._open = 0
        self._waiting: deque[tuple[float, asyncio.Future[bool]]] = deque()
        self._first: deque[tuple[float, asyncio.Future[bool]]] = deque()

    @property
    def waiting(self) -> int:
        """How many calls wait for open reservations to settle."""
        return len(self._waiting)

    async def reserve(self, amount: float, *, again: bool = False) -> bool:
        """Reserve an amount, before the others where a call is asked again; False if there is none left."""
        if self.spent + amount > self.most:
            return False
        if not self._first and (again or not self._waiting) and self._take(amount):
            return True
        place: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        (self._first if again else self._waiting).append((amount, place))
        try:
            return await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled() and place.result():
                self.settle(amount, 0.0)
            raise

    def settle(self, reserved: float, spent: float) -> None:
        """Turn a reservation into what was really spent, and let those in that fit now."""
        self._open -= 1
        # Sums of floats drift; with nothing open, a residue of 1e-17 would be waited for without end.
        self.reserved = self.reserved - reserved if self._open else 0.0
        self.spent += spent
        while queue := self._first or self._waiting:
            amount, place = queue[0]
            if not place.done():
                if self.spent + amount > self.most:
                    place.set_result(False)
                elif self._take(amount):
                    place.set_result(True)
                else:
                    return
            queue.popleft()

    def _take(self, amount: float) -> bool:
        if self.spent + self.reserved + amount > self.most:
            return False
        self.reserved += amount
        self._open += 1
        return True

    def message(self) -> str:
        """Why the run stops."""
        return (
            f"the budget of {self.most:.10g} {self.unit} does not cover the next call "
            f"({self.spent:.6g} spent); run again with more to go on"
        )
