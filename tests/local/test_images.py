"""Image references, mappings, tags and digests."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.local.images import ImageReference, Images
from reconciler.local.sample import sample_images
from reconciler.local.server import EmbeddedAws
from reconciler.local.standalone import LocalOptions, embedded, parse_image
from reconciler.model.errors import UsageError
from tests.local.talk import code_of

HOST = "123456789012.dkr.ecr.ap-northeast-1.amazonaws.com"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("shop", ("shop", "", "")),
        ("shop:1", ("shop", "1", "")),
        ("team/shop:1", ("team/shop", "1", "")),
        (f"{HOST}/team/shop:1", ("team/shop", "1", "")),
        ("localhost:5000/shop:1", ("shop", "1", "")),
        ("localhost:5000/shop", ("shop", "", "")),
        (f"{HOST}/shop@sha256:ab", ("shop", "", "sha256:ab")),
        (f"{HOST}/shop:1@sha256:ab", ("shop", "1", "sha256:ab")),
    ],
)
def test_references_are_read(text, parts):
    """Registry hosts are no part of the repository, ports are no tags."""
    reference = ImageReference.parse(text)
    assert (reference.repository, reference.tag, reference.digest) == parts
    assert reference.name == "shop"


names = st.from_regex(r"[a-z][a-z0-9]{0,8}(/[a-z][a-z0-9]{0,8}){0,2}", fullmatch=True)
tags = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True)


@given(names, tags)
def test_the_tag_of_a_digest_is_found_again(repository, tag):
    """What was given out as a digest is known by it afterwards, and digests do not change."""
    images = Images({})
    digest = images.digest(repository, tag)
    assert digest == Images({}).digest(repository, tag)
    reference = ImageReference.parse(f"{HOST}/{repository}@{digest}")
    assert images.tag_of(reference) == tag
    assert images.tag_of(ImageReference.parse(f"{repository}@sha256:00")) == ""


def test_every_tag_of_a_mapped_repository_exists(talk):
    """Also where the image's name is only the last part, and for the built-in guard."""
    ecr = talk.client("ecr")
    for repository in ("app", "team/app", "reconciler-guard"):
        details = ecr.describe_images(
            repositoryName=repository, imageIds=[{"imageTag": "1"}, {"imageTag": "2"}]
        )["imageDetails"]
        digests = [d["imageDigest"] for d in details]
        assert digests == [
            talk.aws.images.digest(repository, "1"),
            talk.aws.images.digest(repository, "2"),
        ]
        assert len(set(digests)) == 2
        again = ecr.describe_images(
            repositoryName=repository, imageIds=[{"imageDigest": digests[0]}]
        )
        assert again["imageDetails"][0]["imageTags"] == ["1"]
        assert len(ecr.describe_images(repositoryName=repository)["imageDetails"]) == 2


def test_what_was_not_seeded_does_not_exist(talk):
    """Unknown repositories and digests are errors, as is a tag of a repository made by hand."""
    ecr = talk.client("ecr")
    describe, wanted = ecr.describe_images, [{"imageTag": "1"}]
    assert (
        code_of(describe, repositoryName="other", imageIds=wanted) == "RepositoryNotFoundException"
    )
    unknown = [{"imageDigest": "sha256:" + "0" * 64}]
    assert code_of(describe, repositoryName="app", imageIds=unknown) == "ImageNotFoundException"
    ecr.create_repository(repositoryName="other")
    assert code_of(describe, repositoryName="other", imageIds=wanted) == "ImageNotFoundException"


def test_batch_get_image(talk):
    """Known images come with a manifest, unknown ones are failures."""
    wanted = [{"imageTag": "1"}, {"imageDigest": "sha256:" + "0" * 64}]
    answer = talk.client("ecr").batch_get_image(repositoryName="app", imageIds=wanted)
    assert [i["imageId"]["imageDigest"] for i in answer["images"]] == [
        talk.aws.images.digest("app", "1")
    ]
    assert [f["failureCode"] for f in answer["failures"]] == ["ImageNotFound"]


def test_the_image_option_is_read():
    """NAME=DIR; anything else says how to write it."""
    assert parse_image("shop=./a=b") == ("shop", Path("./a=b"))
    for text in ("shop", "=dir", "shop=", "team/shop=dir", "shop:1=dir"):
        with pytest.raises(UsageError, match="--image"):
            parse_image(text)


def test_a_folder_that_is_not_there(tmp_path):
    """It is said before anything starts."""
    with pytest.raises(UsageError, match="no such folder"):
        EmbeddedAws(images={"shop": tmp_path / "none"})


def test_own_folders_win_over_the_samples(tmp_path):
    """The sample's images are mapped unless the user maps them."""
    aws = embedded(LocalOptions(images={"shop": tmp_path}))
    assert aws.images.folders["shop"] == tmp_path.resolve()
    assert aws.images.folders["shop-nginx"] == sample_images()["shop-nginx"]
