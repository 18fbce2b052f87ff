"""Every route answers, to those who have a token."""

import base64
import json

import pytest

NEED_NO_TOKEN = {"ANY /v1/health", "ANY /v1/openapi.json"}


@pytest.fixture(scope="module")
def paths(deployment):
    """A path of each route, and whether it needs a token."""
    return {
        route.split()[1].replace("{id}", "lead-default").replace("{proxy+}", "nothing/of/that/name"): needs_token
        for route, needs_token in deployment.routes.items()
    }


def test_every_route_leads_to_the_function_that_asks_for_it(deployment):
    wanted = {}
    for name, resource in deployment.template["Resources"].items():
        events = resource.get("Properties", {}).get("Events", {}) if isinstance(resource, dict) else {}
        for event in events.values():
            if event["Type"] == "HttpApi" and "Condition" not in resource:
                asked = event["Properties"]
                wanted[f'{asked["Method"]} {asked["Path"]}'] = deployment.physical[name]
    led = {route: function.split(":")[-2] for route, function in deployment.functions.items()}
    assert led == wanted


def test_every_route_answers(deployment, people, administrator, paths):
    assert len(paths) == len(deployment.routes) >= 20
    for path in paths:
        answer = people.call("GET", path, administrator)
        # What the gateway itself refuses is no problem document.
        body = answer.json()
        assert answer.status_code == 200 or body["type"] == "/problems/not-found", f"{path}: {answer.text}"
        if path.endswith("that/name"):
            assert answer.status_code == 404


def test_only_health_and_the_document_need_no_token(deployment, people, paths):
    assert {route for route, needs_token in deployment.routes.items() if not needs_token} == NEED_NO_TOKEN
    for path, needs_token in paths.items():
        assert people.call("GET", path).status_code == (401 if needs_token else 200), path


def test_sec_01_a_token_that_is_not_the_issuers_is_refused_everywhere(emulator, people, administrator, paths):
    header, claims, signature = administrator.split(".")
    decoded = json.loads(base64.urlsafe_b64decode(claims + "=="))
    promoted = encoded(decoded | {"cognito:groups": ["system-administrator", "sales-manager"]})
    refused = {
        "garbage": "garbage",
        "another signature": f"{header}.{claims}.{signature[:-6]}AAAAAA",
        "other claims": f"{header}.{promoted}.{signature}",
        "no signature": f'{encoded({"alg": "none", "typ": "JWT"})}.{claims}.',
        "another pool": of_another_pool(people),
    }
    for what, token in refused.items():
        for path, needs_token in paths.items():
            if needs_token:
                answer = people.call("GET", path, token)
                assert answer.status_code == 401, f"{what} at {path}: {answer.status_code} {answer.text}"


def test_somebody_without_a_role_may_nothing(people):
    token = people.token("nobody")
    assert people.call("GET", "/v1/segments", token).status_code == 403


def test_a_group_is_a_role(people):
    token = people.token("seller", "salesperson")
    assert people.call("GET", "/v1/records/lead", token).status_code == 200
    assert people.call("POST", "/v1/segments", token, {"name": "mine", "recordType": "lead"}).status_code == 403


def encoded(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def of_another_pool(people):
    pool = people.cognito.create_user_pool(PoolName="another")["UserPool"]["Id"]
    people.cognito.create_group(UserPoolId=pool, GroupName="system-administrator")
    client = people.cognito.create_user_pool_client(
        UserPoolId=pool, ClientName="another", ExplicitAuthFlows=["ALLOW_ADMIN_USER_PASSWORD_AUTH"]
    )["UserPoolClient"]["ClientId"]
    return people.token("intruder", "system-administrator", pool=pool, client=client)
