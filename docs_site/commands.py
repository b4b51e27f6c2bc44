"""The reference of the command line, made from the commands themselves."""

from collections.abc import Iterator

import click

from docs_site.markdown import block, code, page, table
from service.cli import cli


def commands_page() -> str:
    return page(
        "# Commands",
        "Results go to standard output, everything else to standard error. Exit codes: 0 done; 1 done, with something "
        "that failed; 2 wrong use; 3 the source cannot be read.",
        *(part for path, context in walk() for part in _command(path, context)),
    )


def walk() -> Iterator[tuple[str, click.Context]]:
    """Every command with the words it is called by, groups before what is in them."""
    yield from _walk(click.Context(cli, info_name="trialhook"))


def _walk(context: click.Context) -> Iterator[tuple[str, click.Context]]:
    yield context.command_path, context
    if isinstance(context.command, click.Group):
        for name in sorted(context.command.list_commands(context)):
            found = context.command.get_command(context, name)
            assert found is not None
            yield from _walk(click.Context(found, info_name=name, parent=context))


def _command(path: str, context: click.Context) -> Iterator[str]:
    command = context.command
    yield f"## {path}"
    yield " ".join(line.strip() for line in (command.help or "").split("\n\n")[0].splitlines())
    yield from (" ".join(part.split()) for part in (command.help or "").split("\n\n")[1:])
    yield block("text", f"{path} {' '.join(command.collect_usage_pieces(context))}")
    if rows := list(_options(context)):
        yield table(("option", "meaning"), rows)


def _options(context: click.Context) -> Iterator[tuple[str, str]]:
    for parameter in context.command.get_params(context):
        record = parameter.get_help_record(context)
        if record and "--help" not in parameter.opts:
            yield code(record[0]), record[1].strip()
