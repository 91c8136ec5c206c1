"""The sandbox as people and other clients see it: its page in a browser, and its description held against it."""

import json
import sys
import urllib.request

from browser import Browser
from support import ENVIRONMENT, ROOT, Case, Sandbox, python_environment, run

SCHEMATHESIS = ENVIRONMENT / "bin" / "schemathesis"
TAB, ENTER = "\ue004", "\ue007"

BOOK = """
import sys
from callbackservice import Service

base, time = sys.argv[1:]
with Service({"dataURL": f"{base}/genesys/1/service/callback/samples"}) as service:
    service.schedule(phonenumber="+15551230001", desiredtime=time)
"""


def book(sandbox, time):
    """Books through the C library."""
    run(sys.executable, "-c", BOOK, sandbox.base, time, env=python_environment())


def seen(base, path):
    with urllib.request.urlopen(base + path) as answer:
        return json.load(answer)


SERVICES = """
[services.samples]
slot_minutes = 15
places = 5
hours = ["Mon-Fri 09:00-17:00", "Sat 10:00-14:00"]

[services.night-shift]
slot_minutes = 60
places = 2
hours = ["Fri-Sat 21:00-02:00"]
time_zone = "Europe/London"
"""


class Page(Case):
    STARTED = ("--now", "2030-01-07T10:30:00Z", "--speed", "0")

    def test_bookings_appear_while_one_watches(self):
        config = self.scratch / "sandbox.toml"
        config.write_text(SERVICES)
        with Sandbox(*self.STARTED, "--config", config) as sandbox, Browser(1280, 1500) as browser:
            browser.open(sandbox.base)
            browser.wait("return document.getElementById('live').textContent === 'live'")
            cell = "document.querySelector('[data-cell=\"samples 2030-01-08 10\"]').textContent.trim()"
            self.assertEqual(browser.run(f"return {cell}"), "0 / 20")
            book(sandbox, "2030-01-08T10:15:00.000Z")
            browser.wait(f"return {cell} === '1 / 20'")
            browser.wait("return document.getElementById('bookings').innerText.includes('+15551230001')")
            browser.wait("return document.getElementById('requests').innerText.includes('/callback/samples')")
            self.assertNotIn("apikey", browser.run("return document.body.innerText").lower())
            for hour, count in [(9, 4), (10, 1), (11, 6), (13, 3), (14, 20)]:
                for number in range(count):
                    book(sandbox, f"2030-01-08T{hour:02}:{15 * (number % 4):02}:00.000Z")
            browser.wait("return document.querySelector('[data-cell=\"samples 2030-01-08 14\"]').className === 'full'")
            noon = "document.querySelector('[data-cell=\"samples 2030-01-08 12\"]')"
            for _ in range(5):
                book(sandbox, "2030-01-08T12:15:00.000Z")
            browser.wait(f"return {noon}.textContent.trim() === '5 / 20 1 full'")
            self.assertEqual(browser.run(f"return {noon}.title"), "12:00 0/5, 12:15 5/5, 12:30 0/5, 12:45 0/5")
            browser.picture(ROOT / "build" / "test" / "sandbox.png")
            self.assertEqual(browser.complaints(), [])

    def test_what_one_reads_stays_while_the_rest_changes(self):
        with Sandbox(*self.STARTED) as sandbox, Browser() as browser:
            browser.open(sandbox.base)
            browser.wait("return document.getElementById('live').textContent === 'live'")
            rows = "document.querySelectorAll('#{} tbody tr').length"
            book(sandbox, "2030-01-08T10:15:00.000Z")
            browser.wait(f"return {rows.format('requests')} >= 1 && {rows.format('bookings')} === 1")
            browser.run("const one = document.querySelector('#requests summary'); one.parentNode.open = true; one.focus()")
            opened = browser.run("return document.activeElement.id")
            self.assertTrue(opened.startswith("summary-"), opened)
            before = browser.run(f"return {rows.format('requests')}")
            browser.run("getSelection().selectAllChildren(document.querySelector('#bookings td'))")
            book(sandbox, "2030-01-08T10:30:00.000Z")
            browser.wait(f"return {rows.format('requests')} > {before}")
            self.assertEqual(browser.run("return document.activeElement.id"), opened)
            self.assertTrue(browser.run("return document.activeElement.parentNode.open"))
            self.assertFalse(browser.run("return getSelection().isCollapsed"))
            self.assertEqual(browser.run(f"return {rows.format('bookings')}"), 1, "it waits while something is selected")
            browser.run("getSelection().removeAllRanges()")
            book(sandbox, "2030-01-08T10:45:00.000Z")
            browser.wait(f"return {rows.format('bookings')} === 3")

    def test_the_clock_is_set_and_forgetting_is_confirmed(self):
        with Sandbox(*self.STARTED) as sandbox, Browser() as browser:
            browser.open(sandbox.base)
            book(sandbox, "2030-01-08T10:15:00.000Z")
            browser.run(
                "const field = document.querySelector('[name=now]'); field.value = '2030-02-03T04:05:06Z';"
                "field.form.requestSubmit()"
            )
            browser.wait("return document.getElementById('clock').innerText.includes('2030-02-03 04:05:06')")
            forget = "document.querySelector('form[data-confirm]').requestSubmit()"
            browser.run(f"window.confirm = () => false; {forget}")
            self.assertEqual(len(seen(sandbox.base, "/sandbox/requests?max=1")), 1)
            browser.run(f"window.confirm = () => true; {forget}")
            browser.wait("return document.getElementById('bookings').innerText.includes('None yet.')")
            self.assertEqual(seen(sandbox.base, "/sandbox/requests"), [])

    def test_it_is_used_by_keyboard_alone(self):
        with Sandbox(*self.STARTED) as sandbox, Browser() as browser:
            browser.open(sandbox.base)
            focused = "return document.activeElement.textContent.trim()"
            for _ in range(40):
                browser.press([TAB])
                if browser.run(focused) == "Next request: answer 503":
                    break
            self.assertNotEqual(browser.run("return getComputedStyle(document.activeElement).outlineStyle"), "none")
            browser.press([ENTER])
            browser.wait("return document.getElementById('faults').innerText.includes('status 503')")
            self.assertEqual(len(seen(sandbox.base, "/sandbox/faults")), 1)
            for _ in range(40):
                browser.press([TAB])
                if browser.run(focused) == "1 hour on":
                    break
            browser.press([ENTER])
            browser.wait("return document.getElementById('clock').innerText.includes('11:30:00')")

    def test_a_phone_shows_it_without_scrolling_sideways_light_and_dark(self):
        colours = set()
        for dark in [False, True]:
            with Sandbox(*self.STARTED) as sandbox, Browser(500, 800, dark) as browser:
                book(sandbox, "2030-01-08T10:15:00.000Z")
                browser.open(sandbox.base)
                self.assertTrue(browser.run("return document.documentElement.scrollWidth <= window.innerWidth"))
                self.assertLess(browser.run("return document.querySelector('#bookings tbody tr').offsetHeight"), 60)
                self.assertEqual(browser.run("return matchMedia('(prefers-color-scheme: dark)').matches"), dark)
                colours.add(browser.run("return getComputedStyle(document.body).backgroundColor"))
        self.assertEqual(len(colours), 2, colours)

    def test_it_works_without_its_script(self):
        with Sandbox() as sandbox:
            page = urllib.request.urlopen(sandbox.base).read().decode()
            for words in ["Week after", "1 hour on", "Next request: answer 503"]:
                self.assertIn(words, page)


class Description(Case):
    def test_the_server_does_what_its_description_says(self):
        # A service that is not configured, or a time that has passed, is refused although it is well-formed.
        left_out = "positive_data_acceptance"
        for tag in ["v1", "v3", "sandbox"]:
            with self.subTest(tag), Sandbox() as sandbox:
                run(
                    SCHEMATHESIS, "run", f"{sandbox.base}/openapi.json", "--include-tag", tag, "--exclude-checks", left_out,
                    "--header", "x-api-key: sandbox-key", "--max-examples", "50", "--seed", "1", "--no-color",
                    "--warnings", "off", "--generation-database", "none", cwd=self.scratch, timeout=300,
                )  # fmt: skip
