"""What the template must be where neither the linters nor the emulator look."""

import json

from cfnlint import decode

from deployment import TEMPLATE


def template():
    parsed, faults = decode.decode(str(TEMPLATE))
    assert not faults, faults
    return parsed


def functions(value, name):
    """What every function of this name within a value is given."""
    if isinstance(value, list):
        return [found for inner in value for found in functions(inner, name)]
    if not isinstance(value, dict):
        return []
    own = [value[name]] if name in value else []
    return own + [found for inner in value.values() for found in functions(inner, name)]


def test_a_parameter_that_a_version_keeps_stands_with_its_function():
    """SAM sees that a setting has changed, and makes a version, where AWS::LanguageExtensions has filled parameters in.

    That is in Resources and not in Globals (aws/serverless-application-model, issue 3820). Another Architecture is other
    code too, and GradualShift is nothing that a version keeps.
    """
    given = template()
    shared = set(functions(given["Globals"], "Ref")) & set(given["Parameters"])
    assert shared == {"Architecture", "GradualShift"}


def test_nothing_that_is_put_into_the_dashboard_brings_double_quotes():
    """Names are put into the text after it was made JSON, and what comes with them is not escaped any more."""
    dashboard = template()["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::ToJsonString"]
    quoted = [text for text in functions(dashboard, "Fn::Sub") if '"' in json.dumps(text)[1:-1]]
    assert not quoted
