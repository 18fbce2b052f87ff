"""Waiting for what others do."""

import time


def until(what, seconds, look):
    """What `look` returns, once that is something."""
    ends = time.monotonic() + seconds
    while True:
        seen = look()
        if seen:
            return seen
        assert time.monotonic() < ends, f"{what}: not within {seconds} s"
        time.sleep(0.2)
