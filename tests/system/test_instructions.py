"""The instructions of a blocking call, compared with the recorded ones."""

import sys

from support import ROOT, Case

sys.path.insert(0, str(ROOT / "benches" / "compare"))
import instructions  # noqa: E402


class Instructions(Case):
    def test_calls_take_no_more_instructions_than_recorded(self):
        messages = instructions.regressions(instructions.measure())
        if messages:
            self.fail("\n".join(messages))
