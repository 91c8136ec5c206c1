"""Reads include/callbackservice.h: its comments, declarations and constants, from which manuals and lists are made."""

import pathlib
import re
import textwrap
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEADER = ROOT / "include" / "callbackservice.h"

CONVENTION = "CBSVC_CALL "
# A comment, and what it describes: a constant in one line, or a declaration up to its semicolon.
ITEM = re.compile(r"/\*\*(?P<comment>(?:[^*]|\*(?!/))*)\*/\n(?P<code>#define .*|[^;#]*;)")


@dataclass
class Block:
    """A piece of a comment: `text` to be filled, `table` whose lines stay, or `code` of an example."""

    kind: str
    text: str


@dataclass
class Item:
    kind: str
    """function, type or constant"""
    name: str
    code: str
    blocks: list

    @property
    def brief(self):
        """The first sentence, without its full stop."""
        return re.split(r"\.(?:\s|$)", self.blocks[0].text, maxsplit=1)[0]

    @property
    def value(self):
        """The number of a constant."""
        return int(self.code.split()[2], 0)

    @property
    def since(self):
        """The version that introduced a function."""
        found = [re.search(r"Since (\d+\.\d+)\.", block.text) for block in self.blocks]
        return next((match.group(1) for match in found if match), None)


def lines_of(comment):
    return [re.sub(r"^ \* ?", "", line).rstrip() for line in comment.strip("\n").splitlines()]


def blocks_of(lines):
    """Paragraphs, tables and the example, in order."""
    blocks, pending = [], []

    def flush():
        if pending:
            is_table = len(pending) > 1 and all(re.search(r"\S  +\S", line) for line in pending)
            blocks.append(Block("table", "\n".join(pending)) if is_table else Block("text", " ".join(pending)))
            pending.clear()

    is_code, code = False, []
    for line in lines:
        if is_code and (line.startswith("    ") or not line):
            code.append(line)
            continue
        if is_code:
            raise ValueError(f"text behind an example: {line}")
        if re.fullmatch(r"Example.*:", line):
            flush()
            is_code = True
        elif not line:
            flush()
        else:
            pending.append(line.strip())
    flush()
    if is_code:
        blocks.append(Block("code", textwrap.dedent("\n".join(code)).strip("\n")))
    return blocks


def without_convention(code):
    """A declaration as it is on systems with one calling convention."""
    first, *rest = code.split("\n")
    if CONVENTION not in first:
        return code
    indentation = " " * len(CONVENTION)
    return "\n".join([first.replace(CONVENTION, ""), *(line.removeprefix(indentation) for line in rest)])


def item_of(match):
    code = without_convention(match["code"].strip())
    comment = match["comment"]
    lines = lines_of(comment) if comment.startswith("\n") else [comment.strip()]
    while lines and not lines[-1].strip():
        lines.pop()
    if code.startswith("#define"):
        kind, name = "constant", code.split()[1]
    elif code.startswith("typedef"):
        kind, name = "type", re.search(r"\(\*(\w+)\)|(\w+);$", code)
        name = name.group(1) or name.group(2)
    else:
        kind, name = "function", re.search(r"(\w+)\(", code).group(1)
    return Item(kind, name, code, blocks_of(lines))


def items(text=None):
    """Everything that the header declares, in its order."""
    text = HEADER.read_text(encoding="utf-8") if text is None else text
    found = [item_of(match) for match in ITEM.finditer(text)]
    declared = re.findall(r"^#define (CBSVC_\w+) |^\w.*?\b(cbsvc_\w+)\(", text, re.M)
    if missing := {"".join(names) for names in declared} - {item.name for item in found}:
        raise ValueError(f"without a comment: {', '.join(sorted(missing))}")
    return found


def introduction(text=None):
    """The summary of the header, and its paragraphs and lists: strings and lists of strings."""
    text = HEADER.read_text(encoding="utf-8") if text is None else text
    lines = lines_of(re.match(r"/\*\n(.*?)\n \*/", text, re.S).group(1))
    parts = []
    for paragraph in "\n".join(lines).split("\n\n"):
        if paragraph.startswith("This file is generated"):
            continue
        title, bullet, entries = paragraph.partition("\n  - ")
        if bullet:
            parts.append([" ".join(entry.split()) for entry in entries.split("\n  - ")])
        else:
            parts.append(" ".join(title.split()))
    return parts


def version():
    return re.search(r'^version = "(.*)"', (ROOT / "Cargo.toml").read_text(encoding="utf-8"), re.M).group(1)
