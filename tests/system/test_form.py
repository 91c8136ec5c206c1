"""Form of the sources: one sentence per line in documents, paths that exist, comments of at most 100 columns."""

import re

from support import ROOT, Case

SKIPPED = {"target", "build", ".git", "venv", "node_modules"}
DOCUMENTS = sorted(path for path in ROOT.rglob("*.md") if not SKIPPED & set(path.relative_to(ROOT).parts))
COMMENT_COLUMNS = 100

# The end of a sentence or of an introduction to a list, perhaps inside quotes, parentheses or emphasis.
SENTENCE_END = re.compile(r"[.!?:][)\"'*_`]*$")
# The end of one sentence and the beginning of another in the same line.
TWO_SENTENCES = re.compile(r"(?<!\.\.)[.!?][)\"'*_]* +\S")
ABBREVIATIONS = re.compile(r"\b(?:e\.g|i\.e|etc|vs|cf|No)\.")
LIST_ITEM = re.compile(r"(?: *)(?:[-*+]|\d+\.) ")
# Repository paths in code spans and fences: with a directory and an extension, or ending in a slash.
PATH = re.compile(r"`((?:[\w.-]+/)+(?:[\w-][\w.-]*\.(?:rs|py|c|cpp|h|hpp|md|sh|json|toml|in|txt|png|mjs))?)`")
GENERATED = {"target", "build"}


def prose(text):
    """The lines of a document with their numbers, where what is not prose is None."""
    fence = comment = False
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if comment or stripped.startswith("<!--"):
            comment = "-->" not in stripped
            yield number, None
        elif stripped.startswith("```"):
            fence = not fence
            yield number, None
        elif fence or line.startswith("    ") or not stripped or stripped[0] in "#|>!" or set(stripped) <= set("-=*_"):
            yield number, None
        else:
            yield number, line


def faults(text):
    """Numbers of the lines that are not exactly one sentence."""
    lines = dict(prose(text))
    for number, line in lines.items():
        if line is None:
            continue
        plain = ABBREVIATIONS.sub("x", re.sub(r"`[^`]*`", "`x`", line.strip()))
        plain = re.sub(r"\]\([^)]*\)", "]", LIST_ITEM.sub("", plain, count=1))
        plain = re.sub(r"^\*\*[^*]*\*\* ", "", plain)
        if TWO_SENTENCES.search(plain):
            yield number, "more than one sentence"
        following = lines.get(number + 1)
        continued = following is not None and not LIST_ITEM.match(following)
        alone = LIST_ITEM.match(line) and not continued
        if not SENTENCE_END.search(plain) and not alone:
            yield number, "a sentence goes on in the next line, or has no end"


class Documents(Case):
    def test_a_line_of_prose_is_one_sentence(self):
        for document in DOCUMENTS:
            with self.subTest(document.relative_to(ROOT)):
                lines = "\n".join(f"line {number}: {what}" for number, what in faults(document.read_text()))
                self.assertFalse(lines, f"\n{lines}")

    def test_the_check_finds_what_it_must(self):
        for good in [
            "One sentence.\nAnother one.",
            "- a fragment\n- another",
            "- One sentence.\n  A second one.",
            "Call `a. B` here.",
            "Two forms, e.g. This one.",
            "| a. B | c. D |",
            "```c\nint a; // one. Two\n```",
            "    indented. Code",
            "# Heading. No rule",
            "**In bold.**\nNext one.",
            "- **Lead-in.** One sentence.",
            "This is a list:\n\n- an item",
        ]:
            self.assertEqual(list(faults(good)), [], good)
        for bad in [
            "One sentence. Another one.",
            "A sentence that\ngoes on.",
            "No end",
            "- One. Two.",
            "- An item that\n  goes on.",
            "Ends here. `code` begins.",
            "It is here. hyper follows.",
            "(In parentheses.) Then more.",
        ]:
            self.assertEqual(len(list(faults(bad))), 1, bad)

    def test_every_path_in_a_document_exists(self):
        missing = []
        for document in DOCUMENTS:
            for path in PATH.findall(document.read_text()):
                places = [ROOT / path, document.parent / path]
                if path.split("/", 1)[0] not in GENERATED and not any(place.exists() for place in places):
                    missing.append(f"{document.relative_to(ROOT)}: {path}")
        self.assertEqual(missing, [])

    def test_the_design_names_every_module(self):
        design = (ROOT / "docs/design.md").read_text()
        for module in sorted(path for path in (ROOT / "src").iterdir() if path.is_dir()):
            self.assertIn(f"`src/{module.name}/", design)


def long_comments(text):
    """Numbers and lengths of the comment lines that are too long, unless they cannot be broken."""
    is_example = False
    for number, line in enumerate(text.splitlines(), 1):
        comment = re.match(r" *//[/!]? ?(.*)", line)
        if not comment:
            is_example = False
            continue
        if comment[1].startswith("```"):
            is_example = not is_example
        words = re.sub(r"`[^`]*`", "`x`", comment[1]).split()
        can_be_broken = len(words) > 1 and not is_example and not comment[1].startswith("|")
        if len(line) > COMMENT_COLUMNS and can_be_broken:
            yield number, len(line)


class Comments(Case):
    def test_no_rust_comment_is_longer_than_a_line(self):
        found = [
            f"{path.relative_to(ROOT)}:{number}: {length} columns"
            for directory in ["src", "sandbox/src"]
            for path in sorted((ROOT / directory).rglob("*.rs"))
            for number, length in long_comments(path.read_text())
        ]
        lines = "\n".join(found)
        self.assertFalse(found, f"{len(found)} comment lines are longer than {COMMENT_COLUMNS} columns\n{lines}")

    def test_the_check_finds_what_it_must(self):
        words = "word " * 20
        for comment in ["//", "///", "//!", "    //"]:
            self.assertEqual(len(list(long_comments(f"{comment} {words}{words}"))), 1)
            self.assertEqual(list(long_comments(f"{comment} {words[:90]}")), [])
        for good in [f"// `{words}`", f"/// | {words}{words}|", f"/// ```c\n/// {words}\n/// ```", f'let x = "{words}{words}";']:
            self.assertEqual(list(long_comments(good)), [], good)
