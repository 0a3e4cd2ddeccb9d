"""All images of an app: pins first, then their registries; what they run on, and who may not be asked."""

from __future__ import annotations

import json

import pytest

from reconciler.aws.door import Aws
from reconciler.aws.http import HttpAnswer, UrllibHttp
from reconciler.aws.registry import Registry
from reconciler.aws.translate import from_code
from reconciler.model.lookups import Deferred, Lookup
from reconciler.resources.digests import Digests
from tests.aws.registries import PlayedRegistry, digest_of, served
from tests.fakes.clock import VirtualClock
from tests.fakes.small import FakeEcr
from tests.fakes.transport import FakeTransport

ECR = "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com"
DIGEST = "sha256:" + "a" * 64
CONFIG = json.dumps({"os": "linux", "architecture": "arm64"}).encode()


class Blobs:
    """`Http` that has one blob, as the addresses that ECR gives out."""

    def send(self, method, url, headers, limit):
        assert url == f"https://blobs.example/{digest_of(CONFIG)}"
        assert not headers
        return HttpAnswer(200, {}, CONFIG)


@pytest.fixture
def account():
    """Return a fake ECR with `shop:1`, and the transport before it."""
    transport = FakeTransport(VirtualClock(), {})
    transport.ecr = FakeEcr()
    transport.ecr.digests["shop", "1"] = DIGEST
    transport.handlers["ecr"] = transport.ecr.handle
    return transport


def read(transport, digests, *references, pins=()):
    """Read references."""
    return digests.read(Aws(transport, transport.clock), references, dict(pins))


def test_a_pinned_image_is_asked_of_nobody(account):
    """The steady state: no digest, no platform."""
    reference = f"{ECR}/shop:1"
    found = read(account, Digests(), reference, pins={reference: f"{ECR}/shop@{DIGEST}"})
    assert found.digests == {reference: f"{ECR}/shop@{DIGEST}"}
    assert not found.platforms
    assert account.calls == []


def test_an_index_in_ecr_names_its_platforms(account):
    """One BatchGetImage for a new digest, and never again."""
    platforms = [{"platform": {"os": "linux", "architecture": a}} for a in ("amd64", "arm64")]
    account.ecr.manifests[DIGEST] = json.dumps({"manifests": platforms})
    digests = Digests()
    found = read(account, digests, f"{ECR}/shop:1")
    assert found.platforms == {f"{ECR}/shop:1": {"linux/amd64", "linux/arm64"}}
    read(account, digests, f"{ECR}/shop:1")
    assert account.operations() == ["DescribeImages", "BatchGetImage", "DescribeImages"]


def test_a_single_image_in_ecr_names_its_platform_in_its_configuration(account):
    """It is downloaded from the address that ECR gives out, without any credentials."""
    account.ecr.manifests[DIGEST] = json.dumps({"config": {"digest": digest_of(CONFIG)}})
    digests = Digests(Registry(Blobs(), VirtualClock()))
    found = read(account, digests, f"{ECR}/shop:1")
    assert found.platforms == {f"{ECR}/shop:1": {"linux/arm64"}}


def test_who_may_not_see_the_platform_is_not_stopped(account):
    """The check is left out; the digest is known all the same."""
    handle = account.ecr.handle

    def refuse(operation, params):
        if operation == "BatchGetImage":
            raise from_code("ecr:BatchGetImage", "AccessDeniedException", "not authorized")
        return handle(operation, params)

    account.handlers["ecr"] = refuse
    found = read(account, Digests(), f"{ECR}/shop:1")
    assert found.digests == {f"{ECR}/shop:1": f"{ECR}/shop@{DIGEST}"}
    assert not found.platforms


def test_an_image_of_another_registry(account):
    """It is pinned like one of ECR; what is missing there is missing here."""
    with served(PlayedRegistry()) as played:
        digest = played.push("nginx", "1.27", "linux/amd64", "linux/arm64")
        digests = Digests(Registry(UrllibHttp(), VirtualClock()))
        here, gone = f"{played.host}/nginx:1.27", f"{played.host}/nginx:9"
        found = read(account, digests, here, gone)
    assert found.digests == {here: f"{played.host}/nginx@{digest}"}
    assert found.platforms == {here: {"linux/amd64", "linux/arm64"}}
    assert account.calls == []


def test_a_closed_registry_leaves_the_image_as_declared(account):
    """It is said why, and the registry is left alone for five minutes."""
    with served(PlayedRegistry()) as played:
        played.user = "ci:hunter2"
        played.push("shop", "1", "linux/amd64")
        digests = Digests(Registry(UrllibHttp(), VirtualClock()))
        reference = f"{played.host}/shop:1"
        found = read(account, digests, reference)
        assert found.digests == {reference: reference}
        assert "without credentials" in found.unpinned[reference]
        asked = len(played.requests)
        assert read(account, digests, reference) == found
        assert len(played.requests) == asked
        account.clock.advance(301)
        read(account, digests, reference)
        assert len(played.requests) > asked


def test_a_reference_that_is_still_a_look_up_is_asked_of_nobody(account):
    """What its workload waits for is no image's name."""
    waiting = Deferred((Lookup("ssm:/image"),))
    with served(PlayedRegistry()) as played:
        registry = Registry(UrllibHttp(), VirtualClock())
        found = read(account, Digests(registry), waiting)
        assert played.requests == []
    assert found.digests == {}


def test_without_a_door_only_ecr_is_asked(account):
    """As beside an AWS that is played on this machine."""
    found = read(account, Digests(), "nginx:1.27")
    assert found.digests == {"nginx:1.27": "nginx:1.27"}
    assert not found.unpinned
