"""Services and migrations: short forms, layers, types and checks."""

import json

import pytest

from reconciler.source.fields import container_shape, service_fields, task_fields
from tests.source.conftest import DEFAULTS, HEADER

BASE = HEADER + DEFAULTS


def service(text):
    """Return a service `web` with an image and the lines of `text`."""
    lines = "".join(f"    {line}\n" for line in text.splitlines())
    return f"{BASE}services:\n  web:\n    image: a/b:1\n{lines}"


def container(app):
    """Return the first service's first container."""
    return app.services[0].task_definition["containerDefinitions"][0]


def test_four_names_exist_twice():
    """Cpu and memory mean the task's, tags and placementConstraints the service's."""
    service, task, container = service_fields(), task_fields(), set(container_shape().members)
    twice = (service & task) | (service & container) | (task & container)
    assert twice == {"cpu", "memory", "tags", "placementConstraints"}


def test_environment_map_becomes_a_sorted_list(world):
    """The short form of environment, with every value a text."""
    app = world.app(service("environment: {B: 1, A: no}"))
    assert container(app)["environment"] == [
        {"name": "A", "value": "no"},
        {"name": "B", "value": "1"},
    ]


def test_long_forms_are_accepted(world):
    """What AWS writes may be pasted."""
    short = service(
        "environment: {A: x}\nsecrets: {S: /p}\nportMappings: [80]\nhealthCheck: curl x"
    )
    long = service(
        "environment: [{name: A, value: x}]\n"
        "secrets: [{name: S, valueFrom: /p}]\n"
        "portMappings: [{containerPort: 80, protocol: tcp}]\n"
        'healthCheck: {command: ["CMD-SHELL", "curl x"]}'
    )
    assert world.app(short).content_hash == world.app(long).content_hash


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("bin/rails db:migrate", ["bin/rails", "db:migrate"]),
        ("sh -c 'a && b'", ["sh", "-c", "a && b"]),
        ('/bin/bash -ec "a; b $C"', ["/bin/bash", "-ec", "a; b $C"]),
        ('echo "a b"', ["echo", "a b"]),
        ('["sh", "-c", "a | b"]', ["sh", "-c", "a | b"]),
    ],
)
def test_commands_are_split_as_a_shell_would(world, command, words):
    """One text becomes words; a list stays."""
    assert container(world.app(service(f"command: {command}")))["command"] == words


@pytest.mark.parametrize(
    "command", ["a && b", 'sh -c "a" ; b', "a | b", "echo $HOME", "a > b", "a; b", "a `b`", 'x "y']
)
def test_shell_syntax_is_refused(world, command):
    """There is no shell: operators and variables are an error, not arguments."""
    (found,) = world.errors(service(f"command: {command}"))
    assert (found.rule, found.origin.line) == ("shell-syntax", 14)
    assert "'$H' needs" not in found.message


@pytest.mark.parametrize(
    ("cpu", "memory", "units"),
    [
        ("512", "1024", ("512", "1024")),
        ("0.5 vCPU", "1GB", ("512", "1024")),
        ("1vcpu", "2 GB", ("1024", "2048")),
        (".25 vCPU", "0.5 GB", ("256", "512")),
    ],
)
def test_sizes(world, cpu, memory, units):
    """CPU units and MiB, in AWS's spellings."""
    task = world.app(service(f"cpu: {cpu}\nmemory: {memory}")).services[0].task_definition
    assert (task["cpu"], task["memory"]) == units


@pytest.mark.parametrize(
    ("text", "rule", "part"),
    [
        ("cpu: 300", "fargate", "cpu 256"),
        ("memory: 8GB", "fargate", "512, 1024, 2048"),
        ("cpu: much", "size", "512 or 0.5 vCPU"),
        ("networkMode: bridge", "fargate", "awsvpc"),
        ("launchType: FARGAT", "enum", "did you mean 'FARGATE'"),
        ("desiredCount: -1", "out-of-range", "negative"),
        ("desiredCount: two", "wrong-type", "whole number"),
        ("desiredCount: 99999999999", "out-of-range", "2147483647"),
        ("enableExecuteCommand: yes", "wrong-type", "true or false"),
        ("portMapings: [80]", "unknown-field", "did you mean 'portMappings'"),
        ("portMappings: [99999]", "out-of-range", "65535"),
        ("environment: {A: {b: c}}", "wrong-type", "single value"),
        ("environment: text", "wrong-type", "list"),
        ("secrets: [{name: A}]", "required", "valueFrom"),
        ("cluster: other", "managed-field", "filled in"),
        ("taskDefinition: shop:1", "wrong-type", "taskDefinition"),
        ("dependsOn: {db: START}", "unknown-container", "db"),
        (
            "deploymentController: {type: CODE_DEPLOY}\nschedulingStrategy: DAEMON",
            "two-forms",
            "REPLICA",
        ),
        ("tags: {aws:x: y}", "managed-field", "reserved"),
        (
            "serviceConnectConfiguration: {enabled: true, containerConfigurations: [{}]}",
            "required",
            "exactly one of logLevel",
        ),
        ("tags: [{value: y}]", "required", "'key' is required"),
        ("environment: [{value: y}]", "required", "'name' is required"),
        ("stopTimeout: 121", "fargate", "120"),
        ("mountPoints: [{sourceVolume: v, containerPath: /v}]", "unknown-name", "'v'"),
        ("loadBalancers: [{containerName: app, containerPort: 80}]", "unknown-container", "app"),
        ("essential: false", "invalid-value", "essential"),
        ("after: [service/wib]", "unknown-name", "did you mean 'web'"),
        ("after: [service/web]", "cycle", "web → web"),
        (
            "networkConfiguration: {subnets: [a], awsvpcConfiguration: {subnets: [b]}}",
            "two-forms",
            "inside",
        ),
        (
            "capacityProviderStrategy: [{capacityProvider: X}]\nlaunchType: EC2",
            "two-forms",
            "exclude",
        ),
        ("cpu: 256\ntaskDefinition: {cpu: 256}", "two-forms", "line 15"),
        ("taskDefinition: {containerDefinitions: {a: {image: a/b:1}}}", "two-forms", "image"),
        ("environment: {A: b}\nsecrets: {A: /b}", "two-forms", "secrets"),
    ],
)
def test_mistakes_in_a_service(world, text, rule, part):
    """One mistake gives one error with its rule and a message that helps."""
    found = world.errors(service(text))
    assert [d.rule for d in found] == [rule], "\n".join(map(str, found))
    assert part in found[0].message
    assert found[0].origin.line >= 12


def test_a_mistake_in_defaults_is_said_once(world):
    """Two services with the same wrong default give one error, at the default."""
    text = (
        BASE.replace("cpu: 256", "cpu: lots") + "services: {a: {image: a/b:1}, b: {image: a/b:1}}\n"
    )
    (found,) = world.errors(text)
    assert (found.origin.line, found.origin.column) == (8, 8)


def test_ec2_gets_no_fargate_defaults(world):
    """Another launch type is declared: neither network mode nor compatibility is written."""
    app = world.app(HEADER, "services: {web: {image: a/b:1, memory: 512, launchType: EC2}}\n")
    web = app.services[0]
    assert web.service["launchType"] == "EC2"
    assert "networkMode" not in web.task_definition
    assert "requiresCompatibilities" not in web.task_definition


def test_own_capacity_providers_get_no_fargate_defaults(world):
    """A strategy of other providers is not Fargate; one of FARGATE_SPOT is, without launchType."""
    own = world.app(
        service("capacityProviderStrategy: [{capacityProvider: mine, weight: 1}]")
    ).services[0]
    assert "launchType" not in own.service
    assert "requiresCompatibilities" not in own.task_definition
    spot = world.app(
        service("capacityProviderStrategy: [{capacityProvider: FARGATE_SPOT}]")
    ).services[0]
    assert "launchType" not in spot.service
    assert spot.task_definition["requiresCompatibilities"] == ["FARGATE"]


def test_defaults_none_writes_only_the_names(world):
    """`sync: {defaults: none}` leaves what was written, and the names that AWS needs."""
    app = world.app(service(""), "sync: {defaults: none}\n")
    assert app.services[0].written == {("service", "serviceName"), ("taskDefinition", "family")}
    assert not app.sync.written_defaults


def test_without_written_defaults_silence_is_not_fargate(world):
    """Then AWS chooses: a task without a size is valid as it is on EC2, one for FARGATE is not."""
    said = "sync: {defaults: none}\nservices:\n  web:\n    image: a/b:1\n    taskDefinition: "
    web = "{containerDefinitions: [{name: web, image: 'a/b:1', memory: 128, stopTimeout: 300}]"
    header = HEADER + said.replace("    image: a/b:1\n", "")
    assert "cpu" not in world.app(header, web, "}\n").services[0].task_definition
    assert world.errors(header, web, ", requiresCompatibilities: [FARGATE]}\n")


def test_null_says_no_to_a_written_default(world):
    """`logConfiguration: null` means none."""
    assert "logConfiguration" not in container(world.app(service("logConfiguration: null")))


def test_log_group_is_created_only_where_a_role_could(world):
    """awslogs-create-group is written with an execution role and not without."""
    without = container(world.app(service("")))["logConfiguration"]["options"]
    assert "awslogs-create-group" not in without
    text = service("executionRoleArn: arn:aws:iam::123456789012:role/x")
    assert (
        container(world.app(text))["logConfiguration"]["options"]["awslogs-create-group"] == "true"
    )


def test_a_secret_in_the_environment_is_warned_of_and_not_shown(world):
    """The warning names the secrets line to write; the value is nowhere in it."""
    loaded = world.load(service("environment: {DB_PASSWORD: hunter2zz}"))
    (found,) = loaded.diagnostics
    assert (found.rule, found.severity) == ("secret-in-environment", "warning")
    assert "hunter2zz" not in found.message + found.source_line
    assert loaded.apps["production/shop"].warnings == (found,)


@pytest.mark.parametrize("value", ["AKIAABCDEFGHIJKLMNOP", "postgres://u:secretpw@db/x"])
def test_values_that_look_secret_are_warned_of(world, value):
    """An access key or a URL with a password is found whatever the name."""
    (found,) = world.load(service(f"environment: {{X: '{value}'}}")).diagnostics
    assert found.rule == "secret-in-environment"


def test_from_nests_and_merges_maps(world):
    """Nearest wins; maps merge by key, lists replace, null removes."""
    app = world.app(
        BASE,
        "containers:\n"
        "  base: {image: a/b:1, environment: {A: 1, B: 2}, dnsServers: [x]}\n"
        "  rails: {from: base, environment: {B: 3}, user: app}\n"
        "services:\n"
        "  web: {from: rails, dnsServers: [y], user: null, environment: {C: 4}}\n",
    )
    found = container(app)
    assert found["environment"] == [
        {"name": n, "value": v} for n, v in (("A", "1"), ("B", "3"), ("C", "4"))
    ]
    assert found["dnsServers"] == ["y"]
    assert "user" not in found


def test_from_in_a_circle(world):
    """A template that is from itself is an error that shows the way."""
    found = world.errors(BASE, "containers: {a: {from: b}, b: {from: a}}\n")
    assert {d.rule for d in found} == {"cycle"}
    assert "a → b → a" in found[0].message


def test_an_unknown_from_is_one_error(world):
    """What it would have brought is not reported as missing too."""
    (found,) = world.errors(
        BASE, "containers: {rails: {image: a/b:1}}\nservices: {web: {from: rals}}\n"
    )
    assert found.rule == "unknown-container"
    assert "'rails'" in found.message


def test_container_defaults_lie_under_every_container(world):
    """A container field of `defaults` is the lowest layer, also with several containers."""
    app = world.app(
        HEADER,
        DEFAULTS + "  user: nobody\n",
        "services: {web: {containerDefinitions: {a: {image: a/b:1}, b: {image: a/b:1, user: root}}}}\n",
    )
    a, b = app.services[0].task_definition["containerDefinitions"]
    assert (a["user"], b["user"]) == ("nobody", "root")


DESCRIBED = {
    "taskDefinitionArn": "arn:aws:ecs:x:1:task-definition/shop:7",
    "containerDefinitions": [
        {
            "name": "app",
            "image": "a/b:1",
            "cpu": 0,
            "portMappings": [{"containerPort": 80, "hostPort": 80, "protocol": "tcp"}],
            "essential": True,
            "environment": [],
            "mountPoints": [],
            "volumesFrom": [],
            "systemControls": [],
        }
    ],
    "family": "shop",
    "revision": 7,
    "volumes": [],
    "status": "ACTIVE",
    "requiresAttributes": [{"name": "com.amazonaws.ecs.capability.task-eni"}],
    "placementConstraints": [],
    "compatibilities": ["EC2", "FARGATE"],
    "cpu": "512",
    "memory": "1024",
    "registeredAt": "2026-11-01T00:00:00+00:00",
    "registeredBy": "arn:aws:iam::1:user/x",
}


@pytest.mark.parametrize("whole", [True, False])
def test_a_described_task_definition_may_be_pasted(world, whole):
    """The answer of describe-task-definition, with or without its wrapper; read-only fields are noted."""
    pasted = (
        {"taskDefinition": DESCRIBED, "tags": [{"key": "k", "value": "v"}]} if whole else DESCRIBED
    )
    loaded = world.load(BASE, f"services:\n  web:\n    taskDefinition: {json.dumps(pasted)}\n")
    assert [d.rule for d in loaded.diagnostics] == ["read-only-field"]
    task = loaded.apps["production/shop"].services[0].task_definition
    assert (task["family"], task["cpu"], "revision" in task) == ("shop", "512", False)
    assert ("tags" in task) is whole


def test_a_pasted_variable_that_is_there_twice_is_the_last(world):
    """ECS takes it and uses the last one; a secret twice is what ECS refuses."""
    pairs = "[{name: A, value: x}, {name: A, value: y}]"
    loaded = world.load(service(f"environment: {pairs}"))
    assert [(d.rule, d.severity) for d in loaded.diagnostics] == [("duplicate-name", "warning")]
    assert container(loaded.apps["production/shop"])["environment"] == [{"name": "A", "value": "y"}]
    secrets = "[{name: A, valueFrom: /x}, {name: A, valueFrom: /y}]"
    [error] = world.errors(service(f"secrets: {secrets}"))
    assert error.rule == "duplicate-key"


def test_a_described_service_may_be_pasted(world):
    """What describe-services answers and nobody can set is dropped with a note."""
    text = 'status: ACTIVE\nrunningCount: 2\nevents: [{"id": "x"}]\nserviceArn: x\ndesiredCount: 2'
    loaded = world.load(service(text))
    assert [d.rule for d in loaded.diagnostics] == ["read-only-field"]
    assert loaded.apps["production/shop"].services[0].service["desiredCount"] == 2


def test_an_enumeration_that_go_left_empty_is_not_set(world):
    """`ecspresso init` writes "" for each word of AWS that is not set; where one is required it is wrong."""
    unset = {
        **DESCRIBED,
        "ipcMode": "",
        "pidMode": "",
        "containerDefinitions": [
            {
                "name": "app",
                "image": "a/b:1",
                "portMappings": [{"containerPort": 80, "protocol": "", "appProtocol": ""}],
            }
        ],
    }
    text = f'launchType: ""\npropagateTags: ""\ntaskDefinition: {json.dumps(unset)}'
    lines = "".join(f"    {line}\n" for line in text.splitlines())
    loaded = world.load(f"{BASE}services:\n  web:\n{lines}")
    assert [d.rule for d in loaded.diagnostics] == ["read-only-field"]
    web = loaded.apps["production/shop"].services[0]
    assert web.service["launchType"] == "FARGATE"
    assert not {"ipcMode", "pidMode", "propagateTags"} & {*web.task_definition, *web.service}
    assert web.task_definition["containerDefinitions"][0]["portMappings"] == [{"containerPort": 80}]
    wrong = world.errors(service('dependsOn: [{containerName: web, condition: ""}]'))
    assert "enum" in {d.rule for d in wrong}


def migration(text):
    """Return a migration `db` with an image and the lines of `text`."""
    lines = "".join(f"    {line}\n" for line in text.splitlines())
    return f"{BASE}migrations:\n  db:\n    image: a/b:1\n{lines}"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "required"),
        ("revision: a#b", "invalid-value"),
        ("revision: 1\nattempt: 0", "invalid-value"),
        ("revision: 1\nwhen: later", "enum"),
        ("revision: 1\ntimeout: 20", "invalid-value"),
        ("revision: 1\nrestartPolicy: {enabled: true}", "restart-policy"),
        ("revision: 1\ncontainer: app", "unknown-container"),
        ("revision: 1\nessential: false\ncontainer: db", "invalid-value"),
        ("revision: 1\ndesiredCount: 1", "unknown-field"),
        ("revision: 1\ncount: 2", "managed-field"),
        ("revision: 1\noverrides: {}", "managed-field"),
        ("revision: 1\npropagateTags: SERVICE", "enum"),
        ("revision: 1\nname: reconciler-guard", "managed-field"),
    ],
)
def test_mistakes_in_a_migration(world, text, rule):
    """What would make a migration run twice, or not be judged, is refused."""
    assert rule in {d.rule for d in world.errors(migration(text))}


def test_the_deciding_container_is_named_or_derived(world):
    """With several containers it is the one called like the migration, or `container:` names it."""
    two = (
        BASE + "migrations:\n  db:\n    revision: 1\n    containerDefinitions:\n"
        "      FIRST: {image: a/b:1}\n      log: {image: a/b:1}\n"
    )
    assert world.app(two.replace("FIRST", "db")).migrations[0].container == "db"
    assert (
        world.app(two.replace("FIRST", "app") + "    container: app\n").migrations[0].container
        == "app"
    )
    (found,) = world.errors(two.replace("FIRST", "app"))
    assert "app, log" in found.message


def test_migrations_take_runtask_fields_from_defaults(world):
    """Service-only defaults do not reach a migration's launch."""
    app = world.app(
        HEADER,
        DEFAULTS + "  healthCheckGracePeriodSeconds: 5\n",
        "migrations: {db: {image: a/b:1, revision: r1}}\n",
    )
    launch = app.migrations[0].launch
    assert launch == {
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
        "launchType": "FARGATE",
    }


def test_a_migration_set_to_null_is_dropped(world):
    """`null` says that it no longer gates."""
    app = world.app(BASE, "migrations: {db: null}\n")
    assert app.dropped_migrations == {"db"}
    assert not app.migrations


def test_a_half_written_migration_is_not_dropped(world):
    """`db:` with nothing behind it is an error, not a null."""
    (found,) = world.errors(BASE, "migrations:\n  db:\n")
    assert found.rule == "empty-value"


def test_service_and_migration_may_not_share_a_family(world):
    """Their revisions would mix."""
    found = world.errors(
        BASE, "services: {db: {image: a/b:1}}\nmigrations: {db: {image: a/b:1, revision: 1}}\n"
    )
    assert [d.rule for d in found] == ["same-name"]


def test_services_may_share_a_family(world):
    """Each names its own revision, as live clusters do that run one task definition twice."""
    app = world.app(
        BASE, "services: {a: {image: a/b:1, family: x}, b: {image: a/b:1, family: x}}\n"
    )
    assert {s.task_definition["family"] for s in app.services} == {"x"}


def test_after_in_a_circle(world):
    """Services that wait for each other are an error."""
    found = world.errors(
        BASE,
        "services:\n"
        "  a: {image: a/b:1, after: [service/b]}\n"
        "  b: {image: a/b:1, after: [service/c]}\n"
        "  c: {image: a/b:1, after: [service/a]}\n",
    )
    assert [d.rule for d in found] == ["cycle"]
    assert "a → b → c → a" in found[0].message


def test_a_long_chain_of_from_is_refused(world):
    """A thousand templates behind each other are an error, not a RecursionError."""
    chain = "".join(f"  c{n}: {{from: c{n + 1}}}\n" for n in range(1000))
    found = world.errors(BASE, f"containers:\n{chain}  c1000: {{image: a/b:1}}\n")
    assert {d.rule for d in found} == {"too-deep"}


def test_off_fargate_something_has_a_size(world):
    """Without the task's memory each container needs its own."""
    text = (
        "services: {{web: {{launchType: EC2, containerDefinitions: {{a: {{image: a/b:1{0}}}}}}}}}\n"
    )
    (found,) = world.errors(HEADER, text.format(""))
    assert (found.rule, found.origin.column) == ("required", 58)
    world.app(HEADER, text.format(", memoryReservation: 128"))


def test_fargate_names_all_that_is_missing(world):
    """Both sizes are asked for at once."""
    found = world.errors(
        HEADER, "services: {web: {image: a/b:1, networkConfiguration: {subnets: [s]}}}\n"
    )
    assert [d.rule for d in found] == ["required"]
    assert "cpu and memory" in found[0].message


def test_our_own_tags_in_a_pasted_answer_are_left_out(world):
    """What describe-services answers about a service of ours may be pasted; written by hand it is refused."""
    pasted = "tags: [{key: 'reconciler:app', value: shop}, {key: team, value: a}]"
    loaded = world.load(service(pasted))
    assert loaded.apps["production/shop"].services[0].service["tags"] == [
        {"key": "team", "value": "a"}
    ]
    assert [d.rule for d in loaded.diagnostics] == ["read-only-field"]
    errors = world.errors(service("tags: {'reconciler:app': shop}"))
    assert [d.rule for d in errors] == ["managed-field"]


def test_another_deployer_may_keep_its_task_definition(world) -> None:
    """CODE_DEPLOY and EXTERNAL services need no containers here, and then nothing is written for them."""
    app = world.app(HEADER, "services:\n  web: {deploymentController: {type: EXTERNAL}}\n")
    [service] = app.services
    assert service.task_definition == {}
    assert service.service == {
        "serviceName": "shop-production-web",
        "deploymentController": {"type": "EXTERNAL"},
    }
    assert not any(path[0] == "taskDefinition" for path in service.written)
