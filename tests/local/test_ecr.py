"""The embedded ECR on the wire: manifests, platforms, layers, and tags that move."""

from __future__ import annotations

import hashlib
import json
import urllib.error
import urllib.request

import pytest

from reconciler.local.manifests import INDEX, MANIFEST, build
from tests.local.talk import code_of

APP = {"repositoryName": "app"}


@pytest.fixture
def ecr(talk):
    """Return a client of an embedded AWS with the image `app`."""
    client = talk.client("ecr")
    client.images = talk.aws.images
    return client


def get(ecr, **image_id):
    """Return one image."""
    answer = ecr.batch_get_image(**APP, imageIds=[image_id])
    assert answer["failures"] == []
    return answer["images"][0]


def detail(ecr, tag):
    """Return what DescribeImages says of a tag."""
    return ecr.describe_images(**APP, imageIds=[{"imageTag": tag}])["imageDetails"][0]


def download(ecr, digest):
    """Return a layer by its download URL, its digest checked."""
    url = ecr.get_download_url_for_layer(**APP, layerDigest=digest)["downloadUrl"]
    with urllib.request.urlopen(url) as answer:  # noqa: S310 - our own endpoint
        body = answer.read()
    assert "sha256:" + hashlib.sha256(body).hexdigest() == digest
    return json.loads(body)


def platform(ecr, manifest):
    """Return system and architecture of a manifest, from the config that it names."""
    config = download(ecr, manifest["config"]["digest"])
    return config["os"], config["architecture"]


def test_a_tag_is_an_index_of_two_platforms(ecr):
    """The digest is the document's; each entry leads to a manifest and its config."""
    image = get(ecr, imageTag="1")
    text = image["imageManifest"]
    digest = "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    assert image["imageId"] == {"imageDigest": digest, "imageTag": "1"}
    assert image["imageManifestMediaType"] == json.loads(text)["mediaType"] == INDEX
    found = set()
    for entry in json.loads(text)["manifests"]:
        child = json.loads(get(ecr, imageDigest=entry["digest"])["imageManifest"])
        named = (entry["platform"]["os"], entry["platform"]["architecture"])
        assert platform(ecr, child) == named
        found.add(named)
    assert found == {("linux", "amd64"), ("linux", "arm64")}


def test_an_image_for_one_platform_is_a_plain_manifest(ecr):
    """Its platform is in its config only."""
    digest = ecr.images.push("app", "arm", [("linux", "arm64")])
    image = get(ecr, imageTag="arm")
    assert image["imageId"]["imageDigest"] == digest
    assert image["imageManifestMediaType"] == MANIFEST
    assert platform(ecr, json.loads(image["imageManifest"])) == ("linux", "arm64")


def test_a_pushed_tag_moves(ecr):
    """The tag names another digest; the old one stays, without the tag."""
    before = detail(ecr, "latest")["imageDigest"]
    after = ecr.images.push("app", "latest")
    assert detail(ecr, "latest")["imageDigest"] == after != before
    old = ecr.describe_images(**APP, imageIds=[{"imageDigest": before}])["imageDetails"][0]
    assert "imageTags" not in old
    listed = ecr.list_images(**APP)["imageIds"]
    assert {"imageDigest": after, "imageTag": "latest"} in listed
    assert {"imageDigest": before} in listed
    wanted = [{"imageTag": "latest", "imageDigest": before}]
    assert ecr.batch_get_image(**APP, imageIds=wanted)["failures"]


def test_put_image_moves_a_tag_too(ecr):
    """Any tool can push; the same manifest under the same tag exists already."""
    image = get(ecr, imageTag="1")
    request = {
        **APP,
        "imageTag": "stable",
        "imageManifest": image["imageManifest"],
        "imageManifestMediaType": INDEX,
    }
    put = ecr.put_image(**request)["image"]["imageId"]
    assert put["imageDigest"] == image["imageId"]["imageDigest"]
    assert sorted(detail(ecr, "stable")["imageTags"]) == ["1", "stable"]
    assert code_of(ecr.put_image, **request) == "ImageAlreadyExistsException"
    wrong = {**request, "imageDigest": "sha256:" + "0" * 64}
    assert code_of(ecr.put_image, **wrong) == "ImageDigestDoesNotMatchException"


def test_a_deleted_tag_is_not_found(ecr):
    """Until it is pushed again."""
    wanted = [{"imageTag": "1"}]
    assert ecr.batch_delete_image(**APP, imageIds=wanted)["imageIds"] != []
    assert code_of(ecr.describe_images, **APP, imageIds=wanted) == "ImageNotFoundException"
    assert ecr.batch_get_image(**APP, imageIds=wanted)["images"] == []
    ecr.images.push("app", "1")
    assert detail(ecr, "1")["imageTags"] == ["1"]


def test_unknown_layers_are_not_found(ecr):
    """Neither by the API nor by a made-up URL."""
    digest = "sha256:" + "0" * 64
    code = code_of(ecr.get_download_url_for_layer, **APP, layerDigest=digest)
    assert code == "LayersNotFoundException"
    url = f"{ecr.meta.endpoint_url}/ecr-layers/app/{digest}"
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(url)  # noqa: S310 - our own endpoint
    with raised.value as answer:
        assert answer.code == 404


def test_a_task_of_a_pushed_digest_knows_its_tag(talk, ecr):
    """The process behind a digest sees the tag that it was pushed under."""
    digest = ecr.images.push("app", "7")
    image = f"123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/app@{digest}"
    script = 'test "$RECONCILER_IMAGE_TAG" = 7'
    container = {"name": "main", "image": image, "memory": 16, "command": ["sh", "-c", script]}
    assert talk.finish(container)["containers"][0]["exitCode"] == 0


def test_documents_are_stable(ecr):
    """The same image is the same digest in every start, another name is another digest."""
    once, twice = (build("a:1", [("linux", "amd64")]) for _ in range(2))
    assert once.top.digest == twice.top.digest
    assert build("a:2", [("linux", "amd64")]).top.digest != once.top.digest
