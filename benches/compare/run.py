"""Compares the library with what an application would use otherwise, in one run.

    run.py [--quick] [--write] [--baseline PATH]

It prints a table of ratios with budgets and fails if a budget is not met. `--write` puts the table,
the machine and the versions into docs/benchmarks.md. `--quick` runs few rounds, for trying.
`--baseline` also runs every row of the library with the shared object at PATH, in turns with the
library under test, prints the ratios new/old, and fails if a row is more than 5 % worse.
"""

import argparse
import pathlib
import sys

import document
import rows
import rows_https
import sandbox
import tools
from clients import Program, library_programs
from report import Report
from servers import Server


def parse_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="run few rounds")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    parser.add_argument("--baseline", type=pathlib.Path, metavar="PATH", help="another shared object of the library")
    options = parser.parse_args()
    if options.baseline:
        options.baseline = options.baseline.resolve()
        if not options.baseline.is_file():
            parser.error(f"{options.baseline} does not exist")
    return options


def main():
    options = parse_arguments()
    tools.install()
    tools.build("client_callbackservice", "client_curl", "client_socket", "json_reads", "server", "launch", "load")
    programs = library_programs("client_callbackservice", options.baseline)
    programs["libcurl"] = Program([tools.BUILD / "client_curl"])
    programs["socket"] = Program([tools.BUILD / "client_socket"])
    bench = rows.Bench(Report(), programs, options.baseline, options.quick)
    with Server() as server:
        bench.base_url = server.base_url
        rows.add_blocking(bench)
        rows.add_async(bench)
        rows.add_same_core(bench)
        rows.add_threads(bench)
        rows.add_memory(bench)
        rows.add_load(bench)
        rows.add_scripts(bench)
        rows.add_json_reads(bench)
        slots = rows.read_slots(server)
    rows_https.add_rows(bench, slots)
    rows.add_size(bench)
    rows.add_instructions(bench)
    sandbox.add_rows(bench.report, 1 if options.quick else 5)
    if options.write:
        document.write(bench.report)
    return 0 if bench.report.finish() else 1


if __name__ == "__main__":
    sys.exit(main())
