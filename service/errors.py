"""Errors that reach a user. A message says what was expected and where, and never what a patient's record holds."""


class TrialhookError(Exception):
    """Base of every error that is meant to be shown. `code` is stable and machine-readable."""

    code = "error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code


class RecordError(TrialhookError):
    """A patient's record cannot be read at all; the message names the place, not the content."""

    code = "unreadable-record"


class SourceError(TrialhookError):
    """A file, folder or server that was named cannot be read."""

    code = "unreadable-source"


class TrialError(TrialhookError):
    """A trial, value set or input definition is wrong; `problems` lists every mistake with its place."""

    code = "invalid-trial"

    def __init__(self, message: str, problems: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class SettingsError(TrialhookError):
    """A setting is wrong; the message names it and says what was expected."""

    code = "invalid-setting"


class ChangedQuestion(TrialhookError):
    """The run that is to be resumed asked something else; the message names the difference."""

    code = "changed-question"


class ProcessLost(TrialhookError):
    """A process that works for this one was ended from outside; what others had done stays done."""

    code = "process-lost"

    def __init__(self) -> None:
        super().__init__("a process was ended from outside, most often since memory ran out: fewer --workers take less")


def writable(name: str) -> str:
    """A name that came from outside, as text that can be written down and shown: what no reader sees, and bytes of a
    file's name that are no text, as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
