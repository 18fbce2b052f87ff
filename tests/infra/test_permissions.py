"""Each function runs in a role of its own, which may do what docs/permissions.md says and nothing else.

The roles' own credentials are tried: one call that the function makes, and calls that it has no business to make.
"""

import json

import pytest
from botocore.exceptions import ClientError

from conftest import PERMISSIONS
from records import attention, owner
from waiting import until

RECORD = {"TableName": "baton-records", "Key": {"pk": {"S": "lead#of-a-test"}}}
CONFIGURED = {"TableName": "baton-work", "Key": {"pk": {"S": "of-a-test"}, "sk": {"S": "-"}}}
NEW_RECORD = {"TableName": "baton-records", "Item": {"pk": {"S": "lead#of-a-test"}}}
NEW_CONFIGURED = {"TableName": "baton-work", "Item": {"pk": {"S": "of-a-test"}, "sk": {"S": "-"}}}


def query(index, attribute):
    return {
        "TableName": "baton-records",
        "IndexName": index,
        "KeyConditionExpression": f"{attribute} = :it",
        "ExpressionAttributeValues": {":it": {"S": "nothing"}},
    }


def call(operation, **arguments):
    return operation, arguments


READ_RECORD = call("get_item", **RECORD)
READ_RECORDS = call("batch_get_item", RequestItems={"baton-records": {"Keys": [RECORD["Key"]]}})
WRITE_RECORD = call("put_item", **NEW_RECORD)
DELETE_RECORD = call("delete_item", **RECORD)
SCAN_RECORDS = call("scan", TableName="baton-records")
READ = call("get_item", **CONFIGURED)
WRITE = call("put_item", **NEW_CONFIGURED)
DELETE = call("delete_item", **CONFIGURED)
SCAN = call("scan", TableName="baton-work")
DROP = call("delete_table", TableName="baton-work")
WAITING = call("query", **query("waiting", "waiting"))
PENDING = call("query", **query("pending", "pending"))
OWNED = call("query", **query("owned", "ownedBy"))
UNITS = call("query", **query("units", "#unit") | {"ExpressionAttributeNames": {"#unit": "unit"}})

# Per function: what it does, and what it must not be able to do.
MAY_AND_MAY_NOT = {
    "Segments": ([READ_RECORDS, WRITE, DELETE], [READ_RECORD, WRITE_RECORD, SCAN, OWNED, DROP]),
    "AssignmentRules": ([READ, WRITE, DELETE], [READ_RECORD, READ_RECORDS, WRITE_RECORD, PENDING, SCAN]),
    "Sellers": ([READ_RECORDS, OWNED, WRITE, DELETE], [READ_RECORD, WRITE_RECORD, PENDING, SCAN]),
    "Organization": ([READ, WRITE, DELETE], [READ_RECORD, READ_RECORDS, WRITE_RECORD, OWNED, SCAN]),
    "Records": ([READ_RECORD, WRITE_RECORD, DELETE_RECORD, UNITS, WRITE], [DELETE, WAITING, SCAN_RECORDS, SCAN]),
    "Monitor": ([READ_RECORD, PENDING, WRITE], [WRITE_RECORD, DELETE_RECORD, UNITS, DELETE, SCAN_RECORDS]),
    "Assignment": ([READ_RECORD, OWNED, WRITE], [WRITE_RECORD, DELETE_RECORD, PENDING, DELETE, SCAN]),
    "Waiting": ([READ_RECORD, WAITING, PENDING, DELETE], [WRITE_RECORD, DELETE_RECORD, SCAN_RECORDS, SCAN]),
    "CapacityReset": ([READ_RECORDS, OWNED, WRITE], [READ_RECORD, WRITE_RECORD, PENDING, SCAN]),
    "CheckInvariants": ([SCAN_RECORDS, SCAN, READ], [READ_RECORD, WRITE_RECORD, WRITE, DELETE, PENDING]),
}


@pytest.fixture(scope="module")
def of_role(emulator, deployment):
    """A client of DynamoDB with the credentials of a function's role."""

    def client(function):
        role = emulator.client("iam").get_role(RoleName=deployment.physical[f"{function}Role"])["Role"]["Arn"]
        given = emulator.client("sts").assume_role(RoleArn=role, RoleSessionName="of-a-test")["Credentials"]
        keys = (given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        return emulator.client("dynamodb", keys)

    return client


def refusal(client, operation, arguments):
    """What it is refused for; none when it is allowed."""
    try:
        getattr(client, operation)(**arguments)
        return None
    except ClientError as error:
        assert error.response["Error"]["Code"].startswith("AccessDenied"), error
        return error.response["Error"]["Message"]


def named(operation, arguments):
    index = arguments.get("IndexName")
    table = arguments.get("TableName") or next(iter(arguments["RequestItems"]))
    return f"{operation} {table.removeprefix('baton-')}" + (f"/{index}" if index else "")


def test_every_function_has_its_row(deployment):
    functions = {n.removesuffix("Role") for n in deployment.physical if n.endswith("Role")}
    # The schedules have roles of their own, which may call one function each.
    assert set(MAY_AND_MAY_NOT) <= functions
    for name in functions - set(MAY_AND_MAY_NOT):
        assert deployment.processed["Resources"][f"{name}Role"]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0][
            "Principal"
        ] == {"Service": ["scheduler.amazonaws.com"]}, name


@pytest.mark.parametrize("function", MAY_AND_MAY_NOT)
def test_a_function_may_what_it_does_and_nothing_else(of_role, function):
    client = of_role(function)
    may, may_not = MAY_AND_MAY_NOT[function]
    for operation, arguments in may:
        assert refusal(client, operation, arguments) is None, f"{function}: {named(operation, arguments)}"
    refused = []
    for operation, arguments in may_not:
        why = refusal(client, operation, arguments)
        assert why is not None, f"{function} may {named(operation, arguments)}"
        refused.append(named(operation, arguments))
    PERMISSIONS.append((function, ", ".join(named(*one) for one in may), ", ".join(refused)))


@pytest.mark.parametrize("function", MAY_AND_MAY_NOT)
def test_a_function_may_nothing_at_other_services(emulator, of_role, function):
    keys = of_role(function)._request_signer._credentials
    credentials = (keys.access_key, keys.secret_key, keys.token)
    tried = {
        "s3": lambda client: client.list_buckets(),
        "iam": lambda client: client.list_roles(),
        "secretsmanager": lambda client: client.list_secrets(),
    }
    for service, attempt in tried.items():
        with pytest.raises(ClientError, match="AccessDenied"):
            attempt(emulator.client(service, credentials))


def test_mon_33_a_right_that_is_taken_away_is_named_and_nothing_is_lost(emulator, deployment, api, dynamodb):
    """Without the right to read what is configured a lead ends in needs-attention, and a retry assigns it."""
    iam, role = emulator.client("iam"), deployment.physical["AssignmentRole"]
    policy = iam.get_role_policy(RoleName=role, PolicyName="work")["PolicyDocument"]

    def without_query(statement):
        of_work = "baton-work" in str(statement["Resource"])
        return statement | {"Action": [a for a in statement["Action"] if not (of_work and a == "dynamodb:Query")]}

    less = policy | {"Statement": [without_query(statement) for statement in policy["Statement"]]}
    assert less != policy
    iam.put_role_policy(RoleName=role, PolicyName="work", PolicyDocument=json.dumps(less))
    try:
        # What is configured has changed and has to be read again.
        api("PUT", "/v1/sellers/susana/capacity", {"maximum": 50, "override": True})
        api("POST", "/v1/records/lead", {"id": "D-1", "fields": {"topic": "A unicycle"}}, 201)
        until("D-1 needs attention", 30, lambda: "D-1" in attention(api, "servicePermission"))
        details = api("GET", "/v1/records/lead/D-1/runs")["items"][0]["errorDetails"]
        # On AWS it names the table as well.
        assert "dynamodb:Query" in details, details
    finally:
        iam.put_role_policy(RoleName=role, PolicyName="work", PolicyDocument=json.dumps(policy))
    api("POST", "/v1/monitor/lead/retry", {"reason": "servicePermission"}, 202)
    until("D-1 has an owner", 30, lambda: owner(dynamodb, "D-1") == "susana")
