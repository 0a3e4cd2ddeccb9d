"""Log lines for people and for machines, with context and without secrets."""

from __future__ import annotations

import io
import json
import logging
import threading

import pytest

from reconciler.controller import logs

log = logging.getLogger("reconciler.controller.example")


@pytest.fixture
def written():
    """Return a function that configures logging and gives the stream; afterwards all is as before."""
    root, ours = logging.getLogger(), logging.getLogger("reconciler")
    before = (list(root.handlers), root.level, ours.level)

    def configure(log_format: str, **options) -> io.StringIO:
        stream = io.StringIO()
        logs.configure(log_format, stream=stream, **options)
        return stream

    yield configure
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    ours.setLevel(before[2])


@pytest.mark.parametrize(
    ("options", "heard"),
    [
        ({}, ["progress", "trouble"]),
        ({"quiet": True}, ["trouble"]),
        ({"quiet": True, "verbose": True}, ["progress", "trouble"]),
    ],
)
def test_quiet_leaves_warnings_only(written, options, heard):
    """--quiet takes the progress out of the log, never what went wrong; --verbose wins."""
    stream = written("json", **options)
    log.info("progress")
    log.warning("trouble")
    assert [json.loads(line)["msg"] for line in stream.getvalue().splitlines()] == heard


def test_json_lines_have_the_documented_keys(written):
    """One object a line: ts in UTC, level, msg, the context and what the call gave."""
    stream = written("json")
    with logs.context(key="production/shop", epoch=7):
        log.warning("refused %s", "twice", extra={"request_id": "r-1", "address": "service/web"})
    document = json.loads(stream.getvalue())
    assert document.pop("ts").endswith("Z")
    assert document == {
        "level": "warning",
        "msg": "refused twice",
        "logger": "reconciler.controller.example",
        "key": "production/shop",
        "address": "service/web",
        "epoch": 7,
        "request_id": "r-1",
    }


def test_plain_lines_name_the_app_first(written):
    """People read: time, level, app, text, the rest."""
    stream = written("plain")
    with logs.context(key="production/shop"):
        log.info("done", extra={"revision": "42"})
    assert stream.getvalue().split(" ", 1)[1] == "INFO production/shop: done revision=42\n"


def test_the_inner_context_wins_and_ends(written):
    """Context nests: inner fields hide outer ones and are gone afterwards."""
    stream = written("json")
    with logs.context(key="e/a", revision="1"):
        with logs.context(revision="2"):
            log.info("inner")
        log.info("outer")
    log.info("none")
    seen = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(d.get("key"), d.get("revision")) for d in seen] == [
        ("e/a", "2"),
        ("e/a", "1"),
        (None, None),
    ]


def test_the_context_of_one_thread_is_not_anothers(written):
    """Two workers never sign each other's lines."""
    stream = written("json")
    with logs.context(key="e/a"):
        other = threading.Thread(target=log.info, args=("from another thread",))
        other.start()
        other.join(30)
    assert "key" not in json.loads(stream.getvalue())


@pytest.mark.parametrize("log_format", logs.FORMATS)
def test_secrets_are_masked_wherever_they_stand(written, log_format):
    """Message, arguments, fields and tracebacks pass the mask."""
    stream = written(log_format, verbose=True)
    secret = "hunter2hunter2"
    log.error(
        "cannot reach postgres://u:%s@db/x",
        secret,
        extra={"address": f"TOKEN={secret}"},
        exc_info=ValueError(f"DB_PASSWORD={secret}"),
    )
    text = stream.getvalue()
    assert secret not in text
    assert "ValueError" in text
    assert "cannot reach" in text


def test_a_json_line_stays_json_when_something_is_masked(written):
    """The mask works on the texts, not on the quoted line."""
    stream = written("json")
    log.warning('said "DB_PASSWORD=abc" and "more"')
    assert json.loads(stream.getvalue())["msg"].endswith('and "more"')


def test_debug_lines_and_other_libraries_are_quiet_by_default(written):
    """Only our INFO and above is heard, of others WARNING and above; -v adds our DEBUG."""
    stream = written("plain")
    log.debug("ours at debug")
    logging.getLogger("botocore").info("theirs at info")
    assert stream.getvalue() == ""
    logging.getLogger("botocore").warning("theirs at warning")
    assert "theirs at warning" in stream.getvalue()
    stream = written("plain", verbose=True)
    log.debug("ours at debug")
    assert "ours at debug" in stream.getvalue()


def test_configuring_again_replaces_the_handler(written):
    """A line is never written twice."""
    first, second = written("plain"), written("plain")
    log.info("once")
    assert (first.getvalue(), second.getvalue().count("once")) == ("", 1)


def test_an_unknown_format_is_refused(written):
    """Only plain and json exist."""
    with pytest.raises(ValueError, match="use plain or json"):
        written("xml")


def test_what_is_no_text_and_no_json_is_still_written(written):
    """A field of any type must not break the line."""
    stream = written("json")
    log.info("odd", extra={"revision": {1, 2}})
    assert json.loads(stream.getvalue())["revision"] == "{1, 2}"
