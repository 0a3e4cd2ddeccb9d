"""`convert`: from files to files, without AWS."""

from __future__ import annotations

import json

import pytest

from tests.source.converters.samples import (
    COPILOT,
    COPILOT_JOB,
    ECSPRESSO,
    HAKO,
    SERVICE_DEFINITION,
    TASK_DEFINITION,
)


@pytest.fixture
def old(tmp_path):
    """Return a folder with the files of three tools."""
    files = {
        "ecspresso.yml": ECSPRESSO,
        "ecs-service-def.json": SERVICE_DEFINITION,
        "ecs-task-def.json": TASK_DEFINITION,
        "hello.yml": HAKO,
        "manifest.yml": COPILOT,
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def written(old, key="production/shop"):
    """Return the file of the app that was written."""
    return old / "desired" / key / "app.yaml"


@pytest.fixture
def convert(cli, old):
    """Convert a file of the folder."""

    def run(tool, name, *arguments):
        return cli("-C", str(old / "desired"), "convert", tool, str(old / name), *arguments)

    return run


@pytest.mark.parametrize(
    ("tool", "name", "key"),
    [
        ("ecspresso", "ecspresso.yml", "production/shop-web"),
        ("hako", "hello.yml", "production/hello"),
        ("copilot", "manifest.yml", "production/api"),
    ],
)
def test_a_folder_is_written_and_what_is_left_is_listed(convert, old, tool, name, key):
    """Each remark has its file and line; something listed is exit code 1."""
    result = convert(tool, name)
    assert result.exit_code == 1
    assert f"✔ wrote {old}/desired/{key}/app.yaml" in result.stdout
    assert f"Next: reconciler -a {key} diff" in result.stdout
    remarks = [line for line in result.stdout.splitlines() if line.startswith("! ")]
    assert sum(str(old) in line for line in remarks) >= 3
    assert written(old, key).read_text().startswith("# yaml-language-server:")


def test_several_files_are_the_services_of_one_app(convert, old):
    """A team has one config a service; images, defaults and the Terraform state stand there once."""
    worker = ECSPRESSO.replace("shop-web", "shop-worker").replace("ecs-task-def", "worker-task-def")
    (old / "worker.yml").write_text(worker)
    (old / "worker-task-def.json").write_text(
        TASK_DEFINITION.replace('"family": "shop-web"', '"family": "shop-worker"')
    )
    result = convert("ecspresso", "ecspresso.yml", str(old / "worker.yml"))
    assert f"✔ wrote {old}/desired/production/shop/app.yaml" in result.stdout
    text = written(old).read_text()
    assert "serviceName: shop-web" in text
    assert "serviceName: shop-worker" in text
    assert text.count("tfstate: ") == 1
    for name in ("ecspresso.yml", "worker.yml"):
        assert f"{old}/{name}:" in result.stdout


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("cluster: production", "cluster: other", "of several clusters: other, production"),
        (
            "s3://shop-terraform",
            "s3://else",
            "tfstate is s3://shop-terraform/production.tfstate in one",
        ),
    ],
)
def test_files_of_several_apps_are_refused(convert, old, before, after, message):
    """One folder is one app in one cluster; nothing is written."""
    assert before in ECSPRESSO
    (old / "worker.yml").write_text(ECSPRESSO.replace(before, after))
    result = convert("ecspresso", "ecspresso.yml", str(old / "worker.yml"))
    assert (result.exit_code, message in result.stderr) == (2, True), result.stderr
    assert not (old / "desired").exists()


def test_jobs_of_several_files_stand_together(convert, old):
    """Two scheduled jobs of Copilot are two entries of one section."""
    for name in ("report", "cleanup"):
        (old / f"{name}.yml").write_text(COPILOT_JOB.replace("name: report", f"name: {name}"))
    convert("copilot", "report.yml", str(old / "cleanup.yml"), "-a", "production/shop")
    text = written(old).read_text()
    assert text.count("jobs:") == 1
    assert "report:" in text
    assert "cleanup:" in text


def test_without_anything_left_it_is_0(convert, old):
    """A file that is mechanical as a whole."""
    (old / "ecspresso.yml").write_text(
        "region: us-east-1\ncluster: c\nservice: web\nservice_definition: ecs-service-def.json\n"
        "task_definition: ecs-task-def.json\nplugins: [{name: tfstate, config: {path: a.tfstate}}]\n"
    )
    text = TASK_DEFINITION.replace("{{ must_env `TAG` }}", "v1").replace(
        ',\n      "portMapings": []', ""
    )
    for template in ("{{ env `JSON` | json_escape }}", "{{ env `HOST` `shop.example.com` }}"):
        text = text.replace(template, "x")
    (old / "ecs-task-def.json").write_text(text)
    result = convert("ecspresso", "ecspresso.yml", "-a", "production/shop")
    assert (result.exit_code, [x for x in result.stdout.splitlines() if x[0] == "!"]) == (0, [])


def test_files_that_are_there_are_kept(convert, old):
    """--force overwrites; without it nothing is touched."""
    convert("hako", "hello.yml")
    file = written(old, "production/hello")
    file.write_text("mine")
    refused = convert("hako", "hello.yml")
    assert (refused.exit_code, "--force" in refused.stderr, file.read_text()) == (2, True, "mine")
    assert convert("hako", "hello.yml", "--force").exit_code == 1
    assert file.read_text() != "mine"


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("hako app.jsonnet", "{}", "evaluate it first"),
        (
            "ecspresso e.yml",
            "service_definition: a.jsonnet\ntask_definition: b.json\n",
            "ecspresso render",
        ),
        (
            "ecspresso e.yml",
            "service_definition: none.json\ntask_definition: b.json\n",
            "none.json cannot be read",
        ),
        ("copilot m.yml", "name: a\ntype: Static Site\n", "Static Site is not converted"),
        ("hako app.yml", b"\xff", "not UTF-8"),
        ("hako app.yml", "a: [", "not valid YAML"),
    ],
)
def test_what_cannot_be_read_is_wrong_usage(convert, old, file, text, message):
    """The message names the file and what to do; nothing is written."""
    tool, name = file.split()
    (old / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    result = convert(tool, name)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not (old / "desired").exists()


def test_json_is_one_document(convert):
    """Files, remarks, and what `validate` would say."""
    document = json.loads(convert("copilot", "manifest.yml", "-o", "json").stdout)
    assert document["kind"] == "Conversion"
    assert document["key"] == "production/api"
    assert any("networkConfiguration" in d for d in document["diagnostics"])
    assert any("--account" in remark for remark in document["remarks"])
