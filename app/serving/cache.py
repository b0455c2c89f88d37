"""Finished answers of the runs that are kept now: bounded by bytes, each computed once."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Literal

from app.serving.answer import Answer

Result = Literal["hit", "miss", "joined"]
Key = tuple[str | bytes | None, ...]
#: What an entry costs beside its body and its key: headers, objects, its place in the tables.
OVERHEAD_BYTES = 2_048
#: A body that would take more than this share of the cache is not kept.
LARGEST_SHARE = 8


#: So many questions are known to be answered by a stream; then all are forgotten.
MOST_STREAMED = 1_024


class Abandoned(Exception):
    """Whoever computed an answer for others was cancelled, or has a stream that nobody can share."""


@dataclass
class _Generation:
    """Answers of one state of the store. A flight that ends after its generation keeps nothing."""

    state: Hashable = None
    answers: OrderedDict[Key, tuple[Answer, int]] = field(default_factory=OrderedDict)
    flights: dict[Key, asyncio.Future[Answer]] = field(default_factory=dict)
    streamed: set[Key] = field(default_factory=set)
    size: int = 0

    def stream(self, key: Key) -> None:
        """Take note that the answer is a stream."""
        if len(self.streamed) >= MOST_STREAMED:
            self.streamed.clear()
        self.streamed.add(key)


class Cache:
    """Keeps answers until the store changes or room is needed; least recently used go first."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._now = _Generation()

    @property
    def size(self) -> int:
        """Bytes in use, about."""
        return self._now.size

    def __len__(self) -> int:
        """Return how many answers are kept."""
        return len(self._now.answers)

    def enter(self, state: Hashable) -> None:
        """Say what state the store is in; every answer of another state is dropped."""
        if state is not self._now.state:
            self._now = _Generation(state)

    def get(self, key: Key) -> Answer | None:
        """Return a finished answer."""
        answers = self._now.answers
        found = answers.get(key)
        if found is None:
            return None
        answers.move_to_end(key)
        return found[0]

    def computes(self, key: Key) -> bool:
        """Say whether an answer is being computed, for all who ask meanwhile."""
        return key in self._now.flights

    def keep(self, key: Key, answer: Answer) -> None:
        """Keep an answer that was computed in the state that the store is in."""
        self._keep(self._now, key, answer)

    async def compute(self, key: Key, make: Callable[[], Awaitable[Answer]]) -> tuple[Answer, Result]:
        """Return what ``make`` gives; those who ask meanwhile wait for the same one, errors included.

        What is known to be streamed is made for each by itself.
        """
        generation = self._now
        while key not in generation.streamed and (flight := generation.flights.get(key)) is not None:
            try:
                return await asyncio.shield(flight), "joined"
            except Abandoned:
                continue
        if key in generation.streamed:
            return await make(), "miss"
        return await self._lead(generation, key, make), "miss"

    async def _lead(self, generation: _Generation, key: Key, make: Callable[[], Awaitable[Answer]]) -> Answer:
        flight = generation.flights[key] = asyncio.get_running_loop().create_future()
        try:
            answer = await make()
        except BaseException as error:
            flight.set_exception(error if isinstance(error, Exception) else Abandoned())
            flight.exception()  # seen by us: nobody else need have waited
            raise
        else:
            if answer.chunks is None:
                flight.set_result(answer)
                self._keep(generation, key, answer)
            else:
                generation.stream(key)
                flight.set_exception(Abandoned())
                flight.exception()  # as above
            return answer
        finally:
            del generation.flights[key]

    def _keep(self, generation: _Generation, key: Key, answer: Answer) -> None:
        size = len(answer.body) + sum(len(part or "") for part in key) + OVERHEAD_BYTES
        if generation is not self._now or size * LARGEST_SHARE > self._capacity:
            return
        generation.answers[key] = (answer, size)
        generation.size += size
        while generation.size > self._capacity:
            _, (_, freed) = generation.answers.popitem(last=False)
            generation.size -= freed
