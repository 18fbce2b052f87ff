"""What a schema can't say of requests (API.md section 1)."""

import itertools
import re

import schemathesis

counted = itertools.count()


def holds_empty_text(value):
    if isinstance(value, dict):
        return any(holds_empty_text(member) for member in value.values())
    if isinstance(value, list):
        return any(holds_empty_text(element) for element in value)
    return value == ""


@schemathesis.hook
def filter_body(context, body):
    """Null, absent and "" all mean empty: a body that is wrong by an empty text only is not wrong."""
    return not holds_empty_text(body)


@schemathesis.hook
def filter_query(context, query):
    """As of bodies."""
    return query is None or not holds_empty_text(query)


@schemathesis.hook
def before_call(context, case, kwargs):
    """A key that was used before gets the first answer, however wrong the rest of the request is."""
    key = case.headers.get("Idempotency-Key") if case.headers else None
    if isinstance(key, str) and re.fullmatch("[!-~]([ -~]{0,126}[!-~])?", key):
        case.headers["Idempotency-Key"] = f"generated-{next(counted)}"
