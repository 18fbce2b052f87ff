"""What a schema can't say: null, absent and "" all mean empty (API.md section 1).

A case that differs from a good one by an empty text only is therefore no bad input.
"""

import schemathesis


def holds_empty_text(value):
    if isinstance(value, dict):
        return any(holds_empty_text(member) for member in value.values())
    if isinstance(value, list):
        return any(holds_empty_text(element) for element in value)
    return value == ""


@schemathesis.hook
def filter_body(context, body):
    return not holds_empty_text(body)


@schemathesis.hook
def filter_query(context, query):
    return query is None or not holds_empty_text(query)
