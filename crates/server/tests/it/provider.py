"""oidc-provider-mock, which checks PKCE and lies where a client's name asks for it. Prints its port."""

import base64
import hashlib
import json
import logging
import sys
import time
import urllib.parse

import flask
import oidc_provider_mock
import werkzeug.serving
from authlib import jose

logging.disable(logging.CRITICAL)
app = oidc_provider_mock.app(require_nonce=True)
app.debug = False
challenges = {}


def sha256(text):
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def client_of(request):
    return request.authorization.username if request.authorization else request.form.get("client_id", "")


@app.before_request
def check_pkce():
    if flask.request.path == "/oauth2/token":
        challenge = challenges.pop(flask.request.form.get("code"), None)
        if challenge is None or sha256(flask.request.form.get("code_verifier", "")) != challenge:
            return flask.jsonify({"error": "invalid_grant"}), 400


@app.after_request
def lie(response):
    request = flask.request
    if request.path == "/oauth2/authorize" and request.method == "POST":
        query = urllib.parse.parse_qs(urllib.parse.urlparse(response.headers.get("Location", "")).query)
        if "code" in query and request.args.get("code_challenge_method") == "S256":
            challenges[query["code"][0]] = request.args["code_challenge"]
    if request.path == "/oauth2/token" and response.status_code == 200:
        tokens = response.get_json()
        tokens = lied(client_of(request), tokens)
        response.set_data(json.dumps(tokens))
    return response


def lied(client, tokens):
    key = flask.g.oidc_provider_mock_storage.jwk
    claims = dict(jose.jwt.decode(tokens["id_token"], key))
    header = {"alg": "RS256", "kid": key.thumbprint()}
    changes = {
        "wrong-audience": {"aud": ["another"]},
        "second-audience": {"aud": [client, "another"]},
        "wrong-issuer": {"iss": "https://another.example"},
        "wrong-nonce": {"nonce": "another"},
        "wrong-hash": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
        "expired": {"iat": int(time.time()) - 7200, "exp": int(time.time()) - 3600},
    }
    claims.update(changes.get(client, {}))
    if client == "no-nonce":
        del claims["nonce"]
    if client == "no-subject":
        del claims["sub"]
    if client == "no-token":
        del tokens["id_token"]
        return tokens
    if client == "other-key":
        key = jose.RSAKey.generate_key(is_private=True)
    if client == "by-secret":
        header = {"alg": "HS256"}
        key = b"secret"
    tokens["id_token"] = jose.jwt.encode(header, claims, key).decode()
    if client == "alg-none":
        head = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
        tokens["id_token"] = f"{head}.{tokens['id_token'].split('.')[1]}."
    if client == "cut":
        tokens["id_token"] = tokens["id_token"][:-8]
    return tokens


server = werkzeug.serving.make_server("127.0.0.1", 0, app, threaded=True)
print(server.server_port, flush=True)
sys.stderr = open("/dev/null", "w")
server.serve_forever()
