"""What became of leads."""


def owner(dynamodb, lead):
    item = dynamodb.get_item(TableName="baton-records", Key={"pk": {"S": f"lead#{lead}"}})["Item"]
    return item.get("owner", {}).get("M", {}).get("id", {}).get("S")


def owned(api):
    """The leads that susana has now."""
    return [lead["id"] for lead in api("GET", "/v1/records/lead?owner=seller:susana&state=active")["items"]]


def attention(api, reason):
    """The leads that need attention for this reason, those that wait longest first."""
    items = api("GET", f"/v1/monitor/lead/processed?status=needsAttention&reason={reason}")["items"]
    return [item["id"] for item in reversed(items)]
