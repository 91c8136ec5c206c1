"""The tables of the benchmarks: the library against other clients, and against another version of itself."""

import statistics

HEAD = ["| row | library | other | ratio | spread | budget | met |", "| --- | --- | --- | --- | --- | --- | --- |"]
BASELINE_HEAD = [
    "| row | library | baseline | new/old | quartiles | |",
    "| --- | --- | --- | --- | --- | --- |",
]
MAX_REGRESSION = 1.05


def duration(nanoseconds):
    for unit, size in [("s", 1e9), ("ms", 1e6), ("µs", 1e3)]:
        if nanoseconds >= size:
            return f"{nanoseconds / size:.1f} {unit}"
    return f"{nanoseconds:.0f} ns"


def per_second(calls):
    """Shows the time of so many calls as calls per second."""
    return lambda nanoseconds: f"{calls / nanoseconds * 1e9:,.0f}/s"


def plain(unit=""):
    return lambda number: f"{number:,.0f}{unit}"


class Report:
    """Rows, and which of them miss their budget or are slower than the baseline."""

    def __init__(self):
        self.lines, self.missed = [], []
        self.baseline_lines, self.regressions = [], []

    def add(self, name, library, other="", ratio=None, spread="", budget="", met=None):
        """Adds a row and prints it."""
        ratio = "" if ratio is None else f"{ratio:.2f}"
        met_text = "" if met is None else "yes" if met else "**no**"
        self.lines.append(f"| {name} | {library} | {other} | {ratio} | {spread} | {budget} | {met_text} |")
        print(self.lines[-1], flush=True)
        if met is False:
            self.missed.append(name)

    def compare(self, name, times, other, at_most=None, show=duration):
        """Adds the row of two clients' times, of which less is better. The ratio is the library's time divided by the
        other's."""
        self._compare(name, times, other, lambda own, theirs: own / theirs, at_most and f"≤ {at_most}",
                      lambda ratio: ratio <= at_most, show)

    def compare_rates(self, name, times, other, calls, at_least=None):
        """Adds the row of two clients' calls per second, of which more is better. The ratio is the library's rate
        divided by the other's."""
        self._compare(name, times, other, lambda own, theirs: theirs / own, at_least and f"≥ {at_least}",
                      lambda ratio: ratio >= at_least, per_second(calls))

    def _compare(self, name, times, other, ratio_of, budget, is_met, show):
        own, theirs = times["library"], times[other]
        medians = statistics.median(own), statistics.median(theirs)
        ratio, ratios = ratio_of(*medians), [ratio_of(*pair) for pair in zip(own, theirs)]
        self.add(name, show(medians[0]), show(medians[1]), ratio, f"{min(ratios):.2f}–{max(ratios):.2f}", budget or "",
                 is_met(ratio) if budget else None)

    def compare_baseline(self, name, values, show=duration):
        """Adds the row of the library and the baseline, if there is one. The ratio is the median of those of the single
        rounds, which ran one after the other: the load of the machine hardly affects it. Less is better."""
        if "baseline" not in values:
            return
        new, old = values["library"], values["baseline"]
        ratios = [one / other for one, other in zip(new, old)]
        ratio = statistics.median(ratios)
        quartiles = statistics.quantiles(ratios, method="inclusive") if len(ratios) > 1 else None
        spread = f"{quartiles[0]:.2f}–{quartiles[2]:.2f}" if quartiles else ""
        is_worse = ratio > MAX_REGRESSION
        new, old = show(statistics.median(new)), show(statistics.median(old))
        line = f"| {name} | {new} | {old} | {ratio:.3f} | {spread} | {'**worse**' if is_worse else ''} |"
        self.baseline_lines.append(line)
        print(f"  against the baseline: {ratio:.3f} ({spread}){' worse' if is_worse else ''}", flush=True)
        if is_worse:
            self.regressions.append(name)

    def finish(self):
        """Prints the comparison with the baseline and the summary. Returns whether all is well."""
        if self.baseline_lines:
            print("\nAgainst the baseline; the ratio is new/old, of times, memory or instructions: above 1 is worse.\n")
            print("\n".join([*BASELINE_HEAD, *self.baseline_lines]))
            limit = f"more than {MAX_REGRESSION - 1:.0%} worse than the baseline"
            print(f"\n{limit}: {'; '.join(self.regressions) or 'no row'}")
        print(f"budgets not met: {'; '.join(self.missed)}" if self.missed else "all budgets are met")
        return not self.missed and not self.regressions
