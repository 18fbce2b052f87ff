"""infra/template.yaml, deployed into the emulator as `make deploy` deploys it into an account.

What differs is here and nowhere else: binaries built for this machine, the parameters of a stage that can be thrown away,
and what the emulator can't do:

- it ignores the routes that SAM writes into the API's body, so they are made from the processed template afterwards;
- it takes `{"revision": {"N": [{"exists": false}]}}` not to match where the whole attribute is absent, which on AWS is the
  very case: filters see events as flat lists of their leaves. It is told the same in words that it understands;
- it knows no metric queries in alarms, so the alarms that have one are left out;
- gradual deployments need CodeDeploy.
"""

import io
import json
import pathlib
import re
import time
import zipfile

from cfnlint import decode

from emulator import REGION

TEMPLATE = pathlib.Path(__file__).resolve().parents[2] / "infra" / "template.yaml"
STACK = "baton"
BUCKET = "baton-code"
PARAMETERS = {"Architecture": "x86_64", "Protected": "false", "GradualShift": "false", "LogRetentionDays": "1"}
# What the conditions of the template come to with these parameters.
CONDITIONS = {"OwnUsers": True, "Cors": False, "Protected": False, "Mail": False}
NO_VALUE = object()
DEPLOY_SECONDS = 300


class Deployment:
    def __init__(self, emulator, binaries):
        self.emulator = emulator
        self.binaries = pathlib.Path(binaries)
        self.outputs = {}

    def deploy(self):
        template = self.template = self.packaged()
        cloudformation = self.emulator.client("cloudformation")
        self.emulator.client("s3").put_object(Bucket=BUCKET, Key="template.json", Body=json.dumps(template).encode())
        cloudformation.create_change_set(
            StackName=STACK,
            ChangeSetName="first",
            ChangeSetType="CREATE",
            TemplateURL=f"{self.emulator.endpoint}/{BUCKET}/template.json",
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in PARAMETERS.items()],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
        self.wait(lambda: cloudformation.describe_change_set(StackName=STACK, ChangeSetName="first")["Status"], "CREATE_COMPLETE")
        cloudformation.execute_change_set(StackName=STACK, ChangeSetName="first")
        self.wait(lambda: cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"], "CREATE_COMPLETE")
        outputs = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["Outputs"]
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in outputs}
        pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=STACK)
        resources = [resource for page in pages for resource in page["StackResourceSummaries"]]
        self.physical = {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in resources}
        body = cloudformation.get_template(StackName=STACK, TemplateStage="Processed")["TemplateBody"]
        self.processed = body if isinstance(body, dict) else json.loads(body)
        self.make_routes()
        self.translate_filters()
        return self

    def translate_filters(self):
        client = self.emulator.client("lambda")
        ours, theirs = '"revision":{"N":[{"exists":false}]}', '"revision":[{"exists":false}]'
        translated = 0
        for mapping in client.list_event_source_mappings()["EventSourceMappings"]:
            filters = [{"Pattern": f["Pattern"].replace(ours, theirs)} for f in mapping["FilterCriteria"]["Filters"]]
            if filters != mapping["FilterCriteria"]["Filters"]:
                client.update_event_source_mapping(UUID=mapping["UUID"], FilterCriteria={"Filters": filters})
                translated += 1
        assert translated == 1, "the filter that looks for other programs' items has changed"

    def make_routes(self):
        """The routes that AWS makes from the API's body."""
        gateway, api = self.emulator.client("apigatewayv2"), self.physical["Api"]
        body = self.resolved(self.processed["Resources"]["Api"]["Properties"]["Body"])
        scheme = body["components"]["securitySchemes"]["Token"]["x-amazon-apigateway-authorizer"]
        authorizer = gateway.create_authorizer(
            ApiId=api,
            Name="Token",
            AuthorizerType="JWT",
            IdentitySource=[scheme["identitySource"]],
            JwtConfiguration={
                "Issuer": scheme["jwtConfiguration"]["issuer"],
                "Audience": scheme["jwtConfiguration"]["audience"],
            },
        )["AuthorizerId"]
        self.routes, self.functions = {}, {}
        for path, methods in body["paths"].items():
            for method, operation in methods.items():
                integration = operation["x-amazon-apigateway-integration"]
                function = integration["uri"].split("/functions/")[1].removesuffix("/invocations")
                target = gateway.create_integration(
                    ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=function, PayloadFormatVersion="2.0"
                )["IntegrationId"]
                needs_token = any("Token" in needed for needed in operation.get("security", []))
                authorization = {"AuthorizationType": "JWT", "AuthorizerId": authorizer} if needs_token else {}
                verb = "ANY" if method == "x-amazon-apigateway-any-method" else method.upper()
                gateway.create_route(
                    ApiId=api, RouteKey=f"{verb} {path}", Target=f"integrations/{target}", **authorization
                )
                self.routes[f"{verb} {path}"] = needs_token
                self.functions[f"{verb} {path}"] = function

    def resolved(self, value):
        """What CloudFormation puts in the place of its functions; what is no value is left out."""
        if isinstance(value, list):
            return [given for given in map(self.resolved, value) if given is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if set(value) == {"Ref"}:
            return NO_VALUE if value["Ref"] == "AWS::NoValue" else self.named(value["Ref"])
        if set(value) == {"Fn::If"}:
            condition, then, otherwise = value["Fn::If"]
            return self.resolved(then if CONDITIONS[condition] else otherwise)
        if set(value) == {"Fn::Sub"}:
            return re.sub(r"\$\{([^}]+)\}", lambda found: self.named(found[1]), value["Fn::Sub"])
        given = {key: self.resolved(inner) for key, inner in value.items()}
        return {key: inner for key, inner in given.items() if inner is not NO_VALUE}

    def named(self, name):
        pseudo = {
            "AWS::Partition": "aws",
            "AWS::Region": REGION,
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::StackName": STACK,
        }
        return pseudo.get(name) or self.physical[name]

    def wait(self, status, wanted):
        ends = time.monotonic() + DEPLOY_SECONDS
        while (now := status()) != wanted:
            if "FAILED" in now or "ROLLBACK" in now or time.monotonic() > ends:
                events = self.emulator.client("cloudformation").describe_stack_events(StackName=STACK)["StackEvents"]
                failed = [f'{e["LogicalResourceId"]}: {e.get("ResourceStatusReason")}' for e in events if "FAILED" in e["ResourceStatus"]]
                raise RuntimeError(f"the stack is {now}, not {wanted}: {failed}")
            time.sleep(0.2)

    def packaged(self):
        """The template with its code in a bucket, as `sam package` makes it."""
        template, faults = decode.decode(str(TEMPLATE))
        assert not faults, faults
        s3 = self.emulator.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        for resource in template["Resources"].values():
            if resource_type(resource) == "AWS::Serverless::Function" and "CodeUri" in resource["Properties"]:
                name = pathlib.PurePath(resource["Properties"]["CodeUri"]).name
                s3.put_object(Bucket=BUCKET, Key=f"{name}.zip", Body=zipped(self.binaries / name))
                resource["Properties"]["CodeUri"] = {"Bucket": BUCKET, "Key": f"{name}.zip"}
        del template["Resources"]["Fn::ForEach::Tables"]
        template["Parameters"]["GradualShift"]["Default"] = "false"
        return template


def resource_type(resource):
    return resource.get("Type") if isinstance(resource, dict) else None


def zipped(binary):
    """A package as Lambda wants it, stored and not deflated: it goes no further than this machine."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w", zipfile.ZIP_STORED) as archive:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = 0o755 << 16
        archive.writestr(entry, binary.read_bytes())
    return package.getvalue()
