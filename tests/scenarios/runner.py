"""Runs one scenario and prints one line of JSON for opening the service and for each step. README.md describes both."""

import json
import sys

from callbackservice import CallbackServiceError, Service


def parent_and_key(document, pointer):
    """Where a JSON Pointer leads: a container, and the key in it."""
    *path, last = [key.replace("~1", "/").replace("~0", "~") for key in pointer.split("/")[1:]]
    for key in path:
        document = document[int(key) if isinstance(document, list) else key]
    return document, int(last) if isinstance(document, list) else last


def data_of(step, outcomes):
    """The data of a step, with what it takes from earlier outcomes."""
    data = step.get("data")
    for taken in step.get("from", []):
        source, key = parent_and_key(outcomes[taken["step"]], taken["pointer"])
        target, name = parent_and_key(data, taken["to"])
        target[name] = source[key]
    return data


def run_blocking(service, command, data, _):
    return service.command(command, data)


def run_started(service, command, data, on_event):
    call = service.start(command, data, on_event)
    outcome = call.result().raw
    while service.dispatch(0):
        continue
    return outcome


def main(path, index, base, form):
    with open(path, encoding="utf-8") as file:
        scenarios = json.load(file)
    scenario = scenarios["scenarios"][int(index)]
    config = scenarios["apis"][scenario["api"]]
    config["dataURL"] = base + config["dataURL"]
    run = {"blocking": run_blocking, "started": run_started}[form]
    events, outcomes = [], []

    def on_event(name, data):
        events.append([name, data])

    def print_line(status, outcome):
        print(json.dumps({"events": events, "outcome": outcome, "status": status}))
        events.clear()

    with Service(config, on_event) as service:
        status = "OK"
        try:
            if "config" in scenario:
                service.configure(scenario["config"])
        except CallbackServiceError as error:
            status = error.name
        print_line(status, None)
        for step in scenario["steps"]:
            try:
                status, outcome = "OK", run(service, step["command"], data_of(step, outcomes), on_event)
            except CallbackServiceError as error:
                status, outcome = error.name, error.outcome
            outcomes.append(outcome)
            print_line(status, outcome)


if __name__ == "__main__":
    main(*sys.argv[1:])
