"""A hard budget: what a call may cost at most is reserved before it is sent.

Where only open reservations stand in the way, a call waits for them to settle; where what was
spent already leaves too little, the run stops.
"""

import asyncio


class Budget:
    """So much of one thing (US dollars, or tokens).

    Args:
        most: How much there is; None: no end.
        unit: What it is, for messages.
    """

    def __init__(self, most: float | None, unit: str) -> None:
        self.most = most
        self.unit = unit
        self.spent = 0.0
        self.reserved = 0.0
        self._waiting: list[asyncio.Future[None]] = []

    async def reserve(self, amount: float) -> bool:
        """Reserve an amount; False if it is not to be had any more."""
        if self.most is None:
            return True
        while True:
            if self.spent + amount > self.most:
                return False
            if self.spent + self.reserved + amount <= self.most:
                self.reserved += amount
                return True
            place = asyncio.get_running_loop().create_future()
            self._waiting.append(place)
            await place

    def settle(self, reserved: float, spent: float) -> None:
        """Turn a reservation into what was really spent."""
        if self.most is None:
            self.spent += spent
            return
        self.reserved -= reserved
        self.spent += spent
        waiting, self._waiting = self._waiting, []
        for place in waiting:
            if not place.done():
                place.set_result(None)

    def message(self) -> str:
        """Why the run stops."""
        most = f"{self.most:g}" if self.most is not None else "no end"
        return f"the budget of {most} {self.unit} does not cover the next call ({self.spent:.6g} spent)"
