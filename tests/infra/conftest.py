"""One emulator with one deployment for all tests."""

import os
import signal
import sys
import time

import pytest

from deployment import Deployment
from emulator import Emulator
from people import People


# What each function may and may not do, for people to read.
PERMISSIONS = []


def pytest_terminal_summary(terminalreporter):
    """The table of permissions, and what ran in the words of the suite's other tests."""
    say, stats = terminalreporter.write_line, terminalreporter.stats
    if PERMISSIONS:
        say(f"{'function':<16} {'may':<92} is refused")
        for function, may, may_not in PERMISSIONS:
            say(f"{function:<16} {may:<92} {may_not}")
    passed = [report for report in stats.get("passed", []) if report.when == "call"]
    failed = [*stats.get("failed", []), *stats.get("error", [])]
    for reports, word in ((passed, "ok"), (failed, "FAILED")):
        for report in reports:
            name = report.location[2].removeprefix("test_")
            say(f"test deployed::{name} ... {word}")
    say(f"test result: {'FAILED' if failed else 'ok'}. {len(passed)} passed; {len(failed)} failed")


def pytest_configure():
    # Somebody who ends the tests ends what they started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


@pytest.fixture(scope="session")
def emulator():
    emulator = Emulator()
    try:
        yield emulator.start()
    finally:
        emulator.stop()


@pytest.fixture(scope="session")
def deployment(emulator):
    begun = time.monotonic()
    deployment = Deployment(emulator, os.environ["BATON_BINARIES"]).deploy()
    print(f"\ndeployed in {time.monotonic() - begun:.1f} s: {len(deployment.physical)} resources")
    return deployment


@pytest.fixture(scope="session")
def people(emulator, deployment):
    return People(emulator, deployment.outputs)


@pytest.fixture(scope="session")
def administrator(people):
    return people.token("administrator", "system-administrator")


@pytest.fixture(scope="session")
def dynamodb(emulator):
    return emulator.client("dynamodb")


# So many leads susana takes at once.
MOST_LEADS = 3


@pytest.fixture(scope="session", autouse=True)
def organisation(api):
    """One seller, and one rule that gives her what she can take."""
    seller = {"id": "susana", "name": "Susana", "email": "susana@example.com", "roles": ["salesperson"]}
    api("POST", "/v1/sellers", seller, 201)
    api("PUT", "/v1/sellers/susana/capacity", {"maximum": MOST_LEADS})
    rule = {
        "name": "Anybody with room",
        "condition": {"all": []},
        "target": {"kind": "sellers", "pick": "any"},
        "distribution": {"method": "roundRobin", "respectCapacity": True},
    }
    api("POST", "/v1/segments/lead-default/rules", rule, 201)


@pytest.fixture(scope="session")
def api(people, administrator):
    """The API as the administrator calls it; fails where it does not answer as expected."""

    def call(method, path, body=None, status=200):
        answer = people.call(method, path, administrator, body)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.text else None

    return call
