"""Options and arguments that several commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import click

from opstui.cli.invocation import Invocation

F = TypeVar("F", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON value.")
limit_option = click.option("--limit", type=click.IntRange(1), metavar="N", help="At most so many.")


class CommandMayBeLeftOut(click.Group):
    """A group whose first word may be what a command of it is about: then that is the command."""

    def __init__(self, *args: Any, instead: str, **more: Any) -> None:
        """``instead``: the command that is meant where none is named."""
        super().__init__(*args, **more)
        self._instead = instead

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = [self._instead, *args]
        return super().parse_args(ctx, args)


def with_invocation(function: Callable[..., int | None]) -> Callable[..., int | None]:
    """Hand the command its :class:`Invocation` first."""

    @click.pass_context
    @functools.wraps(function)
    def called(ctx: click.Context, *args: Any, **options: Any) -> int | None:
        invocation = ctx.find_object(Invocation)
        assert invocation is not None
        return function(invocation, *args, **options)

    return called
