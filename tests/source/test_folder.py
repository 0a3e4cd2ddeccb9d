"""A folder of apps: discovery, layers, what is refused, and that apps do not hurt each other."""

import os
import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.source.folder import load_folder
from reconciler.source.git import commit_of
from tests.source.conftest import DEFAULTS, HEADER

WEB = "services: {web: {image: a/b:1}}\n"
STAGING = HEADER.replace("production", "staging")


def rules(loaded):
    """Return the rules of all diagnostics."""
    return [d.rule for d in loaded.diagnostics]


def test_sections_of_several_files_are_joined(world):
    """Other files of the folder add sections and parts of them."""
    world.write("production/shop/more.yml", "services: {api: {image: a/b:1}}\n")
    app = world.app(HEADER, DEFAULTS, WEB)
    assert {s.name for s in app.services} == {"web", "api"}


def test_the_same_key_in_two_files_names_both_places(world):
    """Neither file wins."""
    world.write("production/shop/more.yaml", WEB)
    (found,) = world.errors(HEADER, DEFAULTS, WEB)
    assert found.rule == "duplicate-key"
    assert found.origin.file.endswith("more.yaml")
    assert "app.yaml:11:12" in found.message


def test_leftovers_of_editors_are_passed_by(world):
    """Backups, swap files and hidden files are no desired state."""
    for name in (
        ".#app.yaml",
        "#app.yaml#",
        "app.yaml~",
        ".app.yaml.swp",
        "app~.yaml",
        "x.bak.yaml",
        ".x.yaml",
    ):
        world.write(f"production/shop/{name}", "{ broken")
    world.write(".git/production/shop/app.yaml", "{ broken")
    assert world.app(HEADER).key == "production/shop"


def test_one_broken_app_does_not_hurt_another(world):
    """The valid app is loaded; the broken one is named by folder and key."""
    world.write("staging/shop/app.yaml", "app: [")
    loaded = world.load(HEADER)
    assert set(loaded.apps) == {"production/shop"}
    assert loaded.broken_keys == {"staging/shop"}
    assert list(loaded.broken) == [str(world.root / "staging/shop")]


def test_the_key_of_a_broken_app_comes_from_what_is_left(world):
    """Where the path says nothing, the lines `app:` and `environment:` still do."""
    world.write("app.yaml", "app: shop # x\nenvironment: 'live'\nservices: [")
    assert world.load().broken_keys == {"live/shop"}


def test_errors_of_all_files_are_found_in_one_pass(world):
    """A syntax error in one file does not hide the mistakes of the others, nor invent any."""
    world.write("production/shop/a.yaml", "vars: {")
    world.write("production/shop/b.yaml", "services: {web: {image: a/b:1, cpuu: 1, from: x}}\n")
    found = world.errors(HEADER)
    assert [d.rule for d in found] == ["yaml-syntax", "unknown-field"]


@pytest.mark.parametrize(
    "missing", ["apiVersion", "app", "environment", "account", "region", "cluster"]
)
def test_required_keys(world, missing):
    """Each of the six is required and reported at the file's head."""
    text = "".join(
        line for line in HEADER.splitlines(keepends=True) if not line.startswith(missing)
    )
    (found,) = world.errors(text)
    assert (found.rule, found.origin.line) == ("required", 1)
    assert f"'{missing}'" in found.message


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("v1alpha1", "v2", "enum"),
        ('"123456789012"', "12345", "invalid-value"),
        ("ap-northeast-1", "tokyo", "invalid-value"),
        ("cluster: production", "cluster: a/b", "invalid-value"),
        ("app: shop", "app: Shop", "invalid-value"),
        ("app: shop", "app: api", "folder-contradicts"),
        ("environment: production", "environment: staging", "folder-contradicts"),
        ("app: shop", "app: [shop]", "invalid-value"),
        ("app: shop", "app: shop\nautoscaling: {}", "unknown-field"),
        ("app: shop", "app: shop\nservces: {}", "unknown-field"),
        ("app: shop", "app: shop\nservices: []", "wrong-type"),
        ("app: shop", "app: shop\nservices: {Web: null}", "invalid-name"),
        ("app: shop", "app: shop\nguard: {}", "invalid-value"),
        ("app: shop", "app: shop\nguard: {image: a/b}", "image-tag"),
        ("app: shop", "app: shop\nguard: {image: a/b:1, path: /x}", "invalid-value"),
        ("app: shop", "app: shop\nsync: {prune: yes}", "invalid-value"),
        ("app: shop", "app: shop\nsync: {maxPrune: -1}", "invalid-value"),
        ("app: shop", "app: shop\nsync: {defaults: some}", "enum"),
        ("app: shop", "app: shop\nstate: {prefix: a/b}", "invalid-value"),
        ("app: shop", "app: shop\nimages: {a: 'x/y:latest'}", "image-tag"),
        ("app: shop", "app: shop\nimages: {a: 'x/y:stable'}", "image-tag"),
        ("app: shop", "app: shop\nimages: {a: x/y}", "image-tag"),
        ("app: shop", "app: shop\nimages: {a: 'X Y:1'}", "image-name"),
        ("app: shop", "app: shop\nimages: {a: [x]}", "wrong-type"),
    ],
)
def test_mistakes_of_our_own_sections(world, old, new, rule):
    """Each gives its rule and no second error."""
    found = world.errors(HEADER.replace(old, new))
    assert rule in {d.rule for d in found}
    assert len(found) == 1, found


def test_a_digest_is_always_an_image(world):
    """With a digest the tag may be any."""
    world.app(HEADER, f"images: {{a: 'x/y:latest@sha256:{'a' * 64}'}}\n")


def test_x_keys_are_the_users_own(world):
    """`x-*` and `$schema` are passed by."""
    world.app(HEADER, "x-team: {a: [1]}\n$schema: y\n")


def test_the_hash_is_over_meaning(world):
    """Layout, comments, quotes and key order do not change it; a value does."""
    first = world.app(HEADER, DEFAULTS, WEB).content_hash
    lines = HEADER.splitlines(keepends=True)
    same = world.app("# comment\n", *reversed(lines), WEB, DEFAULTS.replace("256", "'256'"))
    other = world.app(HEADER, DEFAULTS, WEB.replace("b:1", "b:2"))
    assert first == same.content_hash != other.content_hash


def test_extends_merges_deeply(world):
    """Maps by key, containers by name in either form, lists replace, null removes."""
    world.write(
        "base/shop/any.yaml",
        "app: shop\ndefaults: {cpu: 256, memory: 512, networkConfiguration: {subnets: [s1, s2]}}\n"
        "services:\n"
        "  web: {desiredCount: 1, containerDefinitions: [{name: a, image: 'x/a:1'}, {name: b, image: 'x/b:1'}]}\n"
        "  old: {image: 'x/o:1'}\n"
        "migrations: {db: {image: 'x/a:1', revision: 1}}\n",
    )
    app = world.app(
        HEADER.replace("app: shop\n", "extends: ../../base/shop\n"),
        "defaults: {networkConfiguration: {awsvpcConfiguration: {subnets: [s3]}}}\n"
        "services:\n  web: {desiredCount: 2, containerDefinitions: {b: {image: 'x/b:2'}}}\n  old: null\n"
        "migrations: {db: null}\n",
    )
    (web,) = app.services
    assert app.dropped_migrations == {"db"}
    assert web.service["desiredCount"] == 2
    assert web.service["networkConfiguration"]["awsvpcConfiguration"]["subnets"] == ["s3"]
    images = [c["image"] for c in web.task_definition["containerDefinitions"]]
    assert images == ["x/a:1", "x/b:2"]
    assert web.origins["service", "desiredCount"].file.endswith("production/shop/app.yaml")


def test_a_base_with_an_app_yaml_is_no_app(world):
    """A folder that others extend and that names no environment is only a base."""
    world.write("base/shop/app.yaml", "app: shop\n" + WEB + DEFAULTS)
    app = world.app(HEADER.replace("app: shop\n", "extends: ../../base/shop\n"))
    assert [s.name for s in app.services] == ["web"]


@pytest.mark.parametrize(
    ("target", "rule"),
    [
        ("../../nowhere", "extends"),
        ("../../..", "extends"),
        ("app.yaml", "extends"),
        (".", "cycle"),
        ("../../base", "extends"),
        ("'${app}'", "wrong-type"),
        ("[a, b]", "wrong-type"),
    ],
)
def test_bad_bases(world, target, rule):
    """A base that is not there, empty, outside or itself is an error at `extends`."""
    (world.root / "base").mkdir()
    (found,) = world.errors(HEADER, f"extends: {target}\n")
    assert (found.rule, found.origin.line) == (rule, 7)


def test_extends_in_a_circle(world):
    """Two bases that extend each other are an error that shows the way."""
    world.write("base/a/x.yaml", "extends: ../b\n")
    world.write("base/b/x.yaml", "extends: ../a\n")
    (found,) = world.errors(HEADER, "extends: ../../base/a\n")
    assert found.rule == "cycle"
    assert "base/a" in found.message


def test_an_error_in_a_base_breaks_every_app_on_it(world):
    """It is reported once, at its place in the base."""
    world.write("base/shop/x.yaml", "vars: {a: 1, a: 2}\n")
    world.write("staging/shop/app.yaml", STAGING + "extends: ../../base/shop\n")
    loaded = world.load(HEADER, "extends: ../../base/shop\n")
    assert rules(loaded) == ["duplicate-key"]
    assert loaded.broken_keys == {"production/shop", "staging/shop"}


def test_two_folders_with_one_key(world):
    """Neither can be right."""
    world.write("a/production/shop/app.yaml", HEADER)
    world.write("b/production/shop/app.yaml", HEADER)
    loaded = world.load()
    assert not loaded.apps
    assert rules(loaded) == ["same-name", "same-name"]
    assert loaded.broken_keys == {"production/shop"}


def test_two_apps_with_one_service_name(world):
    """Two apps that would fight over one service in AWS are both refused."""
    text = DEFAULTS + "services: {web: {image: a/b:1, serviceName: same}}\n"
    world.write("production/api/app.yaml", HEADER.replace("shop", "api") + text)
    loaded = world.load(HEADER, text)
    assert rules(loaded) == ["same-name", "same-name"]


@pytest.mark.parametrize(
    "content", [b"", b"# only a comment\n", b"\x00" * 100, b"app: sho", b"app"]
)
def test_half_written_files_are_errors(world, content):
    """An empty or cut file is never an app without services."""
    assert world.errors(content.decode())


def test_an_empty_second_file_is_an_error(world):
    """A file cut to nothing may have held all services."""
    world.write("production/shop/services.yaml", "")
    assert [d.rule for d in world.errors(HEADER)] == ["empty-file"]


def test_a_missing_root_is_a_diagnostic(tmp_path):
    """No folder is said and breaks nothing else."""
    loaded = load_folder(tmp_path / "nowhere")
    assert rules(loaded) == ["no-apps"]
    assert loaded.broken


def test_a_root_without_apps_is_a_diagnostic(world):
    """An empty folder is not the wish for nothing."""
    loaded = world.load()
    assert rules(loaded) == ["no-apps"]
    assert not loaded.apps


def test_app_yml_gets_a_hint(world):
    """The other suffix is not silently passed by."""
    world.write("production/shop/app.yml", HEADER)
    assert rules(world.load()) == ["misnamed"]


def test_links_out_of_the_root_are_refused(world, tmp_path):
    """A symbolic link may point inside the root, not outside."""
    secret = tmp_path / "secret.yaml"
    secret.write_text("vars: {a: 1}\n")
    world.write("production/shop/app.yaml", HEADER)
    (world.root / "production/shop/x.yaml").symlink_to(secret)
    loaded = world.load()
    assert rules(loaded) == ["symlink-outside"]
    (world.root / "production/shop/x.yaml").unlink()
    world.write("shared/vars.yaml", "vars: {a: 1}\n")
    (world.root / "production/shop/x.yaml").symlink_to(world.root / "shared/vars.yaml")
    assert "production/shop" in world.load().apps


def test_a_link_to_a_folder_outside_is_said(world, tmp_path):
    """It is not followed, and nobody has to wonder where the app is; links inside are no news."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    world.write("production/shop/app.yaml", HEADER + DEFAULTS + WEB)
    (world.root / "staging").symlink_to(elsewhere)
    (world.root / "again").symlink_to(world.root / "production")
    loaded = world.load()
    assert list(loaded.apps) == ["production/shop"]
    (found,) = loaded.diagnostics
    assert (found.rule, found.severity) == ("symlink-outside", "warning")
    assert found.origin.file == str(world.root / "staging")


def test_odd_files_are_errors_and_never_hang(world):
    """A FIFO, a folder, a dangling link and a loop of links called *.yaml."""
    world.write("production/shop/app.yaml", HEADER)
    folder = world.root / "production/shop"
    os.mkfifo(folder / "a.yaml")
    (folder / "b.yaml").mkdir()
    (folder / "c.yaml").symlink_to(folder / "nothing")
    (folder / "d.yaml").symlink_to(folder / "d.yaml")
    loaded = world.load()
    assert rules(loaded) == ["unreadable"] * 4
    assert loaded.broken_keys == {"production/shop"}


def test_the_root_may_be_a_link(world, tmp_path):
    """git-sync and ConfigMaps publish by links; files are named as typed."""
    link = tmp_path / "current"
    link.symlink_to(world.root)
    world.write("production/shop/app.yaml", HEADER + "services: {web: {imag: x}}\n")
    loaded = load_folder(link)
    assert all(d.origin.file.startswith(str(link)) for d in loaded.diagnostics)


def git(folder, *arguments):
    """Run git in a folder."""
    subprocess.run(
        ["git", "-c", "user.name=x", "-c", "user.email=x@x", *arguments],
        cwd=folder,
        check=True,
        capture_output=True,
    )


def test_the_commit_is_known_only_when_clean(world):
    """Outside git empty; in git the commit, until a file of the app or of its base changes."""
    world.write("base/shop/x.yaml", "vars: {a: 1}\n")
    world.write(
        "other/shop/app.yaml", HEADER.replace("environment: production", "environment: other")
    )
    text = HEADER + "extends: ../../base/shop\n"
    assert world.app(text).commit == ""
    git(world.root, "init", "-q")
    git(world.root, "add", ".")
    git(world.root, "commit", "-qm", "one")
    first = world.app(text).commit
    assert len(first) == 40
    world.write("base/shop/x.yaml", "vars: {a: 2}\n")
    loaded = world.load()
    assert loaded.apps["production/shop"].commit == ""
    assert loaded.apps["other/shop"].commit == first
    git(world.root, "commit", "-qam", "two")
    assert world.app(text).commit not in ("", first)
    world.write("production/shop/new.yaml", "vars: {b: 1}\n")
    assert commit_of(world.root / "production/shop") == ""


@given(
    st.recursive(
        st.text("ab1${}.:-/ ", max_size=8) | st.none(),
        lambda i: (
            st.lists(i, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "web",
                        "db",
                        "image",
                        "from",
                        "command",
                        "cpu",
                        "memory",
                        "environment",
                        "secrets",
                        "taskDefinition",
                        "containerDefinitions",
                        "name",
                        "portMappings",
                        "networkConfiguration",
                        "subnets",
                        "tags",
                        "revision",
                        "after",
                        "launchType",
                        "logConfiguration",
                        "options",
                    ]
                ),
                i,
                max_size=4,
            )
        ),
        max_leaves=15,
    ),
    st.sampled_from(
        [
            "services",
            "migrations",
            "defaults",
            "containers",
            "images",
            "vars",
            "guard",
            "sync",
            "state",
            "extends",
            "app",
        ]
    ),
)
@settings(max_examples=250, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_structure_gives_an_app_or_diagnostics(world, tree, section):
    """Whatever stands in a section, loading ends without an exception, with places inside the files."""
    import json

    header = "" if section == "app" else HEADER
    loaded = world.load(header, f"\n{section}: {json.dumps(tree)}\n")
    assert loaded.apps or loaded.broken
    for found in loaded.diagnostics:
        lines = (world.root / "production/shop/app.yaml").read_text().split("\n")
        assert 1 <= found.origin.line <= len(lines)
        assert 1 <= found.origin.column <= len(lines[found.origin.line - 1]) + 1
        assert "\n" not in found.message
