"""What a blocking call costs the processor, against what was recorded."""

import sys

from support import ROOT, Case

sys.path.insert(0, str(ROOT / "benches" / "compare"))
import instructions  # noqa: E402


class Instructions(Case):
    def test_a_call_takes_no_more_than_recorded(self):
        grown = instructions.grown(instructions.measure())
        if grown:
            self.fail("\n".join(grown))
