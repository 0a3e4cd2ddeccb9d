"""What a workload names must be there, and a mistake is said once."""

import pytest

from tests.source.conftest import DEFAULTS, HEADER

BASE = HEADER + DEFAULTS


def service(text):
    """Return a service `web` with the lines of `text`."""
    return f"{BASE}services:\n  web:\n" + "".join(f"    {line}\n" for line in text.splitlines())


def said(found):
    """Return rule and message of diagnostics."""
    return [(d.rule, d.message) for d in found]


@pytest.mark.parametrize(
    ("one", "two", "way"),
    [("one", "one", "one → one"), ("two", "one", "one → two → one")],
)
def test_containers_may_not_wait_for_each_other(world, one, two, way):
    """ECS would refuse the task definition, or never start it."""
    text = service(
        "containerDefinitions:\n"
        f"  one: {{image: a/b:1, dependsOn: {{{one}: START}}}}\n"
        f"  two: {{image: a/b:1, dependsOn: {{{two}: START}}}}"
    )
    field = "services.web.containerDefinitions.one.dependsOn"
    assert said(world.errors(text)) == [("cycle", f"{field}: goes in a circle: {way}")]


def test_a_chain_of_containers_is_no_circle(world):
    """Two containers may wait for the same one."""
    world.app(
        service(
            "containerDefinitions:\n"
            "  one: {image: a/b:1, dependsOn: {two: START, three: START}}\n"
            "  two: {image: a/b:1, dependsOn: {three: START}}\n"
            "  three: {image: a/b:1}"
        )
    )


def test_a_containers_name_is_checked(world):
    """The name is refused for what it is, not only where it is used."""
    errors = world.errors(service("containerDefinitions:\n  ngi nx: {image: a/b:1}"))
    assert [d.rule for d in errors] == ["invalid-name"]
    assert "'ngi nx' is not a container's name" in errors[0].message


def test_a_load_balancers_port_is_one_of_its_container(world):
    """CreateService refuses a port that the container does not map."""
    errors = world.errors(
        service(
            "image: a/b:1\nportMappings: [80]\n"
            "loadBalancers: [{targetGroupArn: arn:x, containerName: web, containerPort: 8080}]"
        )
    )
    where = "services.web.loadBalancers.0.containerPort"
    message = f"{where}: container 'web' has no port 8080 among its portMappings: 80"
    assert said(errors) == [("unknown-port", message)]


def test_a_secret_is_a_reference_and_its_value_is_never_shown(world):
    """A password under `secrets` is refused, and neither message nor line repeats it."""
    errors = world.errors(service('image: a/b:1\nsecrets: {DB: "hunter2 is my password"}'))
    assert [d.rule for d in errors] == ["invalid-value"]
    assert (
        errors[0].origin.line == len((BASE + "services:\n  web:\n    image: x\n").splitlines()) + 1
    )
    assert "hunter2" not in errors[0].message + errors[0].source_line


@pytest.mark.parametrize(
    "reference",
    [
        "/shop/production/DB",
        "DB.password-1",
        "arn:aws:ssm:ap-northeast-1:123456789012:parameter/shop/DB",
        "arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:shop-AbCdEf:password::",
    ],
)
def test_every_form_of_reference_is_taken(world, reference):
    """Names of parameters and ARNs, with the JSON key of a secret too."""
    world.app(service(f'image: a/b:1\nsecrets: {{DB: "{reference}"}}'))


def test_a_bad_name_is_said_once(world):
    """Not again for the names that are made of it."""
    text = f"{BASE}services:\n  Web Server: {{image: a/b:1}}\n"
    assert [d.rule for d in world.errors(text)] == ["invalid-name"]


def test_a_bad_region_is_said_once(world):
    """What has no region's form is not looked up among the regions."""
    text = BASE.replace("ap-northeast-1", "tokyo") + "services: {web: {image: a/b:1}}\n"
    assert [d.rule for d in world.load(text).diagnostics] == ["invalid-value"]


def test_a_broken_reference_does_not_make_the_image_missing(world):
    """The image is there: only what it refers to is not."""
    text = (
        BASE + "images: {app: 'a/b:1'}\n"
        "containers: {rails: {image: '${images.ap}'}}\n"
        "services: {web: {from: rails}}\n"
    )
    assert [d.rule for d in world.errors(text)] == ["unknown-reference"]


def test_a_key_without_value_is_not_missing_too(world):
    """`revision:` with nothing behind it is one mistake."""
    text = BASE + "migrations:\n  db:\n    image: a/b:1\n    revision:\n"
    assert [d.rule for d in world.errors(text)] == ["empty-value"]


def test_the_name_of_a_task_definition_is_one_mistake(world):
    """Nothing else in the service is called wrong because of it."""
    errors = world.errors(
        service("taskDefinition: shop:1\ncontainerDefinitions:\n  web: {image: a/b:1}")
    )
    assert [d.rule for d in errors] == ["wrong-type"]


def test_a_load_balancers_mistake_is_at_its_line(world, at):
    """At the name or the port itself, of the second one as of the first."""
    good = "targetGroupArn: arn:x\n    containerName: web\n    containerPort: 80\n"
    text = (
        "image: a/b:1\nportMappings: [80]\nloadBalancers:\n"
        f"  - {good}"
        f"  - {good.replace('web', 'wob')}"
        f"  - {good.replace('80', '81')}"
    )
    found = world.errors(service(text))
    lines = (world.root / "production/shop/app.yaml").read_text().splitlines()
    assert [lines[d.origin.line - 1].strip() for d in found] == [
        "containerName: wob",
        "containerPort: 81",
    ]


@pytest.mark.parametrize("field", ["executionRoleArn", "taskRoleArn"])
def test_a_role_is_of_the_apps_account(world, field):
    """No role can be passed to a service of another account; a role by its name is of this one.

    Documents are pasted and imported with whatever roles they have: it is said, and refuses nothing.
    """
    other = f"{field}: arn:aws:iam::210987654321:role/shop"
    loaded = world.load(service(f"image: a/b:1\n{other}"))
    assert "production/shop" in loaded.apps
    [warning] = loaded.diagnostics
    assert (warning.rule, warning.severity) == ("foreign-role", "warning")
    assert "210987654321" in warning.message
    assert "123456789012" in warning.message
    for fine in (other.replace("210987654321", "123456789012"), f"{field}: shop"):
        assert world.app(service(f"image: a/b:1\n{fine}"))
