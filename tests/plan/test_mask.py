"""What is hidden and what is shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.plan.mask import SENSITIVE, mask_text, mask_value


@pytest.mark.parametrize(
    "name",
    [
        "DB_PASSWORD", "API_TOKEN", "CLIENT_SECRET", "RAILS_MASTER_KEY", "SECRET_KEY_BASE",
        "apiToken", "PASSWORD", "AWS_SECRET_ACCESS_KEY", "PGPASSWORD", "SMTP_PASS",
    ],
)  # fmt: skip
def test_names_that_promise_a_secret(name: str) -> None:
    """Their values are hidden wherever they stand."""
    assert mask_value(("containerDefinitions", "app", "environment", name), "x") == SENSITIVE
    assert mask_value("environment", [{"name": name, "value": "x"}]) == [
        {"name": name, "value": SENSITIVE}
    ]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("environment", "RAILS_ENV"), "production"),
        (("environment", "PWD"), "/webapp"),
        (("environment", "PASSENGER_POOL"), "3"),
        (("secrets", "RAILS_MASTER_KEY"), "/shop/RAILS_MASTER_KEY"),
        (("logConfiguration", "secretOptions", "splunk-token"), "arn:aws:ssm:x"),
        (("clientToken",), "abc"),
        (("image",), "r.example.com/shop@sha256:abc"),
        (("environment", "API_KEY"), ""),
    ],
)
def test_what_is_no_secret_is_shown(path: tuple[str, ...], value: str) -> None:
    """References, AWS's own field names and empty values."""
    assert mask_value(path, value) == value


@pytest.mark.parametrize(
    "value",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "postgres://u:hunter2@db/shop",
        "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----",
        "ghp_0123456789abcdefghij0123456789abcdef",
    ],
)
def test_values_that_look_like_secrets(value: str) -> None:
    """They are hidden whatever their name is."""
    assert SENSITIVE in mask_value(("environment", "X"), value)
    assert value not in mask_text(f"before {value} after")


@given(st.text(alphabet="abcdefgh0123456789", min_size=6))
def test_text_never_keeps_a_password(secret: str) -> None:
    """In URLs, assignments, JSON and flags."""
    secret = f"Zq{secret}"
    for text in (
        f"redis://:{secret}@h:1/0",
        f"DB_PASSWORD={secret} rails",
        f'{{"password": "{secret}"}}',
        f"mysql --password {secret}",
        f"mysql --password={secret}",
        f"password: {secret}",
    ):
        assert secret not in mask_text(text), text


SENTENCES = (
    "permission denied",
    "Permission denied",
    "no such file or directory",
    "stat /run/secrets/token: no such file or directory",
    "executable file not found in $PATH: unknown",
    "not found",
)


@pytest.mark.parametrize("said", SENTENCES)
@pytest.mark.parametrize(
    "file", ['"/etc/passwd"', "'/app/.secret'", 'exec: "/run/secrets/token"', "cat: /etc/passwd"]
)
def test_what_a_system_says_of_a_file_is_shown(file: str, said: str) -> None:
    """The name of a file is no promise where an error of the system follows, and not a value."""
    text = f"OCI runtime create failed: {file}: {said}"
    assert mask_text(text) == text


@given(
    st.sampled_from(['"/etc/passwd"', '"password"', "'/shop/DB_PASSWORD'", "passwd", '"/a/token"']),
    st.sampled_from(SENTENCES),
    st.text(alphabet="abcdefgh0123456789", min_size=6),
)
def test_no_sentence_lets_a_secret_pass(name: str, said: str, secret: str) -> None:
    """Only the whole sentence is shown: what is before it, glued to it or behind it is hidden as ever."""
    secret = f"Zq{secret}"
    word = said.replace(" ", "-")
    for text in (
        f"{name}: {secret}",
        f"{name}: {secret} {said}",
        f"{name}: {secret}: {said}",
        f"{name}: {word}{secret}",
        f"{name}: open{secret} /x",
        f"{name}: {said}; {name}: {secret}",
        f"{name}: {said}, PASSWORD={secret}",
        f"PASSWORD={secret}: {said}",
        f'{{{name}: "{secret}"}}',
    ):
        assert secret not in mask_text(text), text


def test_a_flag_hides_the_next_argument() -> None:
    """In a command that is a list too."""
    assert mask_value("command", ["x", "--token", "abc", "run"]) == [
        "x",
        "--token",
        SENSITIVE,
        "run",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "unable to pull secrets or registry auth: execution resource retrieval failed",
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:shop/db-AbCdEf",
        "== 20261122093000 AddIndex: migrated (21.4s) ==",
    ],
)
def test_prose_stays_readable(text: str) -> None:
    """AWS's own messages and log lines pass unchanged."""
    assert mask_text(text) == text


@pytest.mark.parametrize(
    "part", ["x", "a.", "-a", "eyJaaaaaaaaaa-", "a://b:", "-----BEGIN ", "'a ", "A=b ", "password"]
)
def test_long_texts_take_time_in_their_length(part: str) -> None:
    """Half a megabyte is masked at once; in the square of it this test would not end."""
    text = part * (500_000 // len(part))
    assert mask_text(text) == text


@pytest.mark.parametrize(
    "text", ["1PASSWORD=x y", "a.b.password=x", "--password x", "('--db-password x')", "_TOKEN='x'"]
)
def test_names_are_found_wherever_they_begin(text: str) -> None:
    """A digit, a dot, a dash or a quote before the name hides nothing."""
    assert "x" not in mask_text(text).replace(SENSITIVE, "")
