"""A `muster serve` to talk to, and the gRPC side of a control room, with stubs made from our protos on the spot."""

import importlib
import json
import os
import pathlib
import subprocess
import sys
import time

import grpc
import grpc_tools
from grpc_tools import protoc

HERE = pathlib.Path(__file__).resolve().parent
PROTO = HERE.parent.parent / "proto"
# Generous: the machine may be busy; nothing that passes waits for it.
PATIENCE_S = 20


# One kind for which two people are enough for a story: of them, the sooner one fetches a defibrillator.
FETCHING_KIND = "arrest_with_defibrillators"
CONFIG = f"""
[mqtt]
trunks = true

[[special_policy]]
incident_kind = "{FETCHING_KIND}"
policy = {{ name = "fetching", ranking = "soonest", roles = ["fetch_aed", "direct"], alert_count = 2, wanted = 2 }}
"""


def generate_stubs(folder):
    """Compiles the protos into `folder` and makes them importable."""
    well_known = pathlib.Path(grpc_tools.__file__).parent / "_proto"
    files = sorted(str(path.relative_to(PROTO)) for path in (PROTO / "muster" / "v1").glob("*.proto"))
    arguments = [
        "protoc",
        f"-I{PROTO}",
        f"-I{HERE}",
        f"-I{well_known}",
        f"--python_out={folder}",
        f"--grpc_python_out={folder}",
        *files,
        "google_rpc.proto",
    ]
    if protoc.main(arguments) != 0:
        sys.exit("the protos do not compile")
    sys.path.insert(0, str(folder))


class Service:
    """The process. Use it in a `with`; on leaving, it is asked to stop and must do so properly."""

    def __init__(self, binary, folder):
        self.data_dir = pathlib.Path(folder) / "data"
        self.log = pathlib.Path(folder) / "service.log"
        config = pathlib.Path(folder) / "muster.toml"
        config.write_text(CONFIG)
        listeners = [word for name in ("grpc", "mqtt", "http") for word in (f"--{name}-listen", "127.0.0.1:0")]
        surroundings = {name: value for name, value in os.environ.items() if not name.startswith("MUSTER_")}
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [
                    *[binary, "serve", "--config", str(config), "--canary-every-s", "0"],
                    *["--data-dir", str(self.data_dir), *listeners],
                ],
                stdout=log,
                stderr=log,
                env=surroundings,
            )
        self.endpoints = self._wait_until_ready()

    def _wait_until_ready(self):
        announced = self.data_dir / "endpoints.json"
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            if announced.exists():
                return json.loads(announced.read_text())
            time.sleep(0.05)
        self.process.kill()
        sys.exit(f"the service did not start:\n{self.log.read_text()}")

    def mqtt(self):
        """Host and port of the MQTT listener."""
        host, port = self.endpoints["mqtt"].rsplit(":", 1)
        return host, int(port)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.process.terminate()
        try:
            code = self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = "no end"
        if kind is not None:
            print(f"the service's log ends:\n{self.log.read_text()[-4000:]}", file=sys.stderr)
        elif code != 0:
            sys.exit(f"asked to stop, the service ended with {code}:\n{self.log.read_text()}")


class ControlRoom:
    """The gRPC services, over mutual TLS with the development certificate."""

    def __init__(self, endpoints):
        files = endpoints["control_room"]
        credentials = grpc.ssl_channel_credentials(
            root_certificates=pathlib.Path(endpoints["ca_certificate"]).read_bytes(),
            private_key=pathlib.Path(files["key"]).read_bytes(),
            certificate_chain=pathlib.Path(files["certificate"]).read_bytes(),
        )
        self.channel = grpc.secure_channel(endpoints["grpc"], credentials)
        incident_stubs = importlib.import_module("muster.v1.incident_pb2_grpc")
        responder_stubs = importlib.import_module("muster.v1.responder_pb2_grpc")
        self.incidents = incident_stubs.IncidentServiceStub(self.channel)
        self.responders = responder_stubs.ResponderServiceStub(self.channel)
        defibrillator_stubs = importlib.import_module("muster.v1.defibrillator_pb2_grpc")
        self.defibrillators = defibrillator_stubs.DefibrillatorServiceStub(self.channel)


def refusal(call, request):
    """The status code, text and named fields with which `call` refuses `request`; None if it does not."""
    try:
        call(request, timeout=PATIENCE_S)
    except grpc.RpcError as error:
        return error.code(), error.details(), wrong_fields(error)
    return None


def wrong_fields(error):
    """The fields named in the BadRequest details of an error."""
    messages = importlib.import_module("google_rpc_pb2")
    fields = []
    for name, value in error.trailing_metadata() or ():
        if name == "grpc-status-details-bin":
            for detail in messages.Status.FromString(value).details:
                bad_request = messages.BadRequest()
                if detail.Unpack(bad_request):
                    fields += [violation.field for violation in bad_request.field_violations]
    return fields
