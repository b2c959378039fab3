"""What an administrator allows comes from the environment, and a wrong value is named with what is allowed."""

import pytest

from bae.system.limits import WritingLimits


def test_without_variables_the_defaults_hold():
    assert WritingLimits.of({}) == WritingLimits(256, 20_000, 50) == WritingLimits.of({"BAE_MAX_NEW_TOKENS": " "})


def test_variables_are_read():
    found = WritingLimits.of({"BAE_MAX_NEW_TOKENS": "10", "BAE_MAX_PROMPT_CHARACTERS": " 300 ", "BAE_MAX_WAITING": "0"})
    assert found == WritingLimits(10, 300, 0)


@pytest.mark.parametrize("name", ["BAE_MAX_NEW_TOKENS", "BAE_MAX_PROMPT_CHARACTERS", "BAE_MAX_WAITING"])
@pytest.mark.parametrize("value", ["many", "-1", "1e3", "1,000", "0.5", "²", "999999999", "9" * 5000])
def test_a_wrong_value_is_named(name, value):
    with pytest.raises(ValueError, match=rf"{name} is a whole number from [01] to [0-9,]+, without commas; got '") as found:
        WritingLimits.of({name: value})
    assert len(str(found.value)) < 200


def test_nothing_can_be_forbidden_altogether_but_waiting():
    with pytest.raises(ValueError, match="from 1 to 100,000"):
        WritingLimits(max_new_tokens=0)
    assert WritingLimits(max_waiting=0).max_waiting == 0


def test_more_than_is_allowed_is_refused():
    limits = WritingLimits(10, 5)
    limits.check("12345", 10)
    with pytest.raises(ValueError, match=r"has 6 characters; this server .* at most 5"):
        limits.check("123456", 10)
    with pytest.raises(ValueError, match=r"11 tokens .* at most 10"):
        limits.check("12345", 11)
