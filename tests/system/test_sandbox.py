"""The sandbox: its page in a browser, and the server against its OpenAPI description."""

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
    service.schedule(phone_number="+15551230001", desired_time=time)
"""


def book(sandbox, time):
    """Books through the C library."""
    run(sys.executable, "-c", BOOK, sandbox.base, time, env=python_environment())


def get_json(base, path):
    with urllib.request.urlopen(base + path) as response:
        return json.load(response)


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

    def test_page_updates_live(self):
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
            self.assertEqual(browser.console(), [])

    def test_updates_keep_focus_selection_and_open_details(self):
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
            self.assertEqual(browser.run(f"return {rows.format('bookings')}"), 1, "the update waits while text is selected")
            browser.run("getSelection().removeAllRanges()")
            book(sandbox, "2030-01-08T10:45:00.000Z")
            browser.wait(f"return {rows.format('bookings')} === 3")

    def test_clock_is_set_and_reset_is_confirmed(self):
        with Sandbox(*self.STARTED) as sandbox, Browser() as browser:
            browser.open(sandbox.base)
            book(sandbox, "2030-01-08T10:15:00.000Z")
            browser.run(
                "const field = document.querySelector('[name=now]'); field.value = '2030-02-03T04:05:06Z';"
                "field.form.requestSubmit()"
            )
            browser.wait("return document.getElementById('clock').innerText.includes('2030-02-03 04:05:06')")
            reset = "document.querySelector('form[data-confirm]').requestSubmit()"
            browser.run(f"window.confirm = () => false; {reset}")
            self.assertEqual(len(get_json(sandbox.base, "/sandbox/requests?max=1")), 1)
            browser.run(f"window.confirm = () => true; {reset}")
            browser.wait("return document.getElementById('bookings').innerText.includes('None yet.')")
            self.assertEqual(get_json(sandbox.base, "/sandbox/requests"), [])

    def test_page_works_with_the_keyboard_alone(self):
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
            self.assertEqual(len(get_json(sandbox.base, "/sandbox/faults")), 1)
            for _ in range(40):
                browser.press([TAB])
                if browser.run(focused) == "Advance 1 hour":
                    break
            browser.press([ENTER])
            browser.wait("return document.getElementById('clock').innerText.includes('11:30:00')")

    def test_narrow_screen_does_not_scroll_sideways_light_and_dark(self):
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

    def test_page_works_without_javascript(self):
        with Sandbox() as sandbox:
            page = urllib.request.urlopen(sandbox.base).read().decode()
            for text in ["Next week", "Advance 1 hour", "Next request: answer 503"]:
                self.assertIn(text, page)

    def test_dns_rebinding_is_rejected(self):
        rules = "--host-resolver-rules=MAP rebound.example 127.0.0.1"
        with Sandbox(*self.STARTED) as sandbox, Browser(arguments=[rules]) as browser:
            book(sandbox, "2030-01-08T10:15:00.000Z")
            port = sandbox.base.rpartition(":")[2]
            browser.open(f"http://rebound.example:{port}/openapi.json")
            for method, path in [("POST", "/sandbox/reset"), ("GET", "/sandbox/requests"), ("GET", "/")]:
                browser.run(
                    "window.answered = null;"
                    f"fetch('{path}', {{method: '{method}'}}).then(response => {{ window.answered = response.status }})"
                )
                self.assertEqual(browser.wait("return window.answered"), 403, path)
            self.assertNotEqual(get_json(sandbox.base, "/sandbox/requests"), [])


class Description(Case):
    def test_server_matches_its_description(self):
        # A service that is not configured or a past time is rejected although it is well-formed.
        excluded = "positive_data_acceptance"
        for tag in ["v1", "v3", "sandbox"]:
            with self.subTest(tag), Sandbox() as sandbox:
                run(
                    SCHEMATHESIS, "run", f"{sandbox.base}/openapi.json", "--include-tag", tag, "--exclude-checks", excluded,
                    "--header", "x-api-key: sandbox-key", "--max-examples", "50", "--seed", "1", "--no-color",
                    "--warnings", "off", "--generation-database", "none", cwd=self.scratch, timeout=300,
                )  # fmt: skip
