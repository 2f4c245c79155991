"""Faults that a test or a person injects into the Bot API."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

FaultKind = Literal["429", "500", "502_html", "timeout", "drop", "slow", "error"]

_LONGEST_SECONDS = 86_400


class Fault(BaseModel):
    """One kind of misbehaviour, for calls that match it, as often as `count` says."""

    model_config = ConfigDict(extra="forbid")

    id: int = 0
    kind: FaultKind
    method: str | None = None
    chat_id: int | None = None
    count: int | None = Field(default=None, ge=1)
    retry_after: int = Field(default=3, ge=1, le=_LONGEST_SECONDS)
    seconds: float = Field(default=5.0, ge=0, le=_LONGEST_SECONDS)
    code: int = Field(default=400, ge=400, le=599)
    description: str = "Bad Request: injected fault"
    performed: bool = False  # drop, timeout: the action happens and only its answer is lost

    def is_for(self, method: str, chat_id: int | None) -> bool:
        """Tell whether the fault meets a call."""
        named = self.method is None or self.method.casefold() == method.casefold()
        return named and (self.chat_id is None or self.chat_id == chat_id)


class Faults:
    """Keep the faults in the order in which they were asked for; the first match is taken."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._last = 0

    def add(self, fault: Fault) -> int:
        """Add a fault and answer its id."""
        self._last += 1
        self._faults.append(fault.model_copy(update={"id": self._last}))
        return self._last

    def take(self, method: str, chat_id: int | None) -> Fault | None:
        """Take the first fault that meets the call and count it down."""
        fault = next((fault for fault in self._faults if fault.is_for(method, chat_id)), None)
        if fault is not None and fault.count is not None:
            fault.count -= 1
            if fault.count == 0:
                self._faults.remove(fault)
        return fault

    def remove(self, fault_id: int) -> bool:
        """Remove one fault; answer whether it was there."""
        before = len(self._faults)
        self._faults = [fault for fault in self._faults if fault.id != fault_id]
        return len(self._faults) < before

    def clear(self) -> None:
        """Remove all faults."""
        self._faults.clear()

    def listed(self) -> list[dict[str, object]]:
        """List the faults that still wait, in order."""
        return [fault.model_dump() for fault in self._faults]
