"""What the streams and the schedules set going."""

import json

from conftest import MOST_LEADS
from records import attention, owned, owner
from waiting import until

SECONDS = 30


def put(dynamodb, lead):
    """As another program does that knows nothing of Baton but the table."""
    fields = {"topic": {"S": "Ten bicycles"}}
    item = {"pk": {"S": f"lead#{lead}"}, "type": {"S": "lead"}, "fields": {"M": fields}}
    dynamodb.put_item(TableName="baton-records", Item=item)


def logged(emulator, deployment):
    """Every line that functions have logged."""
    pages = emulator.client("logs").get_paginator("filter_log_events")
    pages = pages.paginate(logGroupName=deployment.outputs["LogGroupName"])
    return [event["message"] for page in pages for event in page["events"]]


def reported(emulator, deployment, metric):
    """The values of a metric, each with its dimensions, as functions have reported them."""
    values = []
    for line in logged(emulator, deployment):
        if '"_aws"' in line:
            document = json.loads(line[line.index("{") :])
            (directive,) = document["_aws"]["CloudWatchMetrics"]
            assert directive["Namespace"] == "Baton"
            assert document["Stack"] == "baton"
            if metric in [m["Name"] for m in directive["Metrics"]]:
                value = document[metric]
                values += value if isinstance(value, list) else [value]
    return values


def test_a_lead_put_into_the_table_is_assigned_and_own_writes_are_kept_out(emulator, deployment, dynamodb):
    before = len(reported(emulator, deployment, "BatchLatency"))
    put(dynamodb, "L-1")
    until("L-1 has an owner", SECONDS, lambda: owner(dynamodb, "L-1") == "susana")
    # The commit writes the record as well. The stream is in order: if the filter let that in, there would be a batch for it
    # before the one of the next lead.
    put(dynamodb, "L-2")
    until("L-2 has an owner", SECONDS, lambda: owner(dynamodb, "L-2") == "susana")
    batches = until("it is told", SECONDS, lambda: reported(emulator, deployment, "BatchLatency")[before + 1 :])
    assert len(batches) == 1, "Baton's own writes come through the filter"
    assert sum(reported(emulator, deployment, "Assigned")) >= 1
    assert any("decision" in line and "L-1" in line for line in logged(emulator, deployment))


def test_a_lead_of_the_api_is_assigned_and_explained(api, dynamodb):
    api("POST", "/v1/records/lead", {"id": "L-3", "fields": {"topic": "A tandem"}}, 201)
    until("L-3 has an owner", SECONDS, lambda: owner(dynamodb, "L-3") == "susana")
    (run,) = api("GET", "/v1/records/lead/L-3/runs")["items"]
    assert run["assignment"]["owner"] == {"kind": "seller", "id": "susana"}


def test_a_freed_seller_gets_the_next_one(api, dynamodb):
    for lead in ("F-1", "F-2", "F-3", "F-4"):
        api("POST", "/v1/records/lead", {"id": lead, "fields": {"topic": "A repair"}}, 201)
    until("as many as he takes", SECONDS, lambda: len(owned(api)) == MOST_LEADS)
    waiting = until("others wait", SECONDS, lambda: attention(api, "noCapacity"))
    closed = owned(api)[0]
    api("POST", f"/v1/records/lead/{closed}/close", {"outcome": "qualified"})
    until("the one that waited longest is his", SECONDS, lambda: owner(dynamodb, waiting[0]) == "susana")
    assert len(owned(api)) == MOST_LEADS


def test_the_schedules_fire(emulator, deployment):
    """Each minute: the sweep tells how long the oldest record waits, the recount has finished a round."""
    until("a sweep", 90, lambda: reported(emulator, deployment, "OldestPending"))
    until("a recount", 90, lambda: any("recount" in line and "finished" in line for line in logged(emulator, deployment)))


def test_the_check_of_invariants_finds_nothing(emulator, deployment):
    function = deployment.outputs["CheckInvariantsFunctionName"]
    answer = emulator.client("lambda").invoke(FunctionName=function, Qualifier="live", Payload=b"{}")
    told = json.loads(answer["Payload"].read())
    assert told.get("done") and told.get("clean"), told
