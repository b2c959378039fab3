"""Which judges a workspace may use: what is built in, what files add, and that no key and no typed-in address finds a way in or out."""

import json
import os
import subprocess
import sys

import pytest

from bae.comsem import configuration
from bae.comsem.configuration import NO_KEY, OPENAI_URL, JudgeConfig, judges, key_of, ready
from bae.comsem.openai_judge import OpenAIJudge
from bae.comsem.pacing import Limits
from bae.comsem.spending import Prices

LOCAL = """
[judge.local]
model = "qwen2.5-7b-instruct"
base_url = "http://127.0.0.1:8000/v1"
concurrency = 4
max_concurrency = 16
requests_per_minute = 500
prices = { input = 0.1, output = 0.4, currency = "EUR" }
"""
ELSEWHERE = '[judge.elsewhere]\nmodel = "m"\nbase_url = "https://judges.example/v1"\n'
KEY = "sk-very-secret"


@pytest.fixture(autouse=True)
def nobody_s_environment(tmp_path, monkeypatch):
    """No key and no secrets of whoever runs the tests."""
    for name in list(os.environ):
        if name.startswith("OPENAI_"):
            monkeypatch.delenv(name)
    monkeypatch.setattr(configuration, "SECRETS", tmp_path / "app" / "secrets.toml")


@pytest.fixture
def secrets(tmp_path):
    """Write secrets.toml."""

    def write(text: str) -> None:
        (tmp_path / "app").mkdir(exist_ok=True)
        (tmp_path / "app" / "secrets.toml").write_text(text)

    return write


def told(folder, text: str) -> dict[str, JudgeConfig]:
    (folder / "judges.toml").write_text(text)
    return judges(folder)


def test_what_is_built_in(tmp_path):
    found = judges(tmp_path)
    assert {name: config.kind for name, config in found.items()} == {
        "gpt-4.1-mini": "openai",
        "embedded": "embedded",
        "embedding": "embedding",
    }
    openai = found["gpt-4.1-mini"]
    assert (openai.base_url, openai.key_variable, openai.model) == (OPENAI_URL, "OPENAI_API_KEY", "gpt-4.1-mini")
    assert openai.paid and not found["embedded"].paid and all(config.prices is None for config in found.values()), "no price is known here"


def test_openai_may_be_elsewhere(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "https://gateway.example/v1")
    assert judges(tmp_path)["gpt-4.1-mini"].base_url == "https://gateway.example/v1"
    monkeypatch.setenv("OPENAI_BASE_URL", "file:///etc/passwd")
    with pytest.raises(ValueError, match="OPENAI_BASE_URL must be an address that starts with http"):
        judges(tmp_path)


def test_a_workspace_adds_its_own(tmp_path):
    local = told(tmp_path, LOCAL)["local"]
    assert (local.kind, local.model, local.base_url, local.key_variable) == (
        "openai",
        "qwen2.5-7b-instruct",
        "http://127.0.0.1:8000/v1",
        None,
    )
    assert local.prices == Prices(0.1, 0.1, 0.4, "EUR"), "cached input costs as much as other input, unless it is told"
    assert local.limits == Limits(4, 16, 500) and local.paid
    assert key_of(local) == NO_KEY and ready(local) == ""


def test_a_table_of_a_known_name_changes_only_what_it_tells(tmp_path):
    text = '[judge."gpt-4.1-mini"]\nprices = { input = 0.4, cached_input = 0.1, output = 1.6, currency = "USD" }'
    config = told(tmp_path, text)["gpt-4.1-mini"]
    assert config.prices == Prices(0.4, 0.1, 1.6, "USD") and config.base_url == OPENAI_URL and config.key_variable == "OPENAI_API_KEY"


def test_a_key_does_not_follow_to_another_address(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    config = told(tmp_path, '[judge."gpt-4.1-mini"]\nbase_url = "https://judges.example/v1"')["gpt-4.1-mini"]
    assert config.key_variable is None and key_of(config) == NO_KEY


def test_secrets_hold_judges_too(tmp_path, secrets):
    secrets(f'PASSWORD_OF_SOMETHING_ELSE = "x"\n{ELSEWHERE}key_variable = "ELSEWHERE_KEY"\n')
    assert judges(tmp_path)["elsewhere"].key_variable == "ELSEWHERE_KEY"


def test_a_key_is_of_the_environment_then_of_the_secrets(tmp_path, monkeypatch, secrets):
    config = judges(tmp_path)["gpt-4.1-mini"]
    assert key_of(config) is None
    assert ready(config).startswith("the judge gpt-4.1-mini needs a key: set the environment variable OPENAI_API_KEY")
    with pytest.raises(ValueError, match="needs a key"):
        OpenAIJudge.of(config)
    secrets(f'OPENAI_API_KEY = "{KEY}-of-secrets"\n')
    assert key_of(config) == f"{KEY}-of-secrets" and ready(config) == ""
    monkeypatch.setenv("OPENAI_API_KEY", f" {KEY}\n")
    assert key_of(config) == KEY
    assert KEY not in repr(OpenAIJudge.of(config)) + repr(config)


def test_a_server_of_this_machine_needs_no_key_and_may_have_one(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:8000/v1")
    config = judges(tmp_path)["gpt-4.1-mini"]
    assert key_of(config) == NO_KEY and ready(config) == "" and not config.paid
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert key_of(config) == KEY


@pytest.mark.parametrize(("url", "local"), [("http://127.8.0.1/v1", True), ("http://[::1]:80", True), ("http://localhost.example", False)])
def test_this_machine_is_told_from_others(url, local):
    assert JudgeConfig("x", "openai", "m", url).local is local


@pytest.mark.parametrize("name", ["embedded", "embedding"])
def test_what_comes_with_the_program_is_ready_where_it_is_installed(tmp_path, monkeypatch, name):
    config = judges(tmp_path)[name]
    monkeypatch.setitem(configuration.PACKAGES, name, ("json", "some-package"))
    assert ready(config) == ""
    monkeypatch.setitem(configuration.PACKAGES, name, ("no_such_module", "some-package"))
    assert ready(config) == "some-package is not installed; install it with: pip install --no-deps some-package"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('kind = "magic"', "kind is one of openai, embedded, embedding; got 'magic'"),
        ('url = "http://x"', "unknown key url; a judge has kind, model, base_url, key_variable, prices"),
        ('api_key = "sk-very-secret"', "unknown key api_key; .*keys are named by key_variable"),
        ('key_variable = "sk-very-secret"', "key_variable is the name of an environment variable"),
        ('base_url = "ftp://judges.example"', "base_url must be an address that starts with http"),
        ('base_url = "http://"', "base_url must be an address"),
        ('base_url = "http://[::1"', "base_url must be an address"),
        ('base_url = "http://host:port/v1"', "base_url must be an address"),
        ("base_url = 3", "base_url must be an address"),
        ('base_url = "https://me:sk-very-secret@judges.example/v1"', "base_url must hold no user name, password"),
        ('base_url = "https://judges.example/v1?key=sk-very-secret"', "base_url must hold no user name, password or query"),
        ("model = 3", "model is a text; got 3"),
        ('model = ""', "model is a text"),
        ('concurrency = "many"', "concurrency is a whole number; got 'many'"),
        ("concurrency = true", "concurrency is a whole number"),
        ("concurrency = 100", "1 <= concurrency <= max_concurrency; got 100 and 64"),
        ("requests_per_minute = 0", "requests_per_minute must be above 0"),
        ('requests_per_minute = "3"', "requests_per_minute is a number"),
        ("prices = 3", "prices are a table of input, cached_input, output, currency, per million tokens"),
        ("prices = { input = 1.0 }", "prices are a table"),
        ('prices = { input = 1, output = "2", currency = "USD" }', "the others are numbers"),
        ('prices = { input = 1, output = -2, currency = "USD" }', "not negative"),
        ('prices = { input = nan, output = 2, currency = "USD" }', "finite"),
        ('kind = "embedded"\nbase_url = "http://127.0.0.1/v1"', "a judge of kind embedded is on this machine"),
    ],
)
def test_what_cannot_be_is_refused_with_file_judge_and_what_is_allowed(tmp_path, line, said):
    model = "" if line.startswith("model") else 'model = "m"\n'
    with pytest.raises(ValueError, match=said) as refused:
        told(tmp_path, f'[judge."my.judge"]\n{model}{line}\n')
    assert str(refused.value).startswith(f'{tmp_path / "judges.toml"}, [judge."my.judge"]: ') and KEY not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[judge.local]\n", "a judge needs a model"),
        ("[judge.gpt-4.1-nano]\nmodel = 'm'\n", "unknown key 1-nano .a name with a dot in it is written in quotes"),
        ("[judges.local]\n", r"holds tables \[judge.NAME\] and nothing else; got judges"),
        ("judge = 3", r"holds tables \[judge.NAME\]"),
        ("[judge]\nlocal = 3", r"holds tables \[judge.NAME\]"),
        ("[judge.local", r"judges\.toml is no TOML: "),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path, text, said):
    with pytest.raises(ValueError, match=said) as refused:
        told(tmp_path, text)
    assert str(refused.value).startswith(str(tmp_path / "judges.toml"))


def test_a_key_that_is_no_text_is_said_without_repeating_it(tmp_path, secrets):
    secrets("OPENAI_API_KEY = 123456789\n")
    with pytest.raises(ValueError, match="OPENAI_API_KEY is a text in quotes") as refused:
        key_of(judges(tmp_path)["gpt-4.1-mini"])
    assert "123456789" not in str(refused.value)


def test_reading_the_configuration_loads_no_model_and_no_sdk():
    """Pages read it: it must come at once."""
    code = "import sys, json, bae.comsem.configuration, bae.comsem.calls; print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True).stdout)
    assert not {"torch", "openai", "transformers", "streamlit"} & set(loaded)
