"""The three verbs: questions, commands and what comes of them, and events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

from opstui.core.frozen import dataclass

if TYPE_CHECKING:
    from opstui.core.errors import OpstuiError

A = TypeVar("A")
A_co = TypeVar("A_co", covariant=True)


class _Answering(Generic[A_co]):
    """What has a parameter for type checkers alone: ``Generic`` would compile it, 60 µs for each of sixty classes."""

    __slots__ = ()
    if not TYPE_CHECKING:

        def __class_getitem__(cls, answer):
            return cls


class Question(_Answering[A_co]):
    """Base of all questions; the parameter is the answer's type."""

    __slots__ = ()


class Command(_Answering[A_co]):
    """Base of all commands; the parameter is what a success carries."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Outcome(Generic[A]):
    """What came of a command: a value, or an error of the tree and never both."""

    value: A | None = None
    error: OpstuiError | None = None
    notice: str = ""
    """Something worth telling even though it went well."""

    def unwrap(self) -> A:
        """The value. Raises the error."""
        if self.error is not None:
            raise self.error
        assert self.value is not None
        return self.value


class Mark(NamedTuple):
    """How far a listener has heard the bells."""

    record: int
    cache: int


@dataclass(frozen=True, slots=True)
class Event:
    """Something changed: its kind, its id and its revision, never the thing itself.

    Kinds: ``ticket`` (SYSTEM:KEY), ``queue`` (name), ``session`` (id), ``events`` (session id, rev = newest seq),
    ``draft`` (id), ``push`` (id), ``audit``, ``ledger``, ``request``, ``editing`` (draft id), ``knowledge``, ``reset``
    (look at everything again).
    """

    kind: str
    subject: str
    rev: int


class Desk(Protocol):
    """The program, without a face. Safe to call from any thread."""

    def ask(self, question: Question[A]) -> A:
        """Answer. Raises NotFound, FilterError, UsageError."""

    def do(self, command: Command[A]) -> Outcome[A]:
        """Do. Never raises an OpstuiError: it is in the outcome. May take as long as a commit, some as a request."""

    def changes(self, after: Mark | None) -> tuple[tuple[Event, ...], Mark]:
        """What changed after ``after``; with None nothing and where the bells stand now. Cheap, for every 250 ms."""

    def live(self) -> None:
        """Start keeping queues live and, if something is unfinished, a worker. For faces that stay."""

    def close(self) -> None:
        """Stop, and let go of all files."""
