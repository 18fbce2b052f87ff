"""An emulator of AWS in a process of its own: ministack, on a free port of 127.0.0.1, with IAM enforced.

It is started with nothing in it, and stopped with everything that it started.
"""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

import boto3
import requests
from botocore.config import Config

REGION = "us-east-1"
ACCOUNT = "000000000000"
START_SECONDS = 60


class Emulator:
    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="baton-infra-")
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.log_path = pathlib.Path(self.folder.name) / "emulator.log"
        self.process = None

    def start(self):
        environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        environment |= {
            # Loopback alone, also for what it would open beside its own port.
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(self.port),
            "IOT_MTLS_PORT": "0",
            # Functions reach AWS here and nowhere else.
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_DEFAULT_REGION": REGION,
            # Policies are enforced for everybody but root.
            "AUTH": "true",
            # Whatever it keeps goes with it.
            "TMPDIR": self.folder.name,
            "STATE_DIR": f"{self.folder.name}/state",
            "S3_DATA_DIR": f"{self.folder.name}/s3",
        }
        log = self.log_path.open("wb")
        command = [str(pathlib.Path(sys.executable).with_name("ministack"))]
        self.process = subprocess.Popen(
            command, env=environment, cwd=self.folder.name, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        ends = time.monotonic() + START_SECONDS
        while time.monotonic() < ends:
            if self.process.poll() is not None:
                break
            try:
                if requests.get(f"{self.endpoint}/_ministack/health", timeout=5).ok:
                    return self
            except requests.RequestException:
                pass
            time.sleep(0.1)
        raise RuntimeError(f"the emulator did not start:\n{self.log()[-4000:]}")

    def client(self, service, credentials=("test", "test", None)):
        """A client of boto3; without credentials it is root's."""
        key, secret, token = credentials
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.endpoint,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=Config(retries={"max_attempts": 1}, read_timeout=120),
        )

    def log(self):
        return self.log_path.read_text(errors="replace")

    def stop(self):
        if self.process:
            self.process.terminate()
            try:
                self.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                pass
            # The functions that it started are in its group, also when it ended by itself.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.folder.cleanup()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
