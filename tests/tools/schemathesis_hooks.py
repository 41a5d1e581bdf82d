"""Signs schemathesis in, gives it ids of what there is, and notes what it was answered.

Random ids lead nowhere, so most ids that it makes up are replaced by live ones of the kind that
their place asks for. As admin it would sooner or later disable, delete or demote the account that
it is signed in with, and then see nothing but 401: no id of that account is sent in a write.
"""

import atexit
import collections
import json
import os
import random
import uuid

import requests
import schemathesis

BASE = os.environ["NEXAVPN_API"]
USERNAME = os.environ.get("NEXAVPN_USERNAME")
PASSWORD = os.environ.get("NEXAVPN_PASSWORD")
TALLY = os.environ["NEXAVPN_TALLY"]
# The headers that nearly every operation takes are tried at their bounds with these only.
SHARED_HEADERS_WITH = {("/admin/users", "get"), ("/admin/groups/{id}", "patch")}

# Ids by kind: users, devices, groups, policies, gateways.
live = collections.defaultdict(list, json.loads(os.environ["NEXAVPN_LIVE"]))
session = {"token": None, "user": None}
chance = random.Random(1)
tally = collections.defaultdict(collections.Counter)


@atexit.register
def write_tally():
    with open(TALLY, "w", encoding="utf-8") as file:
        json.dump(tally, file)


def sign_in():
    """Signs in; after a sign-out by one of its own requests, again."""
    answer = requests.post(
        f"{BASE}/auth/login", json={"username": USERNAME, "password": PASSWORD}, timeout=30
    )
    answer.raise_for_status()
    body = answer.json()
    session.update(token=body["access_token"], user=body["user"]["id"])


def is_id(value):
    try:
        return isinstance(value, str) and str(uuid.UUID(value)) == value.lower()
    except ValueError:
        return False


def kind_of(path, name):
    """What an id of this name in a request to this path stands for."""
    if name in ("user_id", "actor_id", "members", "user", "member"):
        return "users"
    for kind in ("device", "group", "gateway"):
        if name in (f"{kind}_id", kind, f"{kind}s"):
            return f"{kind}s"
    parts = [part for part in path.split("/") if part not in ("", "admin", "preview", "me")]
    return parts[0] if name in ("id", "ids") and parts else None


def pick(kind, destroys):
    """A live id of this kind, mostly. The newest goes first; two are never destroyed."""
    ids = [one for one in live[kind] if one != session["user"]]
    if len(ids) > (2 if destroys else 0) and chance.random() < 0.8:
        return ids[-1] if destroys else chance.choice(ids)
    return None


def with_live(value, path, name, destroys):
    """The value with live ids in it."""
    if isinstance(value, list):
        return [with_live(item, path, name, destroys) for item in value]
    if isinstance(value, dict):
        # The target of a policy names its own kind.
        kind = value.get("type") if set(value) == {"type", "id"} else None
        if kind in ("user", "group", "device"):
            return {**value, "id": with_live(value["id"], path, f"{kind}_id", destroys)}
        return {key: with_live(item, path, key, destroys) for key, item in value.items()}
    if is_id(value):
        return pick(kind_of(path, name), destroys) or value
    return value


def spared(value):
    """The value with other ids in the place of the account's own."""
    if isinstance(value, str):
        return str(uuid.uuid4()) if value == session["user"] else value
    if isinstance(value, list):
        return [spared(item) for item in value]
    if isinstance(value, dict):
        return {key: spared(item) for key, item in value.items()}
    return value


@schemathesis.hook
def before_load_schema(context, raw_schema):
    if os.environ.get("NEXAVPN_SHARED_HEADERS") == "few":
        for path, operations in raw_schema["paths"].items():
            for method, operation in operations.items():
                if (path, method) not in SHARED_HEADERS_WITH:
                    parameters = operation.get("parameters", [])
                    operation["parameters"] = [p for p in parameters if "$ref" not in p]


@schemathesis.hook
def before_call(context, case, kwargs):
    if USERNAME and session["token"] is None:
        sign_in()
    path = case.operation.path
    destroys = case.method == "DELETE" or path.endswith(("/erase", "/revoke", "/bulk"))
    if case.path_parameters:
        case.path_parameters = with_live(dict(case.path_parameters), path, None, destroys)
    if case.query:
        case.query = with_live(dict(case.query), path, None, destroys)
    if isinstance(case.body, (dict, list)):
        case.body = with_live(case.body, path, None, destroys)
    if not USERNAME:
        return
    if case.method != "GET":
        case.path_parameters = spared(case.path_parameters)
        case.body = spared(case.body)
    case.headers["Authorization"] = f"Bearer {session['token']}"


@schemathesis.hook
def after_call(context, case, response):
    path = case.operation.path
    tally[f"{case.method} {path}"][response.status_code] += 1
    if response.status_code == 401 and USERNAME:
        session["token"] = None
    kind = kind_of(path, "id")
    ends = path.endswith(("/{id}/erase", "/{id}/revoke")) or (
        case.method == "DELETE" and path.endswith("/{id}")
    )
    if ends and "/preview/" not in path and response.status_code in (200, 204):
        gone = (case.path_parameters or {}).get("id")
        live[kind] = [one for one in live[kind] if one != gone]
    if response.status_code == 201:
        body = response.json()
        made = body.get("device", body).get("id")
        if made:
            live["devices" if "device" in body else kind].append(made)
