"""The Asterisk Gateway Interface: commands on standard output, and their results on standard input."""

import os
import re
import signal
import sys

# Asterisk sends SIGHUP when the caller hangs up; it would end the script while it books.
signal.signal(signal.SIGHUP, signal.SIG_IGN)
# Standard output belongs to Asterisk: what a module prints must not look like a command.
sys.stdout = sys.stderr


class HungUp(Exception):
    """The caller has hung up: Asterisk plays nothing more, and may have closed the pipes."""


class Failed(Exception):
    """Asterisk does not accept a command."""


class Agi:
    def __init__(self):
        """Reads the variables that Asterisk sends first, such as agi_uniqueid."""
        self.variables = {}
        while line := self._line():
            name, _, value = line.partition(":")
            self.variables[name] = value.strip()

    def command(self, name, *arguments):
        """The result of a command, as text."""
        line = " ".join([name, *map(quoted, arguments)]) + "\n"
        try:
            os.write(1, line.encode())
        except BrokenPipeError:
            raise HungUp from None
        while True:
            reply = self._line()
            # HANGUP comes between command and reply; the reply follows. 100 is progress.
            if reply == "HANGUP" or reply.startswith("100"):
                continue
            if reply.startswith("511"):
                raise HungUp  # The channel is dead.
            if reply.startswith("520-"):
                while not self._line().startswith("520 "):
                    pass
            found = re.match(r"200 result=(\S*)", reply)
            if not found:
                raise Failed(f"{name}: {reply}")
            return found[1]

    def play(self, sound, digits=""):
        """Plays a recording until it ends, or until one of the digits is pressed, which is returned."""
        return self._pressed(self.command("STREAM FILE", sound, digits))

    def say_time(self, moment, digits=""):
        """Says date and time of an aware datetime in the time zone of Asterisk, as play does."""
        return self._pressed(self.command("SAY DATETIME", int(moment.timestamp()), digits))

    def ask(self, sound, most, milliseconds=5000):
        """Plays a recording, and returns up to so many digits that the caller presses."""
        return self._living(self.command("GET DATA", sound, milliseconds, most))

    def _pressed(self, result):
        code = int(self._living(result))
        return chr(code) if code > 0 else ""

    def _living(self, result):
        if result == "-1":
            raise HungUp
        return result

    def _line(self):
        line = sys.stdin.buffer.readline()
        if not line:
            raise HungUp
        return line.decode(errors="replace").strip()


def quoted(argument):
    text = re.sub(r"[\r\n]+", " ", str(argument))
    return '"' + re.sub(r'(["\\])', r"\\\1", text) + '"'
