"""The command tree: every group's module is imported when one of its commands runs, and not for ``--help``."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from typing import Any

import click

from opstui import __version__
from opstui.cli.globals import LEVELS, Globals
from opstui.cli.invocation import Invocation
from opstui.cli.output import note

COMMANDS: Mapping[str, tuple[str, str]] = {
    "demo": ("opstui.cli.starting:demo", "the app on bundled sample data: no key, no network"),
    "open": ("opstui.cli.starting:open_ticket", "the app, on that ticket (REF or URL)"),
    "queue": ("opstui.cli.queues:queue", "list, show NAME"),
    "ticket": ("opstui.cli.tickets:ticket", "list, show REF, similar REF, import FILE.jsonl"),
    "run": ("opstui.cli.run:run", "WORKFLOW REF: one session, streamed to stdout"),
    "handover": ("opstui.cli.handovers:handover", "list, show, settle, read-back, export ID: from shift to shift"),
    "session": ("opstui.cli.sessions:session", "list, show, resume, interrupt, message, raise, fallback, export"),
    "draft": ("opstui.cli.drafts:draft", "list, show, new REF, edit, approve, settle, discard, restore ID"),
    "push": ("opstui.cli.push:push", "send what is approved, settle what is unknown"),
    "eval": ("opstui.cli.evaluation:evaluation", "FOLDER: workflows over recorded cases; record, export-cases, list"),
    "cost": ("opstui.cli.costs:cost", "what this shift's sessions cost"),
    "audit": ("opstui.cli.audit:audit", "show, verify, export"),
    "knowledge": ("opstui.cli.knowledge:knowledge", "index, search QUERY, sources, proposals, proposal ID"),
    "redact": ("opstui.cli.redact:redact", "standard input, as a model would be shown it"),
    "agents": ("opstui.cli.agents:agents", "sync, status: the agents that managed runtimes keep"),
    "config": ("opstui.cli.configs:config", "init, path, show, check, schema, secret set NAME"),
    "doctor": ("opstui.cli.doctor:doctor", "what is configured and reachable"),
    "themes": ("opstui.cli.looks:themes", "list, check [FILE]"),
    "keys": ("opstui.cli.looks:keys", "every key, and what it does"),
}
"""Command → where it is, and what it does in a line."""

GROUPS: Mapping[str, tuple[str, ...]] = {
    "The app": ("demo", "open"),
    "Tickets": ("queue", "ticket"),
    "Sessions": ("run", "session", "handover", "cost", "eval"),
    "Updates": ("draft", "push", "audit"),
    "Set up": ("knowledge", "redact", "agents", "config", "doctor", "themes", "keys"),
}

EXIT_CODES = (
    "0 done · 1 refused, a check failed, or no such thing · 2 usage or configuration · 3 not reached · "
    "4 credentials · 5 conflict · 6 budget reached · 70 internal error · 129, 130, 143 hung up, interrupted, terminated"
)


class Root(click.Group):
    """The top command, with help that begins with examples."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        found = getattr(importlib.import_module(module), name)
        assert isinstance(found, click.Command)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else "; opstui --help lists the commands"
            raise click.UsageError(f"there is no command {args[0][:40]!r}{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write(f"{self.help}\n\n")
        with formatter.indentation():
            formatter.write_dl([
                ("opstui demo", "the whole thing on sample data"),
                ("opstui ticket show local:INC-1042 --json", "a ticket, for another program"),
                ("opstui run incident-summary local:INC-1042", "a summary, as it is written"),
            ], col_max=44)  # fmt: skip
        formatter.write("\nUsage: opstui [OPTIONS] [COMMAND]; without a command, the app.\n")
        widest = max(map(len, COMMANDS))
        for title, names in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(widest), COMMANDS[name][1]) for name in names])
        with formatter.section("Options, before the command"):
            records = [param.get_help_record(ctx) for param in self.get_params(ctx)]
            formatter.write_dl([record for record in records if record])
        config, log = _places()
        formatter.write_paragraph()
        formatter.write_text(f"Config {config} (OPSTUI_CONFIG names another); log {log}.")
        formatter.write_text(f"Exit codes: {EXIT_CODES}.")
        formatter.write_text("opstui COMMAND --help says more.")


def _places() -> tuple[str, str]:
    from opstui.config.paths import Paths

    paths = Paths.find(os.environ)
    home = os.path.expanduser("~")
    config, log = str(paths.config_file), str(paths.log_file)
    return tuple("~" + text[len(home) :] if text.startswith(home + "/") else text for text in (config, log))  # type: ignore[return-value]


@click.command(
    cls=Root,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help="opstui: ticket queues, agent sessions and reviewed updates for people on call, in one terminal program.",
)
@click.option("--config", metavar="FILE", help="Read this config file.")
@click.option("--profile", metavar="NAME", help="Lay [profiles.NAME] over it.")
@click.option("--demo", is_flag=True, help="Work on the demo's data, not on yours.")
@click.option("--read-only", is_flag=True, help="Change nothing: no session, no draft, no push.")
@click.option("--theme", metavar="NAME", help="Colours of the app; opstui themes list.")
@click.option("--plain", is_flag=True, help="A line-by-line dialogue instead of the app.")
@click.option("--no-mouse", is_flag=True, help="The app takes no mouse.")
@click.option("--log-level", type=click.Choice(LEVELS), help="How much the log says.")
@click.version_option(__version__, message="opstui %(version)s")
@click.pass_context
def root(ctx: click.Context, /, **options: Any) -> int | None:
    """Read the options, and start the app if that is all there is."""
    given = ctx.obj if isinstance(ctx.obj, Invocation) else None
    invocation = given or Invocation(Globals(**options), os.environ)
    ctx.obj = invocation
    ctx.call_on_close(invocation.close)
    if ctx.invoked_subcommand is None:
        from opstui.cli.app import start_app

        return start_app(invocation)
    return None


def run_commands(arguments: list[str], invocation: Invocation | None = None) -> int:
    """Run a command line through click. Raises OpstuiError."""
    try:
        result = root.main(arguments, prog_name="opstui", standalone_mode=False, obj=invocation)
    except click.exceptions.NoArgsIsHelpError as error:
        note(error.format_message())
        return 2
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "opstui"
        note(f"opstui: {error.format_message()}\n{command} --help says what it takes")
        return 2
    except click.ClickException as error:
        note(f"opstui: {error.format_message()}")
        return 2 if isinstance(error, click.FileError) else 1
    except click.Abort:
        return 130
    return result if isinstance(result, int) else 0
