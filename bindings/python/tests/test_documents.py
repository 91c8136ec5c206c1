"""The documents of the package: their programs run, and their tables are complete."""

import importlib.util
import inspect
import re
import sys
import textwrap

import pytest
from support import PACKAGE, PRELUDE, ROOT, run

import callbackservice
from callbackservice import CallbackServiceError, Service, errors

DOCUMENT = (ROOT / "docs/python.md").read_text()
README = (PACKAGE / "README.md").read_text()
MODULE = textwrap.dedent(callbackservice.__doc__.split("\n\n", 1)[1].split("\n\nThe package", 1)[0])

PROGRAMS = {f"{name} {number}": program
            for name, text in {"python.md": DOCUMENT, "README.md": README, "__init__.py": f"```python\n{MODULE}```"}.items()
            for number, program in enumerate(re.findall(r"```python\n(.*?)```", text, re.S))}  # fmt: skip

# What to do with the programs that only define something.
CONTINUED = {
    "def application": """
answer = application({"QUERY_STRING": "+14151110000"}, lambda status, headers: print(status))
assert answer[0].startswith(b"369-"), answer
""",
    "service.submit": """
assert (counts.delivered, counts.waiting) == (1, 0)
""",
    "from celery": """
app.conf.task_always_eager = True
assert book.delay("+14151110000").get().startswith("369-")
""",
}


def test_there_are_programs():
    assert len(PROGRAMS) >= 12


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_programs_run(sandbox, name, tmp_path):
    program = PROGRAMS[name].replace("http://127.0.0.1:8080", sandbox.base).replace("/var/spool/app", str(tmp_path))
    if "celery" in program and importlib.util.find_spec("celery") is None:
        pytest.skip("celery is not installed")
    # Each program finds the server without bookings of this number.
    with Service({"dataURL": sandbox.v1}) as service:
        for callback in service.query(phone_number="+14151110000", state="!COMPLETED").callbacks:
            service.cancel(callback.id)
    for words, more in CONTINUED.items():
        program += more if words in program else ""
    run(sys.executable, "-W", "error::ResourceWarning", "-c", program)


def rows(heading):
    section = re.split(r"^## ", DOCUMENT.split(f"\n## {heading}\n", 1)[1], maxsplit=1, flags=re.M)[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_table_of_commands_is_complete():
    listed = {method.strip("`"): result.strip("`") for method, _, result in rows("Commands")}
    for name, result in listed.items():
        assert inspect.signature(getattr(Service, name)).return_annotation == result
    builders = inspect.getmembers(callbackservice._commands, inspect.isfunction)
    assert set(listed) == {name for name, function in builders if not name.startswith("_") and
                           str(inspect.signature(function).return_annotation).startswith("Command[")}  # fmt: skip


def test_the_tables_of_exceptions_are_complete():
    table = rows("Exceptions")
    listed = [cell for row in table for cell in re.findall(r"`(\w+)`", row[0])]
    exceptions = [name for name, kind in vars(errors).items()
                  if inspect.isclass(kind) and issubclass(kind, CallbackServiceError)]  # fmt: skip
    attributes = [name for name, value in vars(CallbackServiceError).items() if isinstance(value, property)]
    assert sorted(listed) == sorted(exceptions + attributes)


def test_every_export_is_documented():
    known = DOCUMENT + PRELUDE
    hidden = {
        "Outcome",
        "Slot",
        "Status",
        "EventName",
        "InterruptedCall",
        "WaitTime",
        "diagnostics",
        "version",
        "__version__",
    }
    assert [name for name in callbackservice.__all__ if name not in hidden and f"`{name}" not in known] == []
