"""What can go wrong, as one small tree.

::

    OpstuiError
    ├── UsageError             a command, ref or option that makes no sense     (exit 2)
    │   └── FilterError        text, position, length of the offending word
    ├── ConfigError            file, line, key, mend                            (exit 2)
    ├── NotFound               no such ticket, draft, session, page             (exit 1)
    ├── Refused                subject, reason: the remote, a policy or a check said no (exit 1)
    │   ├── CredentialsRefused                                                  (exit 4)
    │   └── NotRedacted            the redactor broke or took too long: nothing was sent
    ├── Unreachable            system, was_anything_sent, retry_after           (exit 3)
    │   └── RateLimited
    ├── Busy                   somebody else holds it: who, since when          (exit 3)
    ├── Conflict               ticket, field, theirs, ours                      (exit 5)
    │   └── StaleRevision      a draft was saved elsewhere in between
    ├── BudgetReached          spent, limit                                     (exit 6)
    ├── StoreDamaged           file, moved_to                                   (exit 1)
    ├── StoreFull              the disk or the store's limit is full            (exit 1)
    └── ReadOnly               the desk was opened with --read-only             (exit 1)

A message says what happened, what was kept and what to do, in that order. No message ever holds a secret. Text from
outside that goes into one is a ``SafeText`` first.
"""

from __future__ import annotations

from typing import ClassVar


class OpstuiError(Exception):
    """The root. ``str(error)`` is a sentence for a person; ``exit_code`` is what a command ends with."""

    exit_code: ClassVar[int] = 1

    @property
    def message(self) -> str:
        """The sentence."""
        return str(self.args[0]) if self.args else self.__class__.__name__


class UsageError(OpstuiError):
    """The request itself makes no sense."""

    exit_code = 2


class FilterError(UsageError):
    """A filter that can't be read. ``position`` and ``length`` are code points in ``text``."""

    def __init__(self, message: str, *, text: str, position: int, length: int) -> None:
        super().__init__(message)
        self.text = text
        self.position = position
        self.length = length

    def pointer(self) -> str:
        """Two lines: the filter, and carets under the word that is wrong."""
        return f"{self.text}\n{' ' * self.position}{'^' * max(1, self.length)}"


class ConfigError(OpstuiError):
    """A settings file that can't be used."""

    exit_code = 2

    def __init__(
        self, message: str, *, file: str | None = None, line: int | None = None, key: str | None = None
    ) -> None:
        place = f"{file}:{line}: " if file and line else f"{file}: " if file else ""
        super().__init__(place + message)
        self.file = file
        self.line = line
        self.key = key


class NotFound(OpstuiError):
    """There is no such thing."""


class Refused(OpstuiError):
    """A system, a policy or a check said no. Nothing was changed unless the message says so."""

    def __init__(self, message: str, *, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason or message


class CredentialsRefused(Refused):
    """The system does not take the credentials."""

    exit_code = 4


class NotRedacted(Refused):
    """Text that was to leave this machine could not be redacted, so it did not leave."""


class Unreachable(OpstuiError):
    """No answer. ``was_anything_sent`` decides whether a write may be tried again at once."""

    exit_code = 3

    def __init__(
        self, message: str, *, system: str = "", was_anything_sent: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.system = system
        self.was_anything_sent = was_anything_sent
        self.retry_after = retry_after


class RateLimited(Unreachable):
    """The system asks for a pause of ``retry_after`` seconds."""


class Busy(OpstuiError):
    """Somebody else holds what is needed; the message names who."""

    exit_code = 3


class Conflict(OpstuiError):
    """The ticket changed where the draft wants to change it."""

    exit_code = 5

    def __init__(self, message: str, *, ticket: str = "", field: str = "", theirs: str = "", ours: str = "") -> None:
        super().__init__(message)
        self.ticket = ticket
        self.field = field
        self.theirs = theirs
        self.ours = ours


class StaleRevision(Conflict):
    """A compare-and-set found another revision; ``current`` is the one in the store."""

    def __init__(self, message: str, *, current: int) -> None:
        super().__init__(message)
        self.current = current


class BudgetReached(OpstuiError):
    """Money ran out. Both in micro-dollars."""

    exit_code = 6

    def __init__(self, message: str, *, spent: int, limit: int) -> None:
        super().__init__(message)
        self.spent = spent
        self.limit = limit


class StoreDamaged(OpstuiError):
    """A database file can't be read. ``moved_to`` is where it was set aside, if it was."""

    def __init__(self, message: str, *, file: str, moved_to: str | None = None) -> None:
        super().__init__(message)
        self.file = file
        self.moved_to = moved_to


class StoreFull(OpstuiError):
    """The disk is full; what was to be written is still in memory."""


class ReadOnly(OpstuiError):
    """The desk was opened read-only, or the file is newer than the program."""
