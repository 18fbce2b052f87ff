"""Each policy holds what its function was seen to use, and nothing else.

The journeys run with a proxy before DynamoDB that notes each right which a function uses (BATON_RIGHTS names its file).
"""

import os
import pathlib
import re

import pytest

# Rights that Lambda uses for the function, not its code.
OF_LAMBDA = ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams", "sqs:")


@pytest.fixture(scope="module")
def used():
    path = os.environ.get("BATON_RIGHTS")
    if not path:
        pytest.skip("the journeys did not run before, so nobody has seen what functions use (make test-policies)")
    return {tuple(line.split()) for line in pathlib.Path(path).read_text().splitlines()}


def allowed(deployment):
    """Every right of every function, as (function, action, resource)."""
    rights = set()
    for name, resource in deployment.processed["Resources"].items():
        if resource["Type"] != "AWS::IAM::Policy":
            continue
        function = re.sub(r"(?<!^)(?=[A-Z])", "-", name.removesuffix("Policy")).lower()
        for statement in resource["Properties"]["PolicyDocument"]["Statement"]:
            resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
            for action in statement["Action"]:
                if not action.startswith(OF_LAMBDA):
                    rights |= {(function, action, table(resource)) for resource in resources}
    return rights


def table(resource):
    """`table/baton-records/index/owned`, out of what CloudFormation makes an ARN of."""
    if "Fn::GetAtt" in resource:
        found = resource["Fn::GetAtt"]
        logical, rest = (found if isinstance(found, list) else found.split("."))[0], ""
    else:
        logical, rest = re.fullmatch(r"\$\{(\w+)\.Arn\}(.*)", resource["Fn::Sub"]).groups()
    return f"table/baton-{logical.removesuffix('Table').lower()}{rest}"


def test_no_function_lacks_a_right_that_it_uses(deployment, used):
    functions = {function for function, _, _ in allowed(deployment)}
    lacking = {right for right in used if right[0] in functions} - allowed(deployment)
    assert not lacking, sorted(lacking)


def test_no_policy_holds_a_right_that_nobody_uses(deployment, used):
    unused = allowed(deployment) - used
    assert not unused, sorted(unused)
