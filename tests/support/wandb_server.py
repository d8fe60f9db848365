"""A small server that takes runs as Weights & Biases does, as far as `wandb sync` asks for it.

It keeps what arrives: runs with their config and summary, the lines of their history, and files. Passing against it is
no proof that the real one agrees; it shows what is sent, by the real client.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "0123456789abcdef0123456789abcdef01234567"
ENTITY = "somebody"


@dataclass
class Run:
    """A run as the server knows it."""

    name: str = ""
    project: str = ""
    group: str = ""
    kind: str = ""
    host: str = ""
    tags: list[str] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    exit: int | None = None


@dataclass
class WandbServer:
    """hangs_after: requests that are answered; all later ones never are. asked: what was asked for, in order."""

    url: str = ""
    hangs_after: int | None = None
    runs: dict[str, Run] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: WandbServer

    def log_message(self, *_: Any) -> None:
        pass

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            out = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                out += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            out = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return gzip.decompress(out) if self.headers.get("Content-Encoding") == "gzip" else out

    def _reply(self, answer: Any, status: int = 200) -> None:
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _any(self) -> None:
        state, body = self.state, self._body()
        if state.hangs_after is not None and len(state.asked) >= state.hangs_after:
            state.asked.append("...")
            state.over.wait()
            self.close_connection = True
            return
        state.bodies.append(body)
        if self.path == "/graphql":
            self._graphql(json.loads(body))
        elif match := re.fullmatch(r"/files/([^/]+/)?([^/]+)/([^/]+)/file_stream", self.path):
            state.asked.append("file_stream")
            self._stream(state.runs[match[3]], json.loads(body))
        else:
            state.asked.append(f"{self.command} {self.path}")
            state.files[self.path.removeprefix("/storage/")] = body
            self._reply({})

    do_GET = do_POST = do_PUT = _any  # noqa: N815

    def _stream(self, run: Run, sent: dict[str, Any]) -> None:
        for name, part in sent.get("files", {}).items():
            for line in part["content"]:
                if name == "wandb-history.jsonl":
                    run.history.append(json.loads(line))
                elif name == "wandb-summary.json":
                    run.summary = json.loads(line)
        if sent.get("complete"):
            run.exit = sent.get("exitcode")
        self._reply({})

    def _graphql(self, sent: dict[str, Any]) -> None:
        credentials = base64.b64decode(self.headers.get("Authorization", "").removeprefix("Basic ")).decode()
        if credentials != f"api:{KEY}":
            self.state.asked.append("refused")
            self._reply({"errors": [{"message": "permission denied"}]}, 401)
            return
        name = re.search(r"(?:query|mutation)\s+(\w+)", sent["query"])
        assert name is not None
        self.state.asked.append(name[1])
        given = sent.get("variables") or {}
        try:
            answer = getattr(self, f"_{name[1]}")(given.get("input", given))
        except (AttributeError, KeyError) as e:  # not as expected: the test that reads `unknown` fails
            self.state.unknown.append(f"{name[1]}: {e!r} of {given}")
            self._reply({"errors": [{"message": "not known here"}]}, 400)
            return
        self._reply({"data": answer})

    def _Viewer(self, _: dict[str, Any]) -> dict[str, Any]:  # noqa: N802 - named like what is asked for
        return {"viewer": {"id": "u1", "entity": ENTITY, "username": ENTITY}}

    def _ServerFeaturesQuery(self, _: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"serverInfo": {"features": []}}

    def _UpsertBucket(self, sent: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        inserted = sent["name"] not in self.state.runs
        run = self.state.runs.setdefault(sent["name"], Run())
        run.project, run.name = sent["project"] or run.project, sent["displayName"] or run.name
        run.group, run.kind = sent["groupName"] or run.group, sent["jobType"] or run.kind
        run.tags, run.host = sent["tags"] or run.tags, sent["host"] or run.host
        if sent["config"]:
            run.config = {k: v["value"] for k, v in json.loads(sent["config"]).items()}
        project = {"id": "p1", "name": run.project, "entity": {"id": "e1", "name": sent["entity"] or ENTITY}}
        bucket = {
            "id": f"id-{sent['name']}",
            "name": sent["name"],
            "displayName": run.name,
            "description": None,
            "config": "{}",
            "sweepName": None,
            "project": project,
            "historyLineCount": 0,
        }
        return {"upsertBucket": {"bucket": bucket, "inserted": inserted}}

    def _CreateArtifact(self, sent: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        name = sent["artifactCollectionName"]
        sequence = {"latestArtifact": None}
        return {"createArtifact": {"artifact": {"id": name, "state": "PENDING", "artifactSequence": sequence}}}

    def _CreateArtifactManifest(self, sent: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        name = sent["artifactID"]
        file = {"id": f"m-{name}", "name": "wandb_manifest.json", "displayName": "wandb_manifest.json"}
        put = {"uploadUrl": f"{self.state.url}/storage/{name}/manifest", "uploadHeaders": []}
        return {"createArtifactManifest": {"artifactManifest": {"id": f"m-{name}", "file": {**file, **put}}}}

    def _CreateArtifactFiles(self, sent: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        edges = []
        for spec in sent["artifactFiles"]:
            name, artifact = spec["name"], spec["artifactID"]
            url = f"{self.state.url}/storage/{artifact}/{name}"
            node = {"id": name, "name": name, "displayName": name, "uploadUrl": url, "uploadHeaders": []}
            more = {"uploadMultipartUrls": None, "storagePath": name, "artifact": {"id": artifact}}
            edges.append({"node": {**node, **more}})
        return {"createArtifactFiles": {"files": {"edges": edges}}}

    def _CommitArtifact(self, sent: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"commitArtifact": {"artifact": {"id": sent["artifactID"], "digest": "", "state": "COMMITTED"}}}

    def _CreateRunFiles(self, sent: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        url = f"{self.state.url}/storage/{sent['run']}"
        files = [{"name": name, "uploadUrl": f"{url}/{name}"} for name in sent["files"]]
        return {"createRunFiles": {"runID": f"id-{sent['run']}", "uploadHeaders": [], "files": files}}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """The client closes connections as it likes."""


@contextmanager
def silent_server() -> Iterator[str]:
    """The address of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def closed_port() -> str:
    """An address where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    return f"http://127.0.0.1:{port}"


@contextmanager
def wandb_server() -> Iterator[WandbServer]:
    """The server, on a port of its own."""
    state = WandbServer()
    handler = type("Handler", (_Handler,), {"state": state})
    server = _Server(("127.0.0.1", 0), handler)
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.over.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
