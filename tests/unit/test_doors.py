"""The doors of the real server, by raw requests: who may talk to it, and what it gives out (docs/security.md)."""

import base64
import os
import re
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.browser.serving import ROOT, served

SECRET = "sk-0123456789-in-the-environment"


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    """The server's port; its folder holds no study, which is enough for its doors."""
    before = os.environ.get("OPENAI_API_KEY")
    os.environ["OPENAI_API_KEY"] = SECRET
    folder = tmp_path_factory.mktemp("doors")
    with served(folder) as address:
        yield urlsplit(address).port
    os.environ.pop("OPENAI_API_KEY") if before is None else os.environ.update(OPENAI_API_KEY=before)
    assert SECRET not in (folder / "server.log").read_text(encoding="utf-8")


def answered(port: int, request: str, **headers: str) -> str:
    """An answer, whole. `_` in the name of a header is a hyphen."""
    told = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    with socket.create_connection(("127.0.0.1", port), timeout=10) as wire:
        wire.sendall(f"{request} HTTP/1.1\r\n{told}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: wire.recv(65_536), b"")).decode("utf-8", "replace")


def shaken(port: int, host: str, origin: str | None) -> int:
    """The status that a WebSocket's handshake is answered with."""
    key = base64.b64encode(os.urandom(16)).decode()
    headers = {"Host": host, "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": key, "Sec-WebSocket-Version": "13"}
    headers |= {"Origin": origin} if origin else {}
    told = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with socket.create_connection(("127.0.0.1", port), timeout=10) as wire:
        wire.sendall(f"GET /_stcore/stream HTTP/1.1\r\n{told}\r\n".encode())
        return int(wire.recv(1024).split()[1])


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]"])
def test_a_browser_on_this_machine_is_let_in(port, name):
    assert shaken(port, f"{name}:{port}", f"http://{name}:{port}") == 101


@pytest.mark.parametrize("origin", ["same", None])
def test_a_name_that_was_bound_to_this_machine_by_others_is_not(port, origin):
    """DNS rebinding: the page of evil.test and its WebSocket have one host, which is not ours."""
    assert shaken(port, f"evil.test:{port}", origin and f"http://evil.test:{port}") == 403


@pytest.mark.parametrize("origin", ["http://evil.test", "https://localhost.evil.test", "null"])
def test_a_page_of_others_is_not(port, origin):
    assert shaken(port, f"localhost:{port}", origin) == 403


def test_the_server_is_bound_to_this_machine_alone(port):
    """Another address of this machine finds nobody."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as wire, pytest.raises(OSError):
        wire.settimeout(2)
        wire.connect(("127.0.0.2", port))


def test_a_file_is_taken_of_nobody_without_the_token_of_the_page(port):
    answer = answered(port, "PUT /_stcore/upload_file/session/file", Host=f"localhost:{port}")
    assert answer.startswith("HTTP/1.1 403") and "XSRF" in answer
    cookie = answered(port, "GET /_stcore/health", Host=f"localhost:{port}")
    assert re.search(r"set-cookie: _streamlit_xsrf=.*SameSite=Strict", cookie, re.IGNORECASE)


UP = ("../../../../../../../../etc/passwd", "..%2f..%2f..%2f..%2f..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/requirements.txt")


@pytest.mark.parametrize("folder", ["static", "app/static", "media", "component/x", "_stcore/bidi-components/bae_painted_text", ""])
@pytest.mark.parametrize("up", UP)
def test_no_path_leads_to_a_file_of_the_machine(port, folder, up):
    assert "root:" in Path("/etc/passwd").read_text() and "duckdb==" in (ROOT / "requirements.txt").read_text(), "negative control"
    answer = answered(port, f"GET /{folder}/{up}", Host=f"localhost:{port}")
    assert "root:" not in answer and "duckdb==" not in answer


@pytest.mark.parametrize("path", [".streamlit/config.toml", "app/.streamlit/secrets.toml", "notebook.sqlite", "recipe.toml", "app/main.py"])
def test_neither_code_nor_settings_nor_the_notebook_are_given_out(port, path):
    """What is no file of Streamlit's is answered with its empty page."""
    answer = answered(port, f"GET /{path}", Host=f"localhost:{port}")
    assert "<title>Streamlit</title>" in answer or not answer.startswith("HTTP/1.1 200")


def test_programs_have_no_way_in_beside_the_pages(port):
    answer = answered(port, "POST /_stcore/agent/interact", Host=f"localhost:{port}", Content_Type="application/json")
    assert "not_available" in answer
