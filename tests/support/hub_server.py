"""A server on this machine that answers the Hub's own client as the Hub does, with faults to order.

It speaks what the client says over HTTP: create, preupload, LFS batch, upload and verify, commit, resolve by revision,
tree, info, refs and tags, with the Hub's error headers, private and gated repositories, and ranges. Large files are
answered by a redirect to another host name, as the Hub's are. It is written from what the client sends and expects, so
passing against it is no proof against the Hub itself.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit

LARGE = (".h5", ".npy", ".npz", ".png", ".safetensors", ".bin", ".pth", ".pt")
"""Endings of files that are stored as LFS objects, as the Hub's own attributes say."""
HANG = 60.0
"""Seconds after which a request that hangs is let go, if nobody closed the server."""

Fault = Literal["wrong", "truncated", "dropped", "dropped once", "hanging", "endless", "broken"]


@dataclass
class Commit:
    """The files of a repository at one time."""

    oid: str
    files: dict[str, bytes]


@dataclass
class Repository:
    """Commits in order, and what its names stand for."""

    commits: list[Commit] = field(default_factory=list)
    refs: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    private: bool = False
    gated: bool = False

    def at(self, revision: str) -> Commit | None:
        """The commit of a branch, a tag, or a hash that is whole or short."""
        oid = self.refs.get(revision) or self.tags.get(revision) or revision
        found = [c for c in self.commits if c.oid == oid or (len(oid) >= 7 and c.oid.startswith(oid))]
        return found[0] if len(found) == 1 else None

    def add(self, files: dict[str, bytes], branch: str = "main", oid: str | None = None) -> str:
        """A new head with exactly these files."""
        blobs = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}
        text = json.dumps([self.refs.get(branch), len(self.commits), blobs])
        commit = Commit(oid or hashlib.sha1(text.encode()).hexdigest(), dict(files))
        self.commits.append(commit)
        self.refs[branch] = commit.oid
        return commit.oid


class HubServer(ThreadingHTTPServer):
    """Repositories by address, such as `owner/name` and `datasets/owner/name`."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.repositories: dict[str, Repository] = {}
        self.objects: dict[str, bytes] = {}
        """Uploaded LFS objects by their SHA-256."""
        self.tokens: dict[str, str] = {"writer": "owner"}
        """Users by token; a user writes to repositories under its own name, and reads private and gated ones of it."""
        self.faults: dict[str, Fault] = {}
        """What is wrong with the bodies of files, by name."""
        self.asked: list[str] = []
        """`METHOD path` of every request, and `RANGE` behind those that had one."""
        self.leaked: list[str] = []
        """Requests to the host of large files that carried a token."""
        self.before_commit: list[Callable[[Repository], object]] = []
        """What somebody else does first; one at a commit."""
        self.lose_uploads = False
        """Whether the bytes of LFS objects are thrown away, and others kept."""
        self.released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def files_url(self) -> str:
        """Where large files lie: another host, to which no token is to be sent."""
        return f"http://localhost:{self.server_port}"

    def put(self, name: str, files: dict[str, bytes], *, tag: str = "", oid: str | None = None, **kept: bool) -> str:
        """Commit files to a repository, which is made if need be. Returns the commit."""
        repository = self.repositories.setdefault(name, Repository(**kept))
        found = repository.add(files, oid=oid)
        if tag:
            repository.tags[tag] = found
        return found

    def downloads(self) -> list[str]:
        """The names of the files whose content was asked for."""
        contents = [a.removesuffix(" RANGE") for a in self.asked if a.startswith("GET ")]
        contents = [a for a in contents if "/lfs/" in a or ("/resolve/" in a and not a.endswith(LARGE))]
        return [a.split("/")[-1] for a in contents]

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that closes its connection is no error of a test."""


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: HubServer

    def log_message(self, format: str, *args: object) -> None:
        pass

    # ---- reading ---------------------------------------------------------------------------------------------

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.noted()
        if match := re.fullmatch(r"/lfs/([0-9a-f]{64})/(.+)", path):
            if "Authorization" in self.headers:
                self.server.leaked.append(path)
            self.body_of(match[2], self.server.objects[match[1]], {"ETag": f'"{match[1]}"'})
        elif match := re.fullmatch(r"/((?:datasets/)?[^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self.resolve(*match.groups())
        elif match := re.fullmatch(r"/api/(models|datasets)/([^/]+/[^/]+)(?:/(revision|tree|refs)(?:/(.*))?)?", path):
            self.about(*match.groups())
        elif path == "/api/whoami-v2":
            self.whoami()
        else:
            self.refuse(404, "EntryNotFound")

    def about(self, kind: str, name: str, what: str | None, rest: str | None) -> None:
        repository = self.readable(("datasets/" if kind == "datasets" else "") + name)
        if repository is None:
            return
        if what == "refs":
            self.refs(repository)
            return
        revision, _, below = (rest or "main").partition("/")
        commit = repository.at(revision if what else "main")
        if commit is None:
            self.refuse(404, "RevisionNotFound")
        elif what == "tree":
            found = {n: c for n, c in commit.files.items() if not below or n.startswith(below + "/")}
            self.json([tree_entry(n, c) for n, c in found.items()])
        else:
            siblings = [sibling(n, c) for n, c in commit.files.items()]
            gated = "auto" if repository.gated else False
            about = {"id": name, "sha": commit.oid, "siblings": siblings}
            self.json({**about, "private": repository.private, "gated": gated})

    def refs(self, repository: Repository) -> None:
        def listed(names: dict[str, str], where: str) -> list[dict[str, str]]:
            return [{"name": n, "ref": f"refs/{where}/{n}", "targetCommit": oid} for n, oid in names.items()]

        branches, tags = listed(repository.refs, "heads"), listed(repository.tags, "tags")
        self.json({"branches": branches, "tags": tags, "converts": [], "pullRequests": []})

    def resolve(self, repo: str, revision: str, name: str) -> None:
        repository = self.readable(repo)
        if repository is None:
            return
        if repository.gated and self.user() != repo.removeprefix("datasets/").split("/")[0]:
            self.refuse(403 if self.user() else 401, "GatedRepo", "Access to this model is restricted.")
            return
        commit = repository.at(revision)
        if commit is None:
            self.refuse(404, "RevisionNotFound")
        elif name not in commit.files:
            self.refuse(404, "EntryNotFound", headers={"X-Repo-Commit": commit.oid})
        else:
            self.send_file(commit, name)

    def send_file(self, commit: Commit, name: str) -> None:
        content, about = commit.files[name], {"X-Repo-Commit": commit.oid, "Accept-Ranges": "bytes"}
        if not name.endswith(LARGE):
            self.body_of(name, content, {**about, "ETag": f'"{git_blob(content)}"'})
            return
        oid = hashlib.sha256(content).hexdigest()
        self.server.objects[oid] = content
        about |= {"X-Linked-Etag": f'"{oid}"', "X-Linked-Size": str(len(content))}
        self.send(302, b"", {**about, "Location": f"{self.server.files_url}/lfs/{oid}/{name}"})

    def body_of(self, name: str, content: bytes, headers: dict[str, str]) -> None:
        """The bytes of a file, or of a range of it, with the fault that was ordered for it."""
        fault = self.server.faults.get(name)
        if fault == "broken":
            self.refuse(500, "")
            return
        if fault == "wrong" and content:
            content = bytes([content[0] ^ 1]) + content[1:]
        whole, status = len(content), 200
        if match := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")):
            content, status = content[int(match[1]) :], 206
            headers = {**headers, "Content-Range": f"bytes {match[1]}-{whole - 1}/{whole}"}
        if fault in (None, "wrong") or self.command == "HEAD":
            self.send(status, content, headers)
            return
        if fault == "dropped once":
            del self.server.faults[name]
        self.close_connection = True
        self.send_response(status)
        length = len(content) // 2 if fault == "truncated" else len(content)
        if fault == "endless":
            headers = {**headers, "Transfer-Encoding": "chunked"}
        else:
            headers = {**headers, "Content-Length": str(length)}
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()
        if fault == "endless":
            self.without_end(content)
        elif fault == "hanging":
            self.wfile.write(content[: len(content) // 2])
            self.server.released.wait(HANG)
        elif fault == "dropped":
            self.wfile.write(content[: len(content) // 2] if status == 200 else b"")
        else:
            self.wfile.write(content[: len(content) // 2])

    def without_end(self, content: bytes) -> None:
        block = content[:65536] or b"x"
        for _ in range(10_000):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(block), block))

    def whoami(self) -> None:
        user = self.user()
        if user is None:
            self.refuse(401, "", "Invalid credentials in Authorization header")
        else:
            self.json({"type": "user", "name": user, "orgs": [], "auth": {"accessToken": {"role": "write"}}})

    # ---- writing ---------------------------------------------------------------------------------------------

    def do_POST(self) -> None:
        path, sent = self.noted(), self.received()
        if path == "/api/validate-yaml":
            self.json({"errors": [], "warnings": []})
        elif path == "/api/repos/create":
            self.create(json.loads(sent))
        elif match := re.fullmatch(r"/api/(models|datasets)/([^/]+/[^/]+)/(preupload|commit|tag)/(.+)", path):
            kind, name, what, revision = match.groups()
            repository = self.writable(("datasets/" if kind == "datasets" else "") + name)
            if repository is not None:
                {"preupload": self.preupload, "commit": self.commit, "tag": self.tag}[what](
                    repository, name, revision, sent
                )
        elif match := re.fullmatch(r"/((?:datasets/)?[^/]+/[^/]+)\.git/info/lfs/objects/batch", path):
            if self.writable(match[1]) is not None:
                self.batch(json.loads(sent))
        elif path == "/lfs-verify":
            asked = json.loads(sent)
            kept = self.server.objects.get(asked["oid"], b"")
            whole = hashlib.sha256(kept).hexdigest() == asked["oid"] and len(kept) == asked["size"]
            self.json({}) if whole or self.server.lose_uploads else self.refuse(400, "", "the object is not whole")
        else:
            self.refuse(404, "EntryNotFound")

    def do_PUT(self) -> None:
        path, sent = self.noted(), self.received()
        oid = path.removeprefix("/lfs-upload/")
        if self.server.lose_uploads:
            self.server.objects[oid] = bytes(len(sent))
        elif hashlib.sha256(sent).hexdigest() != oid:
            self.refuse(400, "", "these bytes have another hash")
            return
        else:
            self.server.objects[oid] = sent
        self.send(200, b"", {"ETag": f'"{oid}"'})

    def create(self, asked: dict[str, Any]) -> None:
        user = self.user()
        owner = asked.get("organization") or user
        kind = "datasets/" if asked.get("type") == "dataset" else ""
        name = f"{kind}{owner}/{asked['name']}"
        if user is None:
            self.refuse(401, "", "Invalid username or password.")
        elif owner != user:
            self.refuse(403, "", f"You don't have the rights to create a model under the namespace {owner!r}")
        elif name in self.server.repositories:
            self.json({"error": "You already created this model repo", "url": f"{self.server.url}/{name}"}, status=409)
        else:
            repository = Repository(private=asked.get("visibility") == "private" or bool(asked.get("private")))
            repository.add({".gitattributes": b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n"})
            self.server.repositories[name] = repository
            self.json({"url": f"{self.server.url}/{name}", "name": name})

    def preupload(self, repository: Repository, name: str, revision: str, sent: bytes) -> None:
        commit = repository.at(unquote(revision))
        if commit is None:
            self.refuse(404, "RevisionNotFound")
            return
        out: list[dict[str, Any]] = []
        for f in json.loads(sent)["files"]:
            mode = "lfs" if f["path"].endswith(LARGE) else "regular"
            there = commit.files.get(f["path"])
            oid = None if there is None else hash_of(f["path"], there)
            out.append({"path": f["path"], "uploadMode": mode, "shouldIgnore": False, "oid": oid})
        self.json({"files": out, "commitOid": commit.oid})

    def batch(self, asked: dict[str, Any]) -> None:
        def answer(oid: str, size: int) -> dict[str, Any]:
            if oid in self.server.objects:
                return {"oid": oid, "size": size}
            upload, verify = f"{self.server.url}/lfs-upload/{oid}", f"{self.server.url}/lfs-verify"
            return {"oid": oid, "size": size, "actions": {"upload": {"href": upload}, "verify": {"href": verify}}}

        self.json({"transfer": "basic", "objects": [answer(o["oid"], o["size"]) for o in asked["objects"]]})

    def commit(self, repository: Repository, name: str, revision: str, sent: bytes) -> None:
        if self.server.before_commit:
            self.server.before_commit.pop(0)(repository)
        head = repository.at(unquote(revision))
        assert head is not None
        files = dict(head.files)
        for line in sent.splitlines():
            item = json.loads(line)
            key, value = item["key"], item["value"]
            if key == "header":
                if value.get("parentCommit") not in (None, head.oid):
                    self.refuse(412, "", "A commit has happened since. Please refresh and try again.")
                    return
            elif key == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif key == "lfsFile":
                if value["oid"] not in self.server.objects:
                    self.refuse(422, "", f"the object {value['oid']} was never uploaded")
                    return
                files[value["path"]] = self.server.objects[value["oid"]]
            elif key == "deletedFile":
                del files[value["path"]]
        oid = repository.add(files, unquote(revision))
        self.json({"commitUrl": f"{self.server.url}/{name}/commit/{oid}", "commitOid": oid, "success": True})

    def tag(self, repository: Repository, name: str, revision: str, sent: bytes) -> None:
        commit = repository.at(unquote(revision))
        assert commit is not None
        repository.tags[json.loads(sent)["tag"]] = commit.oid
        self.json({})

    # ---- what all share --------------------------------------------------------------------------------------

    def noted(self) -> str:
        path = unquote(urlsplit(self.path).path)
        self.query = parse_qs(urlsplit(self.path).query)
        self.server.asked.append(f"{self.command} {path}" + (" RANGE" if "Range" in self.headers else ""))
        return path

    def user(self) -> str | None:
        return self.server.tokens.get(self.headers.get("Authorization", "").removeprefix("Bearer "))

    def readable(self, name: str) -> Repository | None:
        """The repository; None, and refused, where there is none or nobody may know of it."""
        repository = self.server.repositories.get(name)
        if repository is None or (repository.private and self.user() != name.removeprefix("datasets/").split("/")[0]):
            self.refuse(404 if self.user() else 401, "RepoNotFound", "Repository not found")
            return None
        return repository

    def writable(self, name: str) -> Repository | None:
        repository = self.readable(name)
        if repository is not None and self.user() != name.removeprefix("datasets/").split("/")[0]:
            self.refuse(403 if self.user() else 401, "", "You don't have the rights to write to this repository")
            return None
        return repository

    def received(self) -> bytes:
        """The body of a request: of a stated length, or in chunks."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        out = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            out += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return out

    def json(self, value: Any, status: int = 200) -> None:
        self.send(status, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def refuse(self, status: int, code: str, message: str = "", headers: dict[str, str] | None = None) -> None:
        told = {"X-Error-Code": code} if code else {}
        self.send(
            status, json.dumps({"error": message}).encode(), {**told, "X-Error-Message": message, **(headers or {})}
        )

    def send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def git_blob(content: bytes) -> str:
    """Git's hash of a file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def hash_of(name: str, content: bytes) -> str:
    """The hash by which the Hub names a file: SHA-256 of a large one, git's of a small one."""
    return hashlib.sha256(content).hexdigest() if name.endswith(LARGE) else git_blob(content)


def sibling(name: str, content: bytes) -> dict[str, Any]:
    """A file as the info of a repository lists it."""
    out: dict[str, Any] = {"rfilename": name, "size": len(content), "blobId": git_blob(content)}
    if name.endswith(LARGE):
        out["lfs"] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 130}
    return out


def tree_entry(name: str, content: bytes) -> dict[str, Any]:
    """A file as a tree lists it."""
    out: dict[str, Any] = {"type": "file", "path": name, "size": len(content), "oid": git_blob(content)}
    if name.endswith(LARGE):
        out["lfs"] = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 130}
    return out


@contextmanager
def serving() -> Iterator[HubServer]:
    """A server that answers until the block is left."""
    server = HubServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


def environment(server: HubServer, cache: os.PathLike[str] | str) -> dict[str, str]:
    """What a process needs to speak to the server alone, with caches of its own and without a user's token."""
    home = os.path.join(cache, "huggingface")
    return {
        "HF_ENDPOINT": server.url,
        "HF_HOME": home,
        "HF_HUB_CACHE": os.path.join(home, "hub"),
        "HF_TOKEN_PATH": os.path.join(home, "token"),
        "HF_TOKEN": "",
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DOWNLOAD_TIMEOUT": "1",
        "XDG_CACHE_HOME": os.path.join(cache, "xdg"),
    }
