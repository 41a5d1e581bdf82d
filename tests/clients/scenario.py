"""A short life with a client that openapi-python-client has made, against a live server:

    python scenario.py <url> <username> <password>

The client is the package `nexavpn_client`, beside this or on PYTHONPATH.
"""

import sys
from http import HTTPStatus

from nexavpn_client import AuthenticatedClient, Client
from nexavpn_client.api.access import access_decide
from nexavpn_client.api.auth import auth_login, auth_logout, auth_me
from nexavpn_client.api.policies import policies_create
from nexavpn_client.api.users import users_create, users_enrol_device, users_list
from nexavpn_client.models import (
    Error,
    Login,
    Logout,
    NewDevice,
    PolicyCreate,
    PolicyEffect,
    Role,
    UserCreate,
)


def expect(status, answer):
    """The body of an answer, which must have this status."""
    assert answer.status_code == status, (answer.status_code, answer.content)
    return answer.parsed


def main(url, username, password):
    base = f"{url}/api/v1"
    with Client(base_url=base) as stranger:
        login = Login(username=username, password=password)
        session = expect(HTTPStatus.OK, auth_login.sync_detailed(client=stranger, body=login))
    with AuthenticatedClient(base_url=base, token=session.access_token) as client:
        me = expect(HTTPStatus.OK, auth_me.sync_detailed(client=client))
        assert me.role == Role.ADMIN, me

        new = UserCreate(username="python", role=Role.USER)
        user = expect(HTTPStatus.CREATED, users_create.sync_detailed(client=client, body=new))
        page = expect(HTTPStatus.OK, users_list.sync_detailed(client=client, q="pyth"))
        assert [item.id for item in page.items] == [user.id], page

        device = NewDevice(name="laptop", platform="linux", generate_key=True)
        enrolled = users_enrol_device.sync_detailed(id=user.id, client=client, body=device)
        enrolled = expect(HTTPStatus.CREATED, enrolled)
        assert "PrivateKey = " in enrolled.profile.content, enrolled
        assert enrolled.resources == [], enrolled

        policy = PolicyCreate.from_dict(
            {
                "name": "Finance for Python",
                "priority": 100,
                "effect": PolicyEffect.ALLOW.value,
                "destinations": ["172.16.20.0/24"],
                "targets": [{"type": "user", "id": str(user.id)}],
            }
        )
        expect(HTTPStatus.CREATED, policies_create.sync_detailed(client=client, body=policy))
        decided = access_decide.sync_detailed(
            client=client, user=user.id, destination="172.16.20.5", protocol="tcp", port=443
        )
        decided = expect(HTTPStatus.OK, decided)
        assert [item.allowed for item in decided.items] == [True], decided

        again = users_create.sync_detailed(client=client, body=new)
        refused = expect(HTTPStatus.CONFLICT, again)
        assert isinstance(refused, Error) and refused.error.code == "username_taken", refused

        logout = Logout(refresh_token=session.refresh_token)
        answer = auth_logout.sync_detailed(client=client, body=logout)
        expect(HTTPStatus.NO_CONTENT, answer)
        expect(HTTPStatus.UNAUTHORIZED, auth_me.sync_detailed(client=client))


if __name__ == "__main__":
    main(*sys.argv[1:])
    print("done")
