"""What Spark threw, as the message and SQLSTATE that a warehouse answers with."""

import re

from pyspark.errors import PySparkException

# The row iterator hides the class: the innermost "[CLASS] message" of the Java causes is what Spark meant.
_CAUSES = re.compile(r"(?:Caused by: |^: )[\w.$]+: (\[[A-Z][\w.]+\] .*?)(?=\n\s*at |\n\n|\Z)", re.S | re.M)
_STATE = re.compile(r"SQLSTATE: (\w{5})")


class EngineError(Exception):
    """An error of the engine's own, in the form that Spark gives to its."""

    def __init__(self, name: str, message: str, state: str) -> None:
        super().__init__(f"[{name}] {message} SQLSTATE: {state}")


def told(error: BaseException) -> tuple[str, str]:
    """(message, SQLSTATE); XX000 where Spark gives none."""
    message, state = str(error), None
    if isinstance(error, PySparkException):
        state = error.getSqlState()
        message = message.split("\n\nJVM stacktrace")[0].strip()
    if "An error occurred while calling" in message:
        causes = _CAUSES.findall(message)
        message = causes[-1] if causes else message.split("\n\tat")[0]
    found = _STATE.search(message)
    return message, state or (found.group(1) if found else "XX000")
