"""From a tag to its digest: taking references apart, asking ECR, and what ECR is not asked."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.aws.door import Aws
from reconciler.aws.translate import from_code
from reconciler.model.errors import AccessDenied
from reconciler.plan.image_names import ImageName, taken_apart
from reconciler.resources.image import EcrPlace, digests_in_ecr, resolve
from tests.fakes.clock import VirtualClock
from tests.fakes.small import FakeEcr
from tests.fakes.transport import FakeTransport

HOST = "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com"
DIGEST = "sha256:" + "a" * 64


@pytest.fixture
def registry():
    """Return a fake ECR that has `team/shop:1`, and the transport before it."""
    ecr = FakeEcr()
    ecr.digests["team/shop", "1"] = DIGEST
    transport = FakeTransport(VirtualClock(), {"ecr": ecr.handle})
    transport.ecr = ecr
    return transport


def door(transport) -> Aws:
    """Return the door to it."""
    return Aws(transport, transport.clock)


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("shop", ("shop", "", "")),
        ("shop:1", ("shop", "1", "")),
        ("localhost:5000/shop", ("localhost:5000/shop", "", "")),
        ("localhost:5000/shop:1", ("localhost:5000/shop", "1", "")),
        (f"{HOST}/shop@{DIGEST}", (f"{HOST}/shop", "", DIGEST)),
        (f"{HOST}/shop:1@{DIGEST}", (f"{HOST}/shop", "1", DIGEST)),
    ],
)
def test_a_reference_is_taken_apart(reference, parts):
    """A port is no tag, and a tag may stand before a digest."""
    assert taken_apart(reference) == ImageName(*parts)


NAME = st.from_regex(r"[a-z0-9]{1,8}(/[a-z0-9]{1,8}){0,2}", fullmatch=True)


@settings(max_examples=50)
@given(NAME, st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,10}", fullmatch=True), st.booleans())
def test_parts_put_together_are_the_reference(name, tag, port):
    """Nothing is lost in taking apart, with or without a port."""
    repository = f"host:5000/{name}" if port else name
    assert taken_apart(f"{repository}:{tag}") == ImageName(repository, tag, "")


def test_a_tag_is_resolved_in_the_registry_of_its_account(registry):
    """ECR is asked once, for the repository and registry that the reference names."""
    assert resolve(door(registry), f"{HOST}/team/shop:1") == f"{HOST}/team/shop@{DIGEST}"
    ((service, operation, params),) = registry.calls
    assert (service, operation) == ("ecr", "DescribeImages")
    assert params == {
        "registryId": "123456789012",
        "repositoryName": "team/shop",
        "imageIds": [{"imageTag": "1"}],
    }


@pytest.mark.parametrize(
    ("reference", "answer"),
    [
        (f"{HOST}/team/shop@{DIGEST}", f"{HOST}/team/shop@{DIGEST}"),
        (f"{HOST}/team/shop:9@{DIGEST}", f"{HOST}/team/shop@{DIGEST}"),
        ("public.ecr.aws/nginx/nginx:1.27", "public.ecr.aws/nginx/nginx:1.27"),
        ("nginx:1.27", "nginx:1.27"),
        (f"evil.{HOST}/shop:1", f"evil.{HOST}/shop:1"),
        (f"{HOST}.evil.example/shop:1", f"{HOST}.evil.example/shop:1"),
    ],
)
def test_what_needs_no_answer_is_not_asked(registry, reference, answer):
    """A digest is itself; a registry that is not the account's ECR is left to the one who pulls."""
    assert resolve(door(registry), reference) == answer
    assert registry.calls == []


@pytest.mark.parametrize(
    "host",
    [
        "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn",
        "123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com",
    ],
)
def test_ecr_has_other_names(registry, host):
    """Hosts of China and of FIPS endpoints are ECR as well."""
    assert resolve(door(registry), f"{host}/team/shop:1") == f"{host}/team/shop@{DIGEST}"


def test_an_image_without_a_tag_is_the_latest(registry):
    """As Docker reads it: live task definitions may name a repository alone."""
    registry.ecr.digests["team/shop", "latest"] = DIGEST
    assert resolve(door(registry), f"{HOST}/team/shop") == f"{HOST}/team/shop@{DIGEST}"


def test_an_image_that_is_not_there_is_none(registry):
    """Neither ImageNotFoundException nor an empty list is an error: the plan says what is missing."""
    assert resolve(door(registry), f"{HOST}/team/shop:2") is None
    registry.handlers["ecr"] = lambda _operation, _params: {"imageDetails": []}
    assert resolve(door(registry), f"{HOST}/team/shop:1") is None


def test_a_missing_repository_is_a_missing_image(registry):
    """RepositoryNotFoundException is NotFound too."""

    def refuse(_operation, _params):
        raise from_code("ecr:DescribeImages", "RepositoryNotFoundException", "none")

    registry.handlers["ecr"] = refuse
    assert resolve(door(registry), f"{HOST}/team/shop:1") is None


def test_a_refusal_is_not_a_missing_image(registry):
    """Without the permission nobody knows whether the image exists."""

    def refuse(_operation, _params):
        raise from_code("ecr:DescribeImages", "AccessDeniedException", "not authorized")

    registry.handlers["ecr"] = refuse
    with pytest.raises(AccessDenied):
        resolve(door(registry), f"{HOST}/team/shop:1")


@settings(max_examples=40)
@given(st.sets(st.integers(0, 99), min_size=1), st.sets(st.integers(0, 99), max_size=6))
def test_tags_are_asked_about_together(asked, gone):
    """The answer is that of asking one by one; it costs one call while every tag is there."""
    ecr = FakeEcr()
    ecr.digests = {("shop", f"t{n}"): f"sha256:{n % 7:064x}" for n in range(100) if n not in gone}
    transport = FakeTransport(VirtualClock(), {"ecr": ecr.handle})
    place = EcrPlace("ap-northeast-1", "123456789012", "shop")
    tags = [f"t{n}" for n in sorted(asked)]

    found = digests_in_ecr(door(transport).call, place, tags)

    assert found == {t: ecr.digests["shop", t] for t in tags if ("shop", t) in ecr.digests}
    missing = len(asked & gone)
    halvings = (len(asked) - 1).bit_length()
    assert len(transport.calls) <= 1 + 2 * missing * halvings


def test_a_missing_repository_is_asked_about_once(registry):
    """Each of its tags is gone: halving them would only ask the same again."""

    def refuse(_operation, _params):
        raise from_code("ecr:DescribeImages", "RepositoryNotFoundException", "none")

    registry.handlers["ecr"] = refuse
    place = EcrPlace("ap-northeast-1", "123456789012", "shop")
    assert digests_in_ecr(door(registry).call, place, ["1", "2", "3"]) == {}
    assert len(registry.calls) == 1


def test_an_image_of_another_region_is_asked_for_there(registry):
    """The region in the registry's name decides, not the app's: a copy elsewhere is another image."""
    resolve(door(registry), "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/shop:1")
    assert registry.regions == ["eu-west-1"]
