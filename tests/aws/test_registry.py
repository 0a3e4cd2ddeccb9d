"""Registries other than ECR: names, tokens, digests, platforms, and what must not be sent or believed."""

from __future__ import annotations

import base64
import json
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.aws.http import HttpAnswer, UrllibHttp
from reconciler.aws.registry import (
    DOCKER_HUB,
    Closed,
    Registry,
    docker_credentials,
    place_of,
    platforms_of,
)
from reconciler.model.errors import RegistryError
from tests.aws.registries import PlayedRegistry, digest_of, served
from tests.fakes.clock import VirtualClock

SECRET = "hunter2"


@pytest.fixture
def played():
    """Return a registry on this machine."""
    with served(PlayedRegistry()) as registry:
        yield registry


def asking(credentials=()):
    """Return the door, over real HTTP and with virtual pauses."""
    return Registry(UrllibHttp(), VirtualClock(), dict(credentials))


@pytest.mark.parametrize(
    ("repository", "place"),
    [
        ("nginx", (DOCKER_HUB, "library/nginx")),
        ("team/shop", (DOCKER_HUB, "team/shop")),
        ("docker.io/nginx", (DOCKER_HUB, "library/nginx")),
        ("index.docker.io/team/shop", (DOCKER_HUB, "team/shop")),
        ("ghcr.io/team/shop", ("ghcr.io", "team/shop")),
        ("quay.io/team/shop", ("quay.io", "team/shop")),
        ("public.ecr.aws/nginx/nginx", ("public.ecr.aws", "nginx/nginx")),
        ("localhost/shop", ("localhost", "shop")),
        ("registry:5000/shop", ("registry:5000", "shop")),
    ],
)
def test_where_an_image_is(repository, place):
    """Names without a host are Docker Hub's, and those without a slash its own."""
    assert place_of(repository) == place


def test_a_tag_is_resolved_with_an_anonymous_token(played):
    """The challenge is answered once; a HEAD is enough, which Docker Hub does not count as a pull."""
    digest = played.push("team/shop", "1", "linux/amd64")
    registry = asking()
    assert registry.digest(f"{played.host}/team/shop", "1") == digest
    assert [(m, p.partition("?")[0]) for m, p, _ in played.requests] == [
        ("HEAD", "/v2/team/shop/manifests/1"),
        ("GET", "/token"),
        ("HEAD", "/v2/team/shop/manifests/1"),
    ]
    played.requests.clear()
    registry.digest(f"{played.host}/team/shop", "1")
    assert len(played.requests) == 1


def test_an_image_that_is_not_there(played):
    """It is None, not an error: the plan says what is missing."""
    assert asking().digest(f"{played.host}/team/shop", "1") is None


def test_a_registry_that_does_not_say_the_digest(played):
    """The digest is what the content hashes to."""
    digest = played.push("shop", "1", "linux/amd64")
    played.says_digest = False
    assert asking().digest(f"{played.host}/shop", "1") == digest


@pytest.mark.parametrize("index", [True, False])
def test_platforms(played, index):
    """An index names them; a single image's are in its configuration, behind a redirect."""
    wanted = ("linux/amd64", "linux/arm64") if index else ("linux/arm64",)
    digest = played.push("shop", "1", *wanted, index=index)
    assert asking().platforms(f"{played.host}/shop", digest) == frozenset(wanted)


def test_a_redirect_takes_no_credentials_along(played):
    """The store of blobs is somebody else."""
    digest = played.push("shop", "1", "linux/arm64", index=False)
    asking().platforms(f"{played.host}/shop", digest)
    assert [a for _, path, a in played.requests if path.startswith("/store/")] == [""]


def test_content_that_is_not_what_was_asked_for(played):
    """A registry is not believed further than the digest."""
    digest = played.push("shop", "1", "linux/amd64")
    played.content[digest] = ("application/json", b"{}")
    with pytest.raises(RegistryError, match="something else"):
        asking().platforms(f"{played.host}/shop", digest)


def test_a_private_registry_with_credentials(played):
    """What `docker login` wrote is shown to the token server and nobody else."""
    played.user = f"ci:{SECRET}"
    digest = played.push("shop", "1", "linux/amd64")
    text = json.dumps({"auths": {played.host: {"auth": _basic(played.user)}}})
    registry = asking(docker_credentials(text))
    assert registry.digest(f"{played.host}/shop", "1") == digest
    shown = [path for _, path, a in played.requests if _basic(played.user) in a]
    assert [path.partition("?")[0] for path in shown] == ["/token"]
    assert _basic(played.user) not in repr(registry)


@pytest.mark.parametrize("challenge", ["bearer", "basic"])
def test_a_private_registry_without_credentials(played, challenge):
    """It is closed to us, which is no proof that the image is missing."""
    played.user, played.challenge = f"ci:{SECRET}", challenge
    played.push("shop", "1", "linux/amd64")
    with pytest.raises(Closed, match="without credentials"):
        asking().digest(f"{played.host}/shop", "1")


def test_credentials_do_not_go_in_plain_text(played):
    """A registry that asks for Basic over HTTP gets nothing."""
    played.user, played.challenge = f"ci:{SECRET}", "basic"
    played.push("shop", "1", "linux/amd64")
    with pytest.raises(Closed):
        asking({played.host: _basic(played.user)}).digest(f"{played.host}/shop", "1")
    assert not any(a for _, _, a in played.requests)


def test_nobody_listens():
    """A host that cannot be reached is closed: the task may well reach it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(Closed, match="cannot be reached from here"):
        asking().digest(f"{host}/shop", "1")


def test_a_busy_registry_is_asked_again(played):
    """Two refusals are waited for; three are an error that the next pass tries again."""
    digest = played.push("shop", "1", "linux/amd64")
    played.failing = [429, 503]
    assert asking().digest(f"{played.host}/shop", "1") == digest
    played.failing = [503, 503, 503]
    with pytest.raises(RegistryError, match="answers 503: tried 3 times"):
        asking().digest(f"{played.host}/shop", "1")


class Scripted:
    """`Http` with answers by URL; everything else is not there."""

    def __init__(self, answers):
        self.answers = answers
        self.sent = []

    def send(self, method, url, headers, limit):
        self.sent.append((url, dict(headers)))
        return self.answers.get(url, HttpAnswer(404))


def test_a_token_server_without_encryption_is_not_asked():
    """A challenge cannot send our credentials to a host of its choice in plain text."""
    url = "https://r.example/v2/shop/manifests/1"
    challenge = {"www-authenticate": 'Bearer realm="http://evil.example/token",service="x"'}
    http = Scripted({url: HttpAnswer(401, challenge)})
    registry = Registry(http, VirtualClock(), {"r.example": _basic(f"u:{SECRET}")})
    with pytest.raises(Closed):
        registry.digest("r.example/shop", "1")
    assert [sent for sent, _ in http.sent] == [url]


def test_a_redirect_without_encryption_is_not_followed():
    """Not even for a blob that is checked afterwards."""
    body = json.dumps({"config": {"digest": "sha256:" + "a" * 64}}).encode()
    base = "https://r.example/v2/shop"
    http = Scripted(
        {
            f"{base}/manifests/{digest_of(body)}": HttpAnswer(200, {}, body),
            f"{base}/blobs/sha256:{'a' * 64}": HttpAnswer(
                307, {"location": "http://evil.example/"}
            ),
        }
    )
    with pytest.raises(RegistryError, match="without encryption"):
        Registry(http, VirtualClock()).platforms("r.example/shop", digest_of(body))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"auths": {"ghcr.io": {"auth": "eA=="}}}', {"ghcr.io": "eA=="}),
        ('{"auths": {"https://index.docker.io/v1/": {"auth": "eA=="}}}', {DOCKER_HUB: "eA=="}),
        ('{"auths": {"ghcr.io": {}}, "credsStore": "desktop"}', {}),
        *((text, {}) for text in ("", "[]", "{}", '{"auths": []}', '{"auths": {"a": 1}}', "{")),
    ],
)
def test_docker_configuration_files(text, found):
    """Entries with credentials of their own are read; helpers are not run."""
    assert docker_credentials(text) == found


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["manifests", "platform", "os", "architecture"]), inner)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(["manifests", "config", "os"]), JSON))
def test_no_manifest_is_a_crash(manifest):
    """Whatever a registry sends is a set of platforms, maybe an empty one."""
    assert all("/" in platform for platform in platforms_of(manifest))


def _basic(user):
    """Spell credentials as a Docker configuration file does."""
    return base64.b64encode(user.encode()).decode()
