"""The command line of `once`: one table, two programs that read it the same way."""

from __future__ import annotations

import pytest

from reconciler.cli.shortcut import PROGRAM
from reconciler.cli.verbs.once import command
from reconciler.runs.once.flags import FLAGS, HelpAsked, UnknownFlag, WrongUsage, parse, usage


def test_defaults():
    """What holds when nothing is said."""
    options = parse(["--key", "k", "--", "cmd", "-x", "--key", "y"], {})
    assert (options.wait, options.lease, options.no_wait, options.retry_failed) == (
        1800,
        60,
        False,
        False,
    )
    assert (options.table, options.namespace) == ("reconciler-claims", "default")
    assert options.argv == ["cmd", "-x", "--key", "y"]


def test_command_begins_at_the_first_word_that_is_no_flag():
    """As for env and timeout, -- may be left out; what follows is never read."""
    assert parse(["--key=k", "cmd", "--wait", "x"], {}).argv == ["cmd", "--wait", "x"]


def test_flag_wins_over_variable_and_variable_over_default():
    """As everywhere in this program."""
    given = {
        "RECONCILER_ONCE_KEY": "v",
        "RECONCILER_CLAIMS_TABLE": "t",
        "RECONCILER_ONCE_NO_WAIT": "1",
    }
    options = parse(["cmd"], given)
    assert (options.key, options.table, options.no_wait) == ("v", "t", True)
    options = parse(["--key", "f", "--wait", "1m", "cmd"], given)
    assert (options.key, options.wait, options.no_wait) == ("f", 60, False)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("cmd", "--key: say what may run once"),
        ("--key k", "no command"),
        ("--key", "--key needs a value"),
        ("--key k --lease 1s cmd", "at least 2s"),
        ("--key k --lease soon cmd", "write 30s, 5m or 1h30m"),
        ("--key k --wait 1m --no-wait cmd", "do not go together"),
        ("--key k --no-wait=1 cmd", "takes no value"),
        ("--key k --on-failure maybe cmd", "write hold or retry"),
        ("--key k --resolve done", "--reason"),
        ("--key k --reason x cmd", "belongs to --resolve"),
        ("--key k --resolve done --reason x cmd", "leave it out"),
        ("--key k --show --resolve done --reason x", "do not go together"),
        ("--key k --namespace a#b cmd", "--namespace"),
        ("--key <aws.scheduler.scheduled-time> cmd", "runs once and never again"),
        ("--key report/$(date) cmd", "runs once and never again"),
    ],
)
def test_wrong_usage_says_what_to_write(line, said):
    """A key that was not filled in, flags that fight, values that are none."""
    with pytest.raises(WrongUsage, match=said.replace("(", r"\(")):
        parse(line.split(), {})


@pytest.mark.parametrize("key", ["", " ", "a\nb", "\ud800", "x" * 1025])
def test_keys_that_are_none(key):
    """Empty, more than one line, no UTF-8, too long for DynamoDB."""
    with pytest.raises(WrongUsage, match="--key"):
        parse(["--key", key, "cmd"], {})


def test_unknown_flag_and_help():
    """The verb of the command line knows some flags more: these are told apart."""
    with pytest.raises(UnknownFlag):
        parse(["--key", "k", "--color", "never", "cmd"], {})
    with pytest.raises(HelpAsked):
        parse(["-h"], {})


def test_message_repeats_what_names_the_key():
    """The command to type has key, namespace and table, quoted."""
    options = parse(["--key", "a b", "--namespace", "shop", "cmd"], {}, PROGRAM)
    assert options.again == "reconciler once --key 'a b' --namespace shop"


def test_message_repeats_where_the_key_is():
    """A command typed as the message says reaches the same AWS, and adopts no key of another one."""
    where = "--region eu-west-1 --profile ops --endpoint-url http://localhost:1"
    options = parse(["--key", "k", *where.split(), "cmd"], {}, PROGRAM)
    assert options.again == f"reconciler once --key k {where}"


def test_both_programs_have_the_same_flags():
    """The verb's help and that of the single file come from one table."""
    declared = {o for p in command.own_params for o in p.opts if o.startswith("--")}
    assert declared == {flag.name for flag in FLAGS}
    assert all(flag.name in usage("x") for flag in FLAGS)
