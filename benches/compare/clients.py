"""Clients as running programs, each pinned to its cores."""

import dataclasses
import json
import os
import statistics
import subprocess

import tools

# With both ends of a connection on one core, they would take turns instead of running at the same time.
CORES = sorted(os.sched_getaffinity(0))
CLIENT_CORE, SERVER_CORE = CORES[0], CORES[-1]


def start(command, cores, **options):
    """Starts a program on these cores."""
    words = [str(word) for word in command]
    return subprocess.Popen(words, preexec_fn=lambda: os.sched_setaffinity(0, cores), text=True, **options)


@dataclasses.dataclass(frozen=True)
class Program:
    """How to start a client."""

    command: list
    environment: dict = dataclasses.field(default_factory=dict)


def library_programs(name, baseline):
    """A C client of the library under test, and the same client with the baseline library if there is one."""
    program = tools.BUILD / name
    programs = {"library": Program([program])}
    if baseline:
        programs["baseline"] = Program([program], tools.environment_for(baseline))
    return programs


class Client:
    """A running client. It runs one round for each command."""

    def __init__(self, program, base_url, environment=None, cores=(CLIENT_CORE,)):
        environment = {**os.environ, **program.environment, **(environment or {})}
        pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.process = start([*program.command, base_url], cores, env=environment, **pipes)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def run(self, mode, path, count, extra=0):
        """Returns the median nanoseconds of a call in one round (of the whole round, if calls overlap), and the growth
        of memory in bytes."""
        self.process.stdin.write(f"{mode} {path} {count} {extra}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args[0]} failed in mode {mode}")
        result = json.loads(line)
        return statistics.median(result["nanoseconds"]), result["bytes"]


def open_clients(stack, programs, base_url, environment=None, cores=(CLIENT_CORE,)):
    """Starts all programs, until the stack is closed."""
    return {
        name: stack.enter_context(Client(program, base_url, environment, cores))
        for name, program in programs.items()
    }


def interleave(clients, rounds, mode, path, count, extra=0):
    """The results of each client's rounds. The clients take turns, in changing order, so that a machine that becomes
    slower or faster affects all of them."""
    warm_up = max(count // 10, extra if mode == "threads" else 1)
    for client in clients.values():
        client.run(mode, path, warm_up, extra)
    times = {name: [] for name in clients}
    for turn in range(rounds):
        order = list(clients)
        for name in order if turn % 2 == 0 else reversed(order):
            times[name].append(clients[name].run(mode, path, count, extra)[0])
    return times
