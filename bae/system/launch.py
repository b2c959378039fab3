"""Start the explorer's web server on a port that is free, and the index beside it as a process of its own."""

import errno
import os
import socket
import subprocess
import sys
from pathlib import Path

from bae.system.limits import WritingLimits
from bae.workspace import Workspace

ENTRY = Path(__file__).parents[2] / "app" / "main.py"
PORT = 8501
LOOPBACK = ("127.0.0.1", "localhost", "::1")
PORTS_TRIED = 100


def free_port(host: str, first: int = PORT) -> int:
    """The first free TCP port from `first` on. Raises OSError where the host is not ours or none is free."""
    if not 1 <= first <= 65535:
        raise ValueError(f"a port lies between 1 and 65535; got {first}")
    for port in range(first, min(first + PORTS_TRIED, 65536)):
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # as the server does: a port that a stopped server has just left is free
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
            except OSError as error:
                if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                    raise
            else:
                return port
    raise OSError(f"no port from {first} to {port} is free on {host}; give another with --port")


def server_command(host: str, port: int) -> list[str]:
    """The command that serves. A host beyond loopback is reached under names that nobody here knows, so any is allowed then."""
    command = [sys.executable, "-m", "streamlit", "run", str(ENTRY), "--server.address", host, "--server.port", str(port)]
    return command if host in LOOPBACK else [*command, "--server.allowedHosts", "*"]


def serve(workspace: Workspace, host: str | None = None, port: int | None = None) -> None:
    """Say where the explorer is and become its server; does not return. Raises ValueError for limits that cannot be."""
    WritingLimits.of()  # a wrong one is told here, and not to whoever opens a page
    host, wanted = host or LOOPBACK[0], port or PORT
    found = free_port(host, wanted)
    if found != wanted:
        print(f"Port {wanted} is busy; the explorer takes {found} instead.", flush=True)
    shown = "localhost" if host in (*LOOPBACK, "0.0.0.0", "::") else host
    print(f"BAE Explorer: http://{shown}:{found}", flush=True)
    environment = {**os.environ, "BAE_WORKSPACE": str(workspace.folder.absolute())}
    command = server_command(host, found)
    os.execve(command[0], command, environment)


def start_index(workspace: Workspace) -> subprocess.Popen:
    """Build the index in a process that outlives this one; what it prints goes to the workspace's logs."""
    log = workspace.log_file("index")
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "bae", "index", "--workspace", str(workspace.folder.absolute())]
    with log.open("a") as output:
        # nice: whoever types text meanwhile goes first
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, preexec_fn=lambda: os.nice(10)
        )
