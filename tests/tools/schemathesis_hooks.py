"""Signs schemathesis in, gives it ids of what there is, and notes what it was answered.

Random ids lead nowhere, so most ids that it makes up are replaced by live ones of the kind that
their place asks for. The first request to each operation is one that should succeed: the example of
the document, about something that is there and under a name of its own, or what the test says
where it takes a secret or a moment. As admin it would sooner or later disable, delete or demote
the account that it is signed in with, and then see nothing but 401: no id of that account is sent
in a write.
"""

import atexit
import base64
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
# What a first request holds that no example can, by operation.
FIRST = json.loads(os.environ["NEXAVPN_FIRST"])
# The headers that nearly every operation takes are tried at their bounds with these only.
SHARED_HEADERS_WITH = {("/admin/users", "get"), ("/admin/groups/{id}", "patch")}

SHARED_HEADERS = ("If-Match", "Idempotency-Key", "X-Reason", "X-Consistency-Token", "X-Request-Id")

# Ids by kind: users, devices, groups, policies, gateways, webhooks; devices and the session of one's
# own; a gateway that is drained and one whose key is being rotated.
live = collections.defaultdict(list, json.loads(os.environ["NEXAVPN_LIVE"]))
session = {"token": None, "user": None}
# Of each kind some are never destroyed, and some others by first requests only.
KEPT = {one for ids in live.values() for one in ids[:2]}
LEFT = 3
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
    claims = body["access_token"].split(".")[1]
    live["sessions"] = [json.loads(base64.urlsafe_b64decode(claims + "=="))["sid"]]


def is_id(value):
    try:
        return isinstance(value, str) and str(uuid.UUID(value)) == value.lower()
    except ValueError:
        return False


def kind_of(method, path, name):
    """What an id of this name in a request to this path stands for."""
    if name in ("user_id", "actor_id", "members", "user", "member"):
        return "users"
    own = path.startswith(("/me/", "/devices/", "/connection/"))
    if own and (name in ("device_id", "device") or (name == "id" and "/devices/" in path)):
        return "own"
    if method != "DELETE" and "/key-rotation" in path:
        return "rotating"
    if (method, path) == ("GET", "/admin/gateways/{id}/drain"):
        return "drained"
    for kind in ("device", "group", "gateway"):
        if name in (f"{kind}_id", kind, f"{kind}s"):
            return f"{kind}s"
    parts = [part for part in path.split("/") if part not in ("", "admin", "preview", "me")]
    return parts[0] if name in ("id", "ids") and parts else None


class Request:
    """What is to be sent, and whether it should succeed."""

    def __init__(self, case):
        self.method, self.path = case.method, case.operation.path
        self.name = f"{self.method} {self.path}"
        self.first = not tally[self.name]
        ends = self.path.endswith(("/erase", "/revoke", "/bulk")) or (
            self.method == "DELETE" and self.path.endswith("/{id}")
        )
        self.destroys = ends and "/preview/" not in self.path

    def pick(self, name):
        """A live id of what the name stands for, mostly. The newest is destroyed first, and some
        are left for other operations."""
        kind = kind_of(self.method, self.path, name)
        spared = self.spared()
        ids = [one for one in live[kind] if one not in spared]
        often = chance.random() < 0.8 and (len(ids) > LEFT or not self.destroys)
        if not ids or not (self.first or often):
            return None
        if self.destroys:
            return ids[-1]
        return ids[0] if self.first else chance.choice(ids)

    def spared(self):
        """What is not to be in it."""
        own = {session["user"]} if self.method != "GET" else set()
        return own | KEPT if self.destroys else own

    def with_live(self, value, name=None):
        """The value with live ids in it."""
        if isinstance(value, list):
            return [self.with_live(item, name) for item in value]
        if isinstance(value, dict):
            # The target of a policy names its own kind.
            kind = value.get("type") if set(value) == {"type", "id"} else None
            if kind in ("user", "group", "device"):
                return {**value, "id": self.with_live(value["id"], f"{kind}_id")}
            return {key: self.with_live(item, key) for key, item in value.items()}
        if not is_id(value):
            return value
        # It may be one that schemathesis has seen in an answer.
        other = value if self.method == "GET" else str(uuid.uuid4())
        return self.pick(name) or other


def named_anew(value):
    """A body whose names and keys nobody else has."""
    if not isinstance(value, dict):
        return value
    value = dict(value)
    for name in ("name", "username"):
        if isinstance(value.get(name), str):
            value[name] = f"{value[name]}-{uuid.uuid4().hex[:8]}"
    if isinstance(value.get("public_key"), str):
        # Nearly every 32 bytes are one.
        value["public_key"] = base64.b64encode(os.urandom(31) + b"\x01").decode()
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
    request = Request(case)
    if request.first:
        for name in SHARED_HEADERS:
            case.headers.pop(name, None)
        case.body = named_anew(case.body)
        if case.query:
            # Filters and places in a list fit together by chance only.
            parameters = case.operation.definition.raw.get("parameters", [])
            needed = {one.get("name") for one in parameters if one.get("required")}
            case.query = {name: value for name, value in case.query.items() if name in needed}
    if case.path_parameters:
        case.path_parameters = request.with_live(dict(case.path_parameters))
    if case.query:
        case.query = request.with_live(dict(case.query))
    if isinstance(case.body, (dict, list)):
        case.body = request.with_live(case.body)
    if request.first and request.name in FIRST:
        for part, value in FIRST[request.name].items():
            if part == "headers":
                case.headers.update(value)
            else:
                setattr(case, part, value)
    if USERNAME:
        case.headers["Authorization"] = f"Bearer {session['token']}"


@schemathesis.hook
def after_call(context, case, response):
    request = Request(case)
    path = request.path
    tally[request.name][response.status_code] += 1
    if response.status_code == 401 and USERNAME:
        session["token"] = None
    if request.name == "POST /me/password" and response.status_code == 204:
        back = {"current_password": case.body["password"], "password": PASSWORD}
        headers = {"Authorization": case.headers["Authorization"]}
        requests.post(f"{BASE}{path}", json=back, headers=headers, timeout=30).raise_for_status()
    gone = []
    if request.destroys and response.status_code in (200, 204):
        gone = [(case.path_parameters or {}).get("id")]
        if path.endswith("/bulk") and case.body.get("action") in ("delete", "revoke"):
            gone = case.body["ids"]
    for kind in ("devices", "own") if "/devices" in path else (kind_of(case.method, path, "id"),):
        live[kind] = [one for one in live[kind] if one not in gone]
    if response.status_code == 201:
        body = response.json()
        made = body.get("device", body).get("id")
        if made and "device" in body:
            live["devices"].append(made)
            if not path.startswith("/admin/"):
                live["own"].append(made)
        elif made:
            live[kind_of(case.method, path, "id")].append(made)
