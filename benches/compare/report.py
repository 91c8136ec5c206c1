"""The tables: the library against other clients, and against a baseline version of itself."""

import statistics

from clients import MAX_REGRESSION, is_regression, paired_ratio, quiet_ratio

HEAD = ["| row | library | other | ratio | spread | budget | met |", "| --- | --- | --- | --- | --- | --- | --- |"]
BASELINE_HEAD = [
    "| row | library | baseline | new/old | quiet rounds | |",
    "| --- | --- | --- | --- | --- | --- |",
]


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
        """Adds a row of times, of which less is better. The ratio is the library's time divided by
        the other's."""
        self._compare(name, times, other, lambda own, theirs: own / theirs, at_most and f"≤ {at_most}",
                      lambda ratio: ratio <= at_most, show)

    def compare_rates(self, name, times, other, calls, at_least=None):
        """Adds a row of calls per second, of which more is better. The ratio is the library's rate
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
        """Adds a row of the library and the baseline, if there is one; less is better. The ratio is
        the median of those of single rounds, see `paired_ratio`; the next column is `quiet_ratio`."""
        if "baseline" not in values:
            return
        ratio, quiet, is_worse = paired_ratio(values), quiet_ratio(values), is_regression(values)
        new, old = (show(statistics.median(values[side])) for side in ["library", "baseline"])
        mark = "**worse**" if is_worse else ""
        self.baseline_lines.append(f"| {name} | {new} | {old} | {ratio:.3f} | {quiet:.3f} | {mark} |")
        print(f"  against the baseline: {ratio:.3f}, in quiet rounds {quiet:.3f} {mark}".rstrip(), flush=True)
        if is_worse:
            self.regressions.append(name)

    def finish(self):
        """Prints the comparison with the baseline and the summary. Returns whether all is well."""
        if self.baseline_lines:
            print("\nAgainst the baseline. Ratios of times, memory or instructions: above 1 is worse.\n")
            print("\n".join([*BASELINE_HEAD, *self.baseline_lines]))
            rows = "; ".join(self.regressions) or "no row"
            print(f"\nmore than {MAX_REGRESSION - 1:.0%} worse than the baseline: {rows}")
        print(f"budgets not met: {'; '.join(self.missed)}" if self.missed else "all budgets are met")
        return not self.missed and not self.regressions
