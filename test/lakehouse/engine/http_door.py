"""HTTPS in front of it all: the protocol under /sql/, REST under /api/, tokens under /oidc/, tests under /_lab/."""

import base64
import json
import secrets
import ssl
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlparse

from thrift.protocol.TBinaryProtocol import TBinaryProtocolAcceleratedFactory
from thrift.transport.TTransport import TMemoryBuffer

from catalog_rest import PREFIX, CatalogRest
from lab import Lab
from service import Service
from tcli import service as generated

CLIENT_ID = "lakehouse-client"


class Door(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, service: Service, catalog: CatalogRest, lab: Lab) -> None:
        super().__init__(("127.0.0.1", port), _Request)
        self.processor = generated.Processor(service)
        self.protocols = TBinaryProtocolAcceleratedFactory(fallback=False)
        self.service, self.catalog, self.lab = service, catalog, lab
        # New with each start: no test can pass by a token that somebody wrote down.
        self.token = secrets.token_urlsafe(24)
        self.client_secret = secrets.token_urlsafe(24)

    def serve_tls(self, certificate: Path, key: Path) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        # The handshake is the business of the request's own thread: here one slow client would stop all others.
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    server: Door

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        body, path = self._body(), urlparse(self.path).path
        if path == "/oidc/v1/token":
            self._token(body)
        elif self._is_known():
            if path.startswith("/sql/"):
                self._thrift(body)
            elif path.startswith("/_lab/"):
                self._json(*self.server.lab.post(path.removeprefix("/_lab/"), json.loads(body or b"{}")))
            else:
                self._json(404, {"error_code": "ENDPOINT_NOT_FOUND", "message": path})

    def do_GET(self) -> None:
        parts = urlparse(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path == "/healthz":
            self._json(200, self.server.service.counts())
        elif self._is_known():
            if parts.path.startswith(PREFIX):
                self._json(*self.server.catalog.get(unquote(parts.path.removeprefix(PREFIX)), query))
            else:
                self._json(404, {"error_code": "ENDPOINT_NOT_FOUND", "message": parts.path})

    def _thrift(self, body: bytes) -> None:
        out = TMemoryBuffer()
        protocol = self.server.protocols.getProtocol
        self.server.processor.process(protocol(TMemoryBuffer(body)), protocol(out))
        self._send(200, out.getvalue(), "application/x-thrift")

    def _token(self, body: bytes) -> None:
        """Client credentials. Source: docs.databricks.com/aws/en/dev-tools/auth/oauth-m2m."""
        form = parse_qs(body.decode())
        expected = base64.b64encode(f"{CLIENT_ID}:{self.server.client_secret}".encode()).decode()
        known = secrets.compare_digest(self.headers.get("Authorization", ""), f"Basic {expected}")
        if not known or form.get("grant_type") != ["client_credentials"]:
            self._json(401, {"error": "invalid_client", "error_description": "Client authentication failed"})
            return
        self._json(
            200,
            {"access_token": self.server.token, "token_type": "Bearer", "expires_in": 3600, "scope": "all-apis"},
        )

    def _is_known(self) -> bool:
        if secrets.compare_digest(self.headers.get("Authorization", ""), f"Bearer {self.server.token}"):
            return True
        self._json(401, {"error_code": "UNAUTHENTICATED", "message": "Credential was not sent or was of an unsupported type"})
        return False

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length")
        if length is not None:
            return self.rfile.read(int(length))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _json(self, status: int, body: dict) -> None:
        self._send(status, json.dumps(body).encode(), "application/json")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
