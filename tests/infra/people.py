"""People with tokens of the stack's own user pool, and the API as they call it."""

import secrets

import requests


class People:
    def __init__(self, emulator, outputs):
        self.emulator = emulator
        self.cognito = emulator.client("cognito-idp")
        self.pool, self.client = outputs["UserPoolId"], outputs["UserPoolClientId"]
        self.host = outputs["ApiUrl"].split("//")[1]

    def token(self, name, *groups, pool=None, client=None):
        """The identity token of a new user in these groups."""
        pool, client = pool or self.pool, client or self.client
        user, password = f"{name}@example.com", f"Aa1-{secrets.token_urlsafe(24)}"
        self.cognito.admin_create_user(
            UserPoolId=pool,
            Username=user,
            UserAttributes=[{"Name": "email", "Value": user}, {"Name": "email_verified", "Value": "true"}],
            TemporaryPassword=password,
            MessageAction="SUPPRESS",
        )
        self.cognito.admin_set_user_password(UserPoolId=pool, Username=user, Password=password, Permanent=True)
        for group in groups:
            self.cognito.admin_add_user_to_group(UserPoolId=pool, Username=user, GroupName=group)
        answer = self.cognito.admin_initiate_auth(
            UserPoolId=pool,
            ClientId=client,
            AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": user, "PASSWORD": password},
        )
        return answer["AuthenticationResult"]["IdToken"]

    def call(self, method, path, token=None, body=None):
        headers = {"Host": self.host}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        return requests.request(method, self.emulator.endpoint + path, headers=headers, json=body, timeout=60)
