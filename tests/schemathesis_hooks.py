"""What a schema can't say of requests (API.md section 1)."""

import itertools
import re

import schemathesis

counted = itertools.count()


def without_empty_text(value):
    """Null, absent and "" all mean empty; of the three, null is what schemas speak of."""
    if isinstance(value, dict):
        return {name: without_empty_text(member) for name, member in value.items()}
    if isinstance(value, list):
        return [without_empty_text(element) for element in value]
    return None if value == "" else value


@schemathesis.hook
def filter_query(context, query):
    """An empty parameter counts as absent, so it makes no request wrong."""
    return query is None or "" not in query.values()


@schemathesis.hook
def before_call(context, case, kwargs):
    body = without_empty_text(case.body)
    if body != case.body:
        case.body = body
    # A key that was used before gets the first answer, however wrong the rest of the request is.
    key = case.headers.get("Idempotency-Key") if case.headers else None
    if isinstance(key, str) and re.fullmatch("[!-~]([ -~]{0,126}[!-~])?", key):
        case.headers["Idempotency-Key"] = f"generated-{next(counted)}"
