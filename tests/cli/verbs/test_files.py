"""The verbs that only read files: validate and render, on real files."""

from __future__ import annotations

import json

import pytest
import yaml

GOOD = """\
apiVersion: reconciler/v1alpha1
app: shop
environment: production
account: "123456789012"
region: ap-northeast-1
cluster: production
defaults:
  cpu: 256
  memory: 512
  executionRoleArn: arn:aws:iam::123456789012:role/shop-execution
  networkConfiguration:
    subnets: [subnet-0aaa]
services:
  web:
    image: 123456789012.dkr.ecr.ap-northeast-1.amazonaws.com/shop:2026.11.22-3f2a91c
    command: bundle exec puma
    environment:
      MODE: "no"
"""


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Make desired/production/shop/app.yaml in an empty folder and go there."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "desired" / "production" / "shop"
    folder.mkdir(parents=True)
    (folder / "app.yaml").write_text(GOOD)
    return tmp_path


def spoil(root, app: str = "production/shop", *, field: str = "comand") -> None:
    """Put an unknown field into an app."""
    path = root / "desired" / app / "app.yaml"
    path.write_text(path.read_text().replace("    command:", f"    {field}:"))


def plain_secret(root) -> None:
    """Write a secret in plain text into the app, as people do."""
    path = root / "desired" / "production" / "shop" / "app.yaml"
    path.write_text(path.read_text() + "      API_TOKEN: hunter2\n")


def test_good_files_are_zero(cli, root):
    """One line with the apps that were found."""
    result = cli("validate")

    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == "1 valid app (production/shop)\n"


def test_a_mistake_has_place_line_and_carets(cli, root):
    """An unknown field is 2, with file:line:column, the suggestion, and carets below the key."""
    spoil(root)

    result = cli("validate")

    assert result.exit_code == 2
    first, line, carets, summary = result.stdout.splitlines()
    assert first.startswith("desired/production/shop/app.yaml:16:5: error: ")
    assert "'command'" in first
    assert line[carets.index("^") : carets.rindex("^") + 1] == "comand"
    assert summary == "1 error in 1 file; 0 valid apps"


def test_validate_as_json(cli, root):
    """The document has every diagnostic with its position; stdout has nothing else."""
    spoil(root)

    result = cli("validate", "-o", "json")

    document = json.loads(result.stdout)
    assert (result.exit_code, document["valid"]) == (2, False)
    (found,) = document["diagnostics"]
    assert (found["line"], found["column"], found["severity"]) == (16, 5, "error")


def test_annotations_leave_stdout_alone(cli, root):
    """On GitHub Actions the lines of the files are marked, on stderr."""
    spoil(root)

    result = cli("validate", "-o", "json", env={"GITHUB_ACTIONS": "true"})

    json.loads(result.stdout)
    assert result.stderr.startswith("::error file=desired/production/shop/app.yaml,line=16,col=5::")


def test_paths_choose_whose_mistakes_count(cli, root):
    """A changed file, as a commit hook names it, is judged alone; the rest is not its fault."""
    other = root / "desired" / "staging" / "shop"
    other.mkdir(parents=True)
    (other / "app.yaml").write_text(GOOD.replace("production", "staging"))
    spoil(root)

    assert cli("validate").exit_code == 2
    assert cli("validate", "desired/staging").exit_code == 0
    assert cli("validate", "desired/production/shop/app.yaml").exit_code == 2


def test_another_folder_in_place_of_dir(cli, root, monkeypatch):
    """A folder outside --dir is read as a desired state of its own."""
    (root / "elsewhere").mkdir()
    monkeypatch.chdir(root / "elsewhere")

    assert cli("validate", str(root / "desired")).exit_code == 0


@pytest.mark.parametrize(
    "arguments",
    [("-C", "missing"), ("missing/app.yaml",), ("-a", "production/shp")],
)
def test_nothing_to_validate_is_wrong_usage(cli, root, arguments):
    """No folder, no such path and no such app are 2, never a silent success."""
    result = cli("validate", *arguments)

    assert result.exit_code == 2
    assert result.stdout == ""


def test_an_empty_folder_is_an_error(cli, root):
    """A folder without any app.yaml is 2: a wrong -C must not look like success."""
    (root / "empty").mkdir()

    result = cli("validate", "-C", "empty")

    assert result.exit_code == 2
    assert "app.yaml" in result.stdout


def test_warnings_count_only_when_strict(cli, root):
    """A warning is said and leaves 0; with --strict it is 2."""
    plain_secret(root)

    assert cli("validate").exit_code == 0
    assert "warning" in cli("validate").stdout
    assert cli("validate", "--strict").exit_code == 2


def test_broken_files_stop_the_other_verbs(cli, root):
    """`render` of broken files prints the diagnostics on stderr and ends with 2."""
    spoil(root)

    result = cli("render")

    assert (result.exit_code, result.stdout) == (2, "")
    assert "desired/production/shop/app.yaml:16:5: error: " in result.stderr
    assert "^^^^^^" in result.stderr


def test_render_writes_down_what_the_files_leave_out(cli, root):
    """The API documents have long forms, written defaults and the text of scalars as it was typed."""
    document = yaml.safe_load(cli("render").stdout)

    resource = document["apps"][0]["resources"]["service/web"]
    (container,) = resource["registerTaskDefinition"]["containerDefinitions"]
    assert resource["createService"]["serviceName"] == "shop-production-web"
    assert resource["createService"]["launchType"] == "FARGATE"
    assert {"name": "MODE", "value": "no"} in container["environment"]


def test_render_masks_what_looks_like_a_secret(cli, root):
    """Values below secret-looking names are hidden unless --reveal is given."""
    plain_secret(root)

    assert "hunter2" not in cli("render").stdout
    assert "hunter2" not in cli("render", "-o", "json").stdout
    assert "hunter2" in cli("render", "--reveal").stdout


def test_render_json_and_yaml_say_the_same(cli, root):
    """Both forms hold the same document."""
    assert json.loads(cli("render", "-o", "json").stdout) == yaml.safe_load(cli("render").stdout)


def test_render_of_something_else(cli, root):
    """An unknown address is wrong usage."""
    assert cli("render", "service/api").exit_code == 2


def test_lines_to_copy_are_not_wrapped(cli):
    """The help of `completion` shows each shell's line as it is to be pasted."""
    lines = [line.strip() for line in cli("completion", "--help").stdout.splitlines()]
    assert """bash: echo 'eval "$(reconciler completion bash)"' >> ~/.bashrc""" in lines
