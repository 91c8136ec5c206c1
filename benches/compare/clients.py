"""Clients as running programs, each pinned to its cores."""

import dataclasses
import json
import os
import statistics
import subprocess

import tools

# On one core, client and server would take turns instead of running at the same time.
CORES = sorted(os.sched_getaffinity(0))
CLIENT_CORE, SERVER_CORE = CORES[0], CORES[-1]

# The largest acceptable ratio of the library to the baseline.
MAX_REGRESSION = 1.05


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
    """A C client of the library under test, and the same client with the baseline, if any."""
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
        """Runs one round. Returns the median nanoseconds of a call (the time of the whole round, if
        calls overlap), and the growth of memory in bytes."""
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
    """The times of each client's rounds."""
    warm_up = max(count // 10, extra if mode == "threads" else 1)
    for client in clients.values():
        client.run(mode, path, warm_up, extra)
    return take_turns(clients, rounds, lambda name: clients[name].run(mode, path, count, extra)[0])


def take_turns(names, rounds, run):
    """The results of `run(name)` for each name. If the library seems to be slower than the
    baseline, the two run twice as many rounds again: on a loaded machine that is often chance."""
    times = {name: [] for name in names}
    run_in_turns(list(names), times, rounds, run)
    if "baseline" in times and is_regression(times):
        run_in_turns(["library", "baseline"], times, 2 * rounds, run)
    return times


def run_in_turns(names, times, rounds, run):
    """Runs rounds in changing order, so that a machine that becomes slower or faster, and the state
    in which the previous program leaves the caches, affect all of them."""
    for turn in range(rounds):
        for name in names if turn % 2 == 0 else reversed(names):
            times[name].append(run(name))


def paired_ratio(times):
    """The median, over all rounds, of the library's time divided by the baseline's. The two run
    each round one after the other, mostly with the same load on the machine."""
    return statistics.median(new / old for new, old in zip(times["library"], times["baseline"]))


def quiet_ratio(times):
    """The lower quartile of the library's times divided by the baseline's: rounds with little load."""
    new, old = (lower_quartile(times[name]) for name in ["library", "baseline"])
    return new / old


def lower_quartile(values):
    return sorted(values)[len(values) // 4]


def is_regression(times):
    """Whether the library is slower than the baseline by both ratios: load rarely moves both."""
    return min(paired_ratio(times), quiet_ratio(times)) > MAX_REGRESSION
