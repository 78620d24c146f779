"""Tokens: the part of the Microsoft identity platform that clients of Graph talk to first.

[entra] is https://learn.microsoft.com/entra/identity-platform/.
"""

import base64
import json
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import jwt

from tests.servers.answers import Answer

if TYPE_CHECKING:
    from tests.servers.graph import Graph

JSON = {"Content-Type": "application/json; charset=utf-8"}


@dataclass
class App:
    """A registered application: its secret or the public key (PEM) of its certificate, and what it was granted."""

    secret: str | None = None
    key: str | None = None
    permissions: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Grant:
    """What a token allows: to the app alone, or for a user; until a moment (seconds since the epoch)."""

    app: str
    user: str | None
    permissions: frozenset[str]
    until: float


def answer(graph: "Graph", path: str, raw: bytes) -> Answer | None:
    """The answer of the login's side of the server; None where the path is not one of its own."""
    tenant, _, rest = path.strip("/").partition("/")
    base = f"{graph.origin}/{tenant}/oauth2/v2.0"
    match rest:
        case "v2.0/.well-known/openid-configuration":
            names = {"issuer": f"{graph.origin}/{tenant}/v2.0", "authorization_endpoint": f"{base}/authorize"}
            ends = {"token_endpoint": f"{base}/token", "device_authorization_endpoint": f"{base}/devicecode"}
            return _json(200, names | ends)
        case "oauth2/v2.0/devicecode":
            return _device(graph)
        case "oauth2/v2.0/token":
            fields = {name: values[0] for name, values in parse_qs(raw.decode()).items()}
            return _token(graph, fields, f"{base}/token")
    return None


def _device(graph: "Graph") -> Answer:
    """[entra] v2-oauth2-device-code"""
    code = secrets.token_urlsafe(16)
    graph.devices[code] = None
    told = {"user_code": code[:8].upper(), "device_code": code, "verification_uri": f"{graph.origin}/device"}
    return _json(200, told | {"expires_in": 900, "interval": 1, "message": "Enter the code."})


def _token(graph: "Graph", fields: dict[str, str], endpoint: str) -> Answer:
    app = graph.apps.get(fields.get("client_id", ""))
    if app is None:
        return _refused(400, "unauthorized_client", "AADSTS700016: Application not found in the directory.")
    match fields.get("grant_type"):
        case "client_credentials":
            return _app_only(graph, app, fields, endpoint)
        case "urn:ietf:params:oauth:grant-type:device_code":
            user = graph.devices.get(fields.get("device_code", ""), "")
            if user is None:
                return _refused(400, "authorization_pending", "AADSTS70016: Authorization is pending.")
            if not user:
                return _refused(400, "bad_verification_code", "AADSTS501461: The device code is not known.")
            return _granted(graph, fields["client_id"], user, app.permissions)
        case "refresh_token":
            user = graph.refreshing.get(fields.get("refresh_token", ""))
            if user is None:
                return _refused(400, "invalid_grant", "AADSTS9002313: The refresh token is not known.")
            return _granted(graph, fields["client_id"], user, app.permissions)
    return _refused(400, "unsupported_grant_type", "AADSTS70003: The grant type is not supported.")


def _app_only(graph: "Graph", app: App, fields: dict[str, str], endpoint: str) -> Answer:
    """[entra] v2-oauth2-client-creds-grant-flow, certificate-credentials"""
    if assertion := fields.get("client_assertion"):
        try:
            claims = jwt.decode(assertion, app.key or "", algorithms=["RS256", "PS256"], audience=endpoint)
        except (jwt.PyJWTError, ValueError):
            claims = {}
        known = claims.get("iss") == claims.get("sub") == fields["client_id"]
    else:
        known = app.secret is not None and fields.get("client_secret") == app.secret
    if not known:
        return _refused(401, "invalid_client", "AADSTS7000215: Invalid client secret or assertion provided.")
    if not fields.get("scope", "").endswith("/.default"):
        return _refused(400, "invalid_scope", "AADSTS1002012: The scope has to end in /.default.")
    return _granted(graph, fields["client_id"], None, app.permissions)


def _granted(graph: "Graph", app: str, user: str | None, permissions: frozenset[str]) -> Answer:
    token = secrets.token_urlsafe(32)
    graph.grants[token] = Grant(app, user, permissions, time.time() + graph.patience)
    told = {"token_type": "Bearer", "expires_in": graph.patience, "access_token": token}
    return _json(200, told | (_personal(graph, app, user, permissions) if user else {}))


def _personal(graph: "Graph", app: str, user: str, permissions: frozenset[str]) -> dict[str, str]:
    """What comes beside a person's token: who it is, and a token for the next ones.

    [entra] v2-oauth2-device-code (successful authentication response), id-tokens
    """
    refresh = secrets.token_urlsafe(32)
    graph.refreshing[refresh] = user
    claims = {"aud": app, "sub": user, "preferred_username": user, "exp": int(time.time()) + graph.patience}
    who = base64.urlsafe_b64encode(json.dumps({"uid": user, "utid": "tenant"}).encode()).decode().rstrip("=")
    identity = jwt.encode(claims, "nobody checks it who got it by TLS", "HS256")
    scope = " ".join(sorted(f"{graph.origin}/{each}" for each in permissions))
    return {"scope": scope, "refresh_token": refresh, "id_token": identity, "client_info": who}


def _refused(status: int, error: str, words: str) -> Answer:
    return _json(status, {"error": error, "error_description": words})


def _json(status: int, told: object) -> Answer:
    return Answer(status, json.dumps(told).encode(), JSON)
