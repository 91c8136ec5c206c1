#!/usr/bin/env python3
"""Generates the manual pages, and with --html the HTML reference too, from the comments of include/callbackservice.h.

    manual.py [--html] OUTPUT

Without --html it needs nothing but Python; with it, Doxygen.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

import header

SUMMARY = "books telephone callbacks with a contact center"
NAME = "callbackservice"


def date():
    """The day of the last commit, so that the pages are the same whenever they are made."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if not epoch:
        git = subprocess.run(
            ["git", "log", "-1", "--format=%ct"], cwd=header.ROOT, capture_output=True, text=True, check=False
        )
        epoch = git.stdout.strip() if git.returncode == 0 else header.HEADER.stat().st_mtime
    return time.strftime("%Y-%m-%d", time.gmtime(int(float(epoch))))


def escaped(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    text = "".join(char if ord(char) < 128 else f"\\[u{ord(char):04X}]" for char in text)
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.M)


def filled(text, functions, own=None):
    """A paragraph, one sentence per line, with references to the pages of other functions."""

    def reference(match):
        name = match.group()
        return f"\\fB{name}\\fP" + ("(3)" if name in functions and name != own else "")

    text = re.sub(r"(?<=[a-z)\"'0-9]\.) (?=[A-Z\"*])", "\n", text)
    return re.sub(r"\b(?:cbsvc_\w+|CBSVC_\w+)", reference, escaped(text))


def literal(text):
    return f".PP\n.RS 4\n.nf\n{escaped(text)}\n.fi\n.RE"


class Page:
    def __init__(self, name, brief, functions):
        title = f'.TH {name.upper()} 3 {date()} "lib{NAME} {header.version()}" "C library"'
        self.name, self.functions = name, functions
        self.parts = [title, ".SH NAME", f"{name} \\- {escaped(brief[0].lower() + brief[1:])}"]

    def section(self, title):
        self.parts.append(f".SH {title}")
        return self

    def text(self, text, is_first=False):
        self.parts += [*([] if is_first else [".PP"]), filled(text, self.functions, self.name)]

    def entry(self, term, text):
        self.parts += [".TP", f"\\fB{escaped(term)}\\fP", filled(text, self.functions, self.name)]

    def literal(self, text):
        self.parts.append(literal(text))

    def raw(self, *lines):
        self.parts += lines

    def __str__(self):
        return "\n".join(self.parts) + "\n"


def split_rules(text):
    """A paragraph with the rules of a function: what precedes them, threads, errors, what follows, and version."""
    form = r"(.*?) ?(Any thread[^.]*\.) (?:Errors: (.*?)\.|Never fails\.)(?= |$)(.*?) ?Since (\d+\.\d+)\."
    return match.groups() if (match := re.fullmatch(form, text)) else None


def write_errors(page, errors, meanings):
    """Each status with its meaning, if the text is a list of statuses."""
    if errors is None:
        return page.text("This function never fails.", is_first=True)
    entries = re.split(r", (?=CBSVC_)", errors)
    if not all(re.fullmatch(r"CBSVC_\w+(?: \(.*\))?", entry) for entry in entries):
        page.text(errors[0].upper() + errors[1:] + ".", is_first=True)
        return page.text("callbackservice(3) lists all statuses.")
    for entry in entries:
        name, _, detail = entry.partition(" ")
        page.entry(name, meanings[name] + (f" ({detail.strip('()')})." if detail else "."))


def function_page(item, functions, meanings):
    page = Page(item.name, item.brief, functions)
    page.section("SYNOPSIS").raw(".nf", "\\fB#include <callbackservice.h>\\fP", ".PP", escaped(item.code), ".fi")
    page.section("DESCRIPTION")
    rules, example, is_first = None, None, True
    for block in item.blocks:
        if block.kind == "code":
            example = block.text
        elif block.kind == "table":
            page.literal(block.text)
        else:
            found = split_rules(block.text)
            rules = found or rules
            for text in [found[0], found[3].strip()] if found else [block.text]:
                if text:
                    page.text(text, is_first)
                    is_first = False
    if not rules or not example:
        raise ValueError(f"the comment of {item.name} lacks threads, errors, version or example")
    write_errors(page.section("ERRORS"), rules[2], meanings)
    page.section("THREADS").text(rules[1], is_first=True)
    page.section("HISTORY").text(f"Since version {rules[4]}.", is_first=True)
    page.section("EXAMPLE").raw(".nf", escaped(example), ".fi")
    page.section("SEE ALSO").raw(f"\\fB{NAME}\\fP(3)")
    return page


def overview(items, functions):
    page = Page(NAME, SUMMARY, functions)
    page.section("SYNOPSIS").raw(".nf", "\\fB#include <callbackservice.h>\\fP", ".PP")
    page.raw(escaped(f"cc program.c $(pkg-config --cflags --libs {NAME})"), ".fi")
    page.section("DESCRIPTION")
    is_first = True
    for part in header.introduction():
        if isinstance(part, list):
            for entry in part:
                page.raw(".IP \\(bu 2", filled(entry, functions))
        else:
            summary = re.sub(f"^lib{NAME}: (.)", lambda match: f"The library {match[1]}", part)
            page.text(summary, is_first)
            is_first = False
    page.section("FUNCTIONS")
    for item in items:
        if item.kind == "function":
            page.raw(".TP", f"\\fB{item.name}\\fP(3)", filled(item.brief + ".", functions))
    page.section("TYPES")
    for number, item in enumerate(item for item in items if item.kind == "type"):
        page.raw(*([".PP"] if number else []), ".nf", escaped(item.code), ".fi")
        for block in item.blocks:
            page.text(block.text)
    page.section("STATUSES")
    constants = [item for item in items if item.kind == "constant" and item.name != "CBSVC_HEADER_VERSION"]
    for item in constants:
        if "_LOG_" not in item.name:
            page.entry(f"{item.name} ({item.value})", item.blocks[0].text)
    page.section("LOG LEVELS")
    for item in constants:
        if "_LOG_" in item.name:
            page.entry(f"{item.name} ({item.value})", item.blocks[0].text)
    page.section("SEE ALSO").raw(",\n".join(f"\\fB{name}\\fP(3)" for name in sorted(functions)))
    return page


def write_pages(directory):
    items = header.items()
    functions = {item.name for item in items if item.kind == "function"}
    meanings = {item.name: item.brief for item in items if item.kind == "constant"}
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    pages = [function_page(item, functions, meanings) for item in items if item.kind == "function"]
    for page in [*pages, overview(items, functions)]:
        (directory / f"{page.name}.3").write_text(str(page), encoding="utf-8")


def doxygen_comment(item):
    """The comment of an item with Doxygen's commands."""

    def prose(text):
        return re.sub(r"([\\@<>&#%])", r"\\\1", text)

    lines = []
    for block in item.blocks:
        if block.kind == "code":
            lines += ["@par Example", "@code{.c}", *block.text.splitlines(), "@endcode"]
        elif block.kind == "table":
            lines += ["@verbatim", *block.text.splitlines(), "@endverbatim", ""]
        else:
            lines += [prose(block.text), ""]
    return "/**\n" + "\n".join(f" * {line}".rstrip() for line in lines) + f"\n */\n{item.code}\n"


def doxygen_input():
    """The header as Doxygen reads it."""
    main = ["/** @file", " * The functions, types and constants of the library. */"]
    main += ["/**", " * @mainpage Conventions", " *"]
    for part in header.introduction():
        main += [f" * - {entry}" for entry in part] if isinstance(part, list) else [f" * {part}"]
        main.append(" *")
    main.append(f" * {NAME}.h lists the functions.")
    return "\n".join(main) + " */\n\n" + "\n".join(doxygen_comment(item) for item in header.items())


def write_html(output):
    if not shutil.which("doxygen"):
        sys.exit("make docs needs doxygen, please install it")
    source = output / f"{NAME}.h"
    source.write_text(doxygen_input(), encoding="utf-8")
    shutil.rmtree(output / "html", ignore_errors=True)
    settings = f"""
PROJECT_NAME = lib{NAME}
PROJECT_NUMBER = {header.version()}
PROJECT_BRIEF = "{SUMMARY.capitalize()}"
INPUT = {NAME}.h
OUTPUT_DIRECTORY = .
GENERATE_LATEX = NO
HAVE_DOT = NO
MARKDOWN_SUPPORT = NO
JAVADOC_AUTOBRIEF = YES
OPTIMIZE_OUTPUT_FOR_C = YES
SORT_MEMBER_DOCS = NO
HTML_TIMESTAMP = NO
VERBATIM_HEADERS = NO
QUIET = YES
WARN_AS_ERROR = FAIL_ON_WARNINGS
"""
    subprocess.run(["doxygen", "-"], cwd=output, input=settings, text=True, check=True)
    source.unlink()


def main():
    options = argparse.ArgumentParser(description="Generates the manual of the C library from its header.")
    options.add_argument("--html", action="store_true", help="also the HTML reference")
    options.add_argument("output", type=pathlib.Path)
    options = options.parse_args()
    write_pages(options.output / "man" / "man3")
    if options.html:
        write_html(options.output)


if __name__ == "__main__":
    main()
