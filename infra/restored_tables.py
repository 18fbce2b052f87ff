"""What CloudFormation needs to take two restored tables into a new stack (docs/operations.md, "Restore").

    .tools/venv/bin/python3 infra/restored_tables.py STACK_NAME FOLDER

Writes FOLDER/tables.json, a template with nothing but the two tables under the names that the stack gives them, and
FOLDER/import.json, the list of what to import. The tables are those of template.yaml, so they can't differ from it. What
a restored table lacks (stream, expiry, backups, protection) is left out here: the deployment that follows adds it.
"""

import json
import pathlib
import sys

from cfnlint import decode

KEPT = ["BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "SSESpecification"]


def main(stack, folder):
    template, faults = decode.decode(str(pathlib.Path(__file__).with_name("template.yaml")))
    if faults:
        sys.exit(f"infra/template.yaml can't be read: {faults}")
    resources, imports = {}, []
    for name, resource in template["Resources"].items():
        if not isinstance(resource, dict) or resource["Type"] != "AWS::DynamoDB::Table":
            continue
        given = resource["Properties"]
        table = given["TableName"]["Fn::Sub"].replace("${AWS::StackName}", stack)
        resources[name] = {
            "Type": resource["Type"],
            "DeletionPolicy": "Retain",
            "UpdateReplacePolicy": "Retain",
            "Properties": {"TableName": table, **{key: given[key] for key in KEPT if key in given}},
        }
        imports.append(
            {
                "ResourceType": resource["Type"],
                "LogicalResourceId": name,
                "ResourceIdentifier": {"TableName": table},
            }
        )
    tables = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tables.json").write_text(json.dumps(tables, indent=2) + "\n")
    (folder / "import.json").write_text(json.dumps(imports, indent=2) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], pathlib.Path(sys.argv[2]))
