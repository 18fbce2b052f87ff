#!PYTHON -u
"""A stand-in for a function: over HTTP it answers with its name, the claims, the clock and its endpoint; of a stream it
decides every record; scheduled it prints the clock."""
import json
import os
import urllib.request

base = os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]


def offset():
    clock = os.environ["BATON_CLOCK_FILE"]
    return open(clock).read() if os.path.exists(clock) else ""


while True:
    invocation = urllib.request.urlopen(base + "next")
    event = json.load(invocation)
    answer = {}
    if "requestContext" in event:
        body = {
            "function": name,
            "claims": event["requestContext"].get("authorizer", {}).get("jwt", {}).get("claims"),
            "offset": offset(),
            "endpoint": os.environ["AWS_ENDPOINT_URL_DYNAMODB"],
        }
        answer = {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}
    elif "Records" in event:
        for record in event["Records"]:
            type, id = record["dynamodb"]["Keys"]["pk"]["S"].split("#")
            print(json.dumps({"level": "INFO", "fields": {
                "message": "decision", "record.type": type, "record.id": id, "trigger": "created",
                "segmentation.status": "succeeded", "assignment.status": "failed", "assignment.reason": "noCapacity"}}))
        answer = {"batchItemFailures": []}
    elif name == "waiting":
        print(json.dumps({"sweep": event["sweep"], "offset": offset()}))
    path = base + invocation.headers["Lambda-Runtime-Aws-Request-Id"] + "/response"
    urllib.request.urlopen(path, data=json.dumps(answer).encode())
