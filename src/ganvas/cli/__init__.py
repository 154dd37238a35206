"""The command line. Nothing heavy is imported before a command needs it."""

import errno
import os
import sys
from typing import Annotated, NoReturn

from tyro.conf import subcommand

from ganvas.arguments import parse
from ganvas.cli.judging import Doctor, Evaluate, Report, Reproduce, Study
from ganvas.cli.learning import Inspect, Recipes, Train
from ganvas.cli.making import Chat, Explore, Export, Sample, Write
from ganvas.cli.saying import Say
from ganvas.cli.serving import Serve
from ganvas.core.errors import UserError

COMMANDS = {
    "recipes": Recipes,
    "inspect": Inspect,
    "train": Train,
    "sample": Sample,
    "say": Say,
    "write": Write,
    "chat": Chat,
    "explore": Explore,
    "doctor": Doctor,
    "evaluate": Evaluate,
    "report": Report,
    "export": Export,
    "serve": Serve,
    "study": Study,
    "reproduce": Reproduce,
}
Command = (
    Annotated[Recipes, subcommand("recipes")]
    | Annotated[Inspect, subcommand("inspect")]
    | Annotated[Train, subcommand("train")]
    | Annotated[Sample, subcommand("sample")]
    | Annotated[Say, subcommand("say")]
    | Annotated[Write, subcommand("write")]
    | Annotated[Chat, subcommand("chat")]
    | Annotated[Explore, subcommand("explore")]
    | Annotated[Doctor, subcommand("doctor")]
    | Annotated[Evaluate, subcommand("evaluate")]
    | Annotated[Report, subcommand("report")]
    | Annotated[Export, subcommand("export")]
    | Annotated[Serve, subcommand("serve")]
    | Annotated[Study, subcommand("study")]
    | Annotated[Reproduce, subcommand("reproduce")]
)
DISK = (
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EIO,
    errno.EISDIR,
    errno.ENOTDIR,
)
"""Troubles that are nobody's fault here, wherever they turn up."""
DESCRIPTION = """Learn to generate pictures, speech, sound and text from your own data.

Start with `ganvas train --data fashion --budget 5m`, or with the path of a folder of pictures."""


def main() -> None:
    """Entry point: bad input is one sentence and exit code 2."""
    args = sys.argv[1:]
    try:
        try:
            command = parse(COMMANDS, Command, DESCRIPTION, args)
        finally:
            if args[:1] == ["train"] and {"-h", "--help"} & set(args[2:]) and not args[1].startswith("-"):
                from ganvas.commands.learning import help_for

                help_for(args[1])
        command()
    except UserError as error:
        refuse(str(error))
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        refuse(
            "this needs torch, not installed here: see pytorch.org; only files of an ONNX export do without"
        )
    except BrokenPipeError:  # `ganvas recipes | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        if error.errno not in DISK:
            raise
        refuse(f"{error.filename or 'a file'}: {(error.strerror or str(error)).lower()}")
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def refuse(sentence: str) -> NoReturn:
    process = int(os.environ.get("RANK", "0"))
    print(f"ganvas{f', process {process}' if process else ''}: {sentence}", file=sys.stderr)
    raise SystemExit(2)
