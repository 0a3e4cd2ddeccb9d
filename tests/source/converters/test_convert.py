"""Other tools' files: what is mechanical is converted, everything else is said with its line."""

from __future__ import annotations

from datetime import timedelta

import pytest

from reconciler.model.errors import InvalidDesiredState, UsageError
from reconciler.source.converters import copilot, ecspresso, hako
from reconciler.source.converters.conversion import Converted, Wanted
from reconciler.source.converters.templates import references
from reconciler.source.folder import load_folder
from reconciler.source.imports.files import write
from tests.source.converters.samples import (
    COPILOT,
    COPILOT_JOB,
    ECSPRESSO,
    HAKO,
    SERVICE_DEFINITION,
    TASK_DEFINITION,
)

FILES = {"ecs-service-def.json": SERVICE_DEFINITION, "ecs-task-def.json": TASK_DEFINITION}
HERE = Wanted(environment="production", region="ap-northeast-1")
PROD = Wanted("prod", "shop", "123456789012", "us-east-1", "shop-prod")


def of_ecspresso(config=ECSPRESSO, files=None) -> Converted:
    """Convert the sample of ecspresso."""
    return ecspresso.convert(("ecspresso.yml", config), files or FILES, HERE)


def of_hako(text=HAKO) -> Converted:
    """Convert the sample of hako."""
    return hako.convert("hello.yml", text, Wanted())


def of_copilot(text=COPILOT, wanted=PROD) -> Converted:
    """Convert the sample of Copilot."""
    return copilot.convert("copilot/api/manifest.yml", text, wanted)


def text_of(converted: Converted) -> str:
    """Return the YAML."""
    return "\n".join(
        write(converted.target, converted.services, sections=converted.sections).files.values()
    )


def said(converted: Converted, word: str) -> list[int]:
    """Return the lines of the remarks that have a word in them."""
    return [r.line for r in converted.remarks if word in r.message]


def at(text: str, token: str) -> int:
    """Return the line of a sample on which a token stands."""
    return next(n for n, line in enumerate(text.splitlines(), 1) if token in line)


def loaded(tmp_path, converted: Converted):
    """Write the files and read them back."""
    folder = tmp_path / converted.target.environment / converted.target.app
    folder.mkdir(parents=True)
    for name, text in write(
        converted.target, converted.services, sections=converted.sections
    ).files.items():
        (folder / name).write_text(text)
    return load_folder(tmp_path)


def test_ecspresso_keeps_every_field(tmp_path):
    """The same names: short forms, tags and the Terraform state; the result is valid as it is."""
    found = of_ecspresso()
    result = loaded(tmp_path, found)
    assert [str(d) for d in result.diagnostics if d.severity == "error"] == []
    [service] = result.apps["production/shop-web"].services
    assert service.service["serviceName"] == "shop-web"
    assert service.service["tags"] == [{"key": "team", "value": "shop"}]
    assert service.service["deploymentConfiguration"]["deploymentCircuitBreaker"] == {
        "enable": True,
        "rollback": True,
    }
    assert service.task_definition["cpu"] == "512"
    assert result.apps["production/shop-web"].account == "123456789012"
    assert "tfstate: s3://shop-terraform/production.tfstate" in text_of(found)


def test_ecspresso_leaves_out_words_that_go_left_empty():
    """`ecspresso init` writes "" for what is not set: no key, no remark."""
    empty = '"ipcMode": "", "pidMode": "", "networkMode": "awsvpc"'
    definition = TASK_DEFINITION.replace('"networkMode": "awsvpc"', empty)
    converted = of_ecspresso(files=FILES | {"ecs-task-def.json": definition})
    assert text_of(converted) == text_of(of_ecspresso())
    assert [r.message for r in converted.remarks] == [r.message for r in of_ecspresso().remarks]


def test_ecspresso_templates_become_references():
    """Look-ups of Terraform, SSM and the environment; a literal ${ stays one."""
    text = text_of(of_ecspresso())
    assert 'targetGroupArn: ${tfstate:aws_lb_target_group.web["blue"].arn}' in text
    assert "subnets: ['${tfstate:aws_subnet.private-a.id}']" in text
    assert """['${tfstate:data.aws_security_group.default["first"].id}']""" in text
    assert "HOST: ${env:HOST:-shop.example.com}" in text
    assert "shop:${env:TAG}" in text
    assert "'${ssm:/shop/arn}:key::'" in text
    assert "BRACES: $${HOME}" in text


def test_ecspresso_templates_need_no_quotes(tmp_path):
    """Ecspresso fills them in before it reads YAML or JSON: numbers have none, and they may hold quotes."""
    config = ECSPRESSO.replace('"{{ must_env `AWS_REGION` }}"', "{{ must_env `AWS_REGION` }}")
    config = config.replace("cluster: production", 'cluster: {{ must_env "CLUSTER" }}')
    service = SERVICE_DEFINITION.replace("2,", "{{ env `COUNT` `3` }},", 1)
    task = TASK_DEFINITION.replace('"512"', '"{{ must_env "CPU" }}"')
    found = of_ecspresso(config, {"ecs-service-def.json": service, "ecs-task-def.json": task})
    text = text_of(found)
    assert "desiredCount: ${env:COUNT:-3}" in text
    assert "cpu: ${env:CPU}" in text
    assert found.target.region == "ap-northeast-1"
    assert said(found, 'cluster is {{ must_env "CLUSTER" }}') == [at(config, "CLUSTER")]
    assert [str(d) for d in loaded(tmp_path, found).diagnostics if d.severity == "error"] == []


@pytest.mark.parametrize(
    "control", ["{{ if eq (env `A` ``) `b` }}", "{{- range $x }}", "{{ end }}"]
)
def test_ecspresso_with_conditions_is_told_to_render_first(control):
    """A template that is a program has no counterpart: what it makes can be converted."""
    task = TASK_DEFINITION.replace("{\n", f"{{\n{control}\n", 1)
    with pytest.raises(UsageError, match=r"ecs-task-def.json:2: .* render it first: ecspresso"):
        of_ecspresso(files=FILES | {"ecs-task-def.json": task})
    with pytest.raises(UsageError, match=r"ecspresso.yml:1: .* ecspresso render config"):
        ecspresso.config_files("ecspresso.yml", f"{control}\n{ECSPRESSO}")


def test_ecspresso_deploys_its_own_task_definition():
    """One that the service definition names is said to be left out."""
    service = SERVICE_DEFINITION.replace("{\n", '{\n"taskDefinition": "shop-web:7",\n', 1)
    found = of_ecspresso(files=FILES | {"ecs-service-def.json": service})
    assert said(found, "taskDefinition: the file of task_definition") == [2]
    assert text_of(found) == text_of(of_ecspresso())


def test_ecspresso_with_a_file_name_that_is_not_known_is_told_so():
    """A definition whose name is a template is found by nobody."""
    config = ECSPRESSO.replace("ecs-task-def.json", "{{ must_env `NAME` }}.json")
    with pytest.raises(UsageError, match="ecspresso render"):
        ecspresso.config_files("ecspresso.yml", config)


def test_ecspresso_says_what_it_leaves():
    """The timeout, an unknown plugin, a filter, a misspelt field: each with its line."""
    found = of_ecspresso()
    assert said(found, "timeout") == [at(ECSPRESSO, "timeout")]
    assert said(found, "plugin external") == [at(ECSPRESSO, "external")]
    assert said(found, "json_escape") == [at(TASK_DEFINITION, "json_escape")]
    assert said(found, "portMapings is unknown") == [at(TASK_DEFINITION, "portMapings")]
    assert said(found, "read by the command line") == [
        at(TASK_DEFINITION, token) for token in ("`TAG`", "`HOST`")
    ]


def test_ecspresso_with_jsonnet_is_told_to_render_first():
    """Jsonnet is a program: its result is what can be converted."""
    with pytest.raises(UsageError, match="ecspresso render"):
        ecspresso.config_files("ecspresso.yml", ECSPRESSO.replace("task-def.json", "task.jsonnet"))


@pytest.mark.parametrize(
    ("template", "reference"),
    [
        ("{{ must_env `A` }}", "${env:A}"),
        ('{{must_env "A"}}', "${env:A}"),
        ("{{ env `A` `` }}", "${env:A:-}"),
        ("x{{ ssm `/a` }}y", "x${ssm:/a}y"),
        ("{{ cfn_output `net` `Subnet` }}", "${cfn:net.Subnet}"),
        ("{{ tfstatef `a.b['%s'].c['%s']` `x` `y` }}", '${tfstate:a.b["x"].c["y"]}'),
        ("plain ${x}", "plain ${x}"),
    ],
)
def test_each_template_has_its_reference(template, reference):
    """Texts without a template are left alone, as texts."""
    assert references(template, pytest.fail) == reference


@pytest.mark.parametrize(
    "template",
    ["{{ env `A` | json_escape }}", "{{ secretsmanager_arn `x` }}", "{{ tfstatef `a['%s']` }}"],
)
def test_a_template_without_counterpart_is_told_and_stays(template):
    """Nothing is guessed."""
    told = []
    assert references(f"a {template}", told.append) == f"a {template}"
    assert told == [template]


def test_hako_in_snake_case_becomes_aws_words(tmp_path):
    """Scheduler, app, sidecars, volumes; the result is valid as it is."""
    found = of_hako()
    result = loaded(tmp_path, found)
    assert [str(d) for d in result.diagnostics if d.severity == "error"] == []
    [service] = result.apps["production/hello"].services
    task = service.task_definition
    app, front = task["containerDefinitions"]
    assert (app["image"], app["cpu"], app["memory"]) == ("ryotarai/hello-sinatra:v3", 128, 256)
    assert {"name": "PORT", "value": "3000"} in app["environment"]
    assert app["secrets"] == [{"name": "TOKEN", "valueFrom": "/hako/token"}]
    assert app["mountPoints"] == [{"sourceVolume": "data", "containerPath": "/data"}]
    assert front["image"] == "hako-nginx:v1"
    assert task["volumes"] == [{"name": "data", "host": {"sourcePath": "/mnt/data"}}]
    assert task["ephemeralStorage"] == {"sizeInGiB": 25}
    assert service.service["deploymentConfiguration"]["deploymentCircuitBreaker"] == {
        "enable": True,
        "rollback": False,
    }
    assert service.service["tags"] == [{"key": "team", "value": "shop"}]


def test_hako_says_what_it_leaves():
    """The load balancer that hako made, providers and scripts."""
    found = of_hako()
    assert said(found, "elb_v2") == [at(HAKO, "elb_v2")]
    assert said(found, "$providers") == [at(HAKO, "$providers")]
    assert said(found, "MESSAGE") == [at(HAKO, "MESSAGE")]
    assert said(found, "cap_add") == [at(HAKO, "cap_add")]
    assert said(found, "nginx_front") == [at(HAKO, "nginx_front")]


def test_copilot_has_words_of_its_own(tmp_path):
    """Counts, variables, secrets, sidecars, storage; only the network has to be added."""
    text = text_of(of_copilot())
    for line in (
        "min: 2",
        "max: 10",
        "targetCpu: 70",
        "scaleInCooldown: 60",
        "scaleOutCooldown: 90",
        "DB: /copilot/${app}/${environment}/secrets/DB",
        "KEY: arn:aws:secretsmanager:${region}:${account}:secret:mysql",
        "LOG_LEVEL: warn",
        'environment: {NGINX_PORT: "80"}',
        "runtimePlatform: {cpuArchitecture: ARM64}",
        "ephemeralStorage: {sizeInGiB: 100}",
        "enableExecuteCommand: true",
    ):
        assert line in text
    errors = [d for d in loaded(tmp_path, of_copilot()).diagnostics if d.severity == "error"]
    assert ["networkConfiguration" in str(e) for e in errors] == [True]


def test_copilot_says_what_it_leaves():
    """What CloudFormation made is named: the service, the image, the load balancer, the network."""
    found = of_copilot()
    assert said(found, "serviceName") == [1]
    assert said(found, "load balancer stays") == [3]
    assert said(found, "built and pushed") == [at(COPILOT, "image:")]
    assert said(found, "response_time") == [at(COPILOT, "response_time")]
    assert said(found, "network:") == [at(COPILOT, "network:")]
    assert said(found, "from_cfn") == [at(COPILOT, "from_cfn")]
    assert said(found, "environment test") == [at(COPILOT, "test:")]


@pytest.mark.parametrize(
    ("count", "words"),
    [
        ("count: 3", ["desiredCount: 3"]),
        ("count: {spot: 2}", ["desiredCount: 2", "capacityProvider: FARGATE_SPOT"]),
        ("count: {range: 1-4, requests: 30}", ["min: 1", "max: 4", "requestCountPerTarget: 30"]),
        (
            "count: {range: 1-4, cpu_percentage: {value: 60, cooldown: {in: 5s}}}",
            ["targetCpu: 60", "scaleInCooldown: 5"],
        ),
    ],
)
def test_each_form_of_count(count, words):
    """A number, spot capacity, a range with targets."""
    text = text_of(of_copilot(f"name: api\ntype: Backend Service\nimage: {{port: 80}}\n{count}\n"))
    assert [w for w in words if w not in text] == []


COPILOT_JOB_NETWORK = """\
    launchType: FARGATE
    networkConfiguration: {subnets: [subnet-0a1b2c3d], securityGroups: [sg-0a1b2c3d]}
"""
"""What the environment's stack has, and the manifest only names."""


def of_copilot_job(text=COPILOT_JOB) -> Converted:
    """Convert the sample of a job."""
    return of_copilot(text)


def test_a_scheduled_job_of_copilot_is_a_job(tmp_path):
    """What it runs and when; only the network is missing, and what stays behind is said."""
    found = of_copilot_job()
    result = loaded(tmp_path, found)
    (missing,) = [d for d in result.diagnostics if d.severity == "error"]
    assert "networkConfiguration" in missing.message
    with_network = COPILOT_JOB_NETWORK.join(text_of(found).split("    launchType: FARGATE\n"))
    (tmp_path / "prod" / "shop" / "app.yaml").write_text(with_network)
    (job,) = load_folder(tmp_path).apps["prod/shop"].jobs
    assert (job.schedule, job.retries, job.timeout) == ("rate(90 minutes)", 3, timedelta(hours=1))
    assert job.policy.concurrency == "allow"
    container = job.task_definition["containerDefinitions"][0]
    assert container["command"] == ["bin/report", "--all"]
    assert {"name": "LOG_LEVEL", "value": "warn"} in container["environment"]
    assert job.launch["launchType"] == "FARGATE"
    assert said(found, "state machine")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("0 3 * * *", "schedule: 0 3 * * *"),
        ("cron(0 3 * * ? *)", "cron(0 3 * * ? *)"),
        ("rate(5 minutes)", "rate(5 minutes)"),
        ("@weekly", "@weekly"),
        ("@every 1m", "rate(1 minute)"),
        ("@every 1h", "rate(60 minutes)"),
        ("@every 90s", "rate(2 minutes)"),
        ("none", "suspend: true"),
    ],
)
def test_each_form_of_a_copilot_schedule(written, expected):
    """Cron, rate and presets stay; `@every` is a rate in whole minutes; `none` is suspended."""
    text = COPILOT_JOB.replace("@every 1h30m", written)
    assert expected in text_of(of_copilot_job(text))


def test_other_workloads_of_copilot_are_refused_by_name():
    """Static sites run nothing on ECS."""
    with pytest.raises(UsageError, match="Static Site is not converted yet"):
        of_copilot("name: report\ntype: Static Site\n")


def test_numbers_that_are_none_are_told():
    """A text where Copilot wants a number is a remark with its line, not a crash."""
    text = "name: a\ntype: Backend Service\nimage: {port: web}\ncount: {spot: many}\n"
    assert said(of_copilot(text), "not a whole number") == [4, 3]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("image: {port: 2000/udp}", "protocol: udp"),
        ("command: sh -c 'exec bin/web'", "[sh, -c, exec bin/web]"),
        ("command: bin/web ${COPILOT_ENVIRONMENT_NAME}", "${environment}"),
        ("count: {range: 1-4, cooldown: {in: 1h}, cpu_percentage: 60}", "scaleInCooldown: 3600"),
    ],
)
def test_each_form_of_copilot_is_read_as_copilot_reads_it(written, expected):
    """Protocols of ports, quoted words, Copilot's names in a command, durations with hours."""
    assert expected in text_of(of_copilot(f"name: api\ntype: Backend Service\n{written}\n"))


@pytest.mark.parametrize(
    "written",
    [
        "platform: windows/amd64",
        "platform: linux/riscv",
        "count: many",
        "count: {range: few}",
        "count: {range: 1-4, cooldown: {in: soon}, cpu_percentage: 60}",
        "command: bin/web 'open",
        "variables: [A]",
        "sidecars: {nginx: x}",
        "cpu: {units: 256}",
    ],
)
def test_a_value_that_copilot_would_not_take_is_told(written):
    """What is not understood is listed with its line, whatever its key."""
    found = of_copilot(f"name: api\ntype: Backend Service\n{written}\n")
    assert 3 in [r.line for r in found.remarks]


def test_tags_and_structures_of_hako_that_are_none_are_told():
    """A list where hako has a map, and a word where AWS has a structure: remarks, not a crash."""
    wrong = HAKO.replace("{team: shop}", "[team]").replace("{enable: true}", "true")
    found = of_hako(wrong)
    assert said(found, "tags: not a map") == [at(wrong, "[team]")]
    assert said(found, "deploymentCircuitBreaker") == [at(wrong, "breaker: true")]
    assert "hello" in text_of(found)


SILENT = ("variables", "secrets", "env", "tags", "options", "sidecars", "volumes", "environments",
          "http", "network", "elb_v2", "depends_on", "prod", "$providers", "data", "elb", "config")  # fmt: skip
"""Maps with names of the user's own, and those that are named as a whole."""


def spoiled(text: str):
    """Yield the text with one unknown key in each map, with its line."""
    lines = text.splitlines()
    for index, line in enumerate(lines):
        word = line.strip().rstrip(":").lstrip("- ")
        nested = line.endswith(":") and not any(line.strip().startswith(s) for s in SILENT)
        if nested and not lines[index + 1].lstrip().startswith("-"):
            indent = len(lines[index + 1]) - len(lines[index + 1].lstrip())
            yield word, index + 2, "\n".join([*lines[: index + 1], " " * indent + "zzz: 1", *lines[index + 1 :], ""])  # fmt: skip
    yield "top", len(lines) + 1, "\n".join([*lines, "zzz: 1", ""])


@pytest.mark.parametrize(
    ("convert", "text"),
    [
        (of_hako, HAKO),
        (of_copilot, COPILOT),
        (of_copilot_job, COPILOT_JOB),
        (of_ecspresso, ECSPRESSO),
    ],
    ids=["hako", "copilot", "copilot job", "ecspresso"],
)
def test_no_key_is_dropped_silently(convert, text):
    """A key that nobody knows, put into any map, is listed with its line."""
    tried = 0
    for word, line, other in spoiled(text):
        assert line in [r.line for r in convert(other).remarks if "zzz" in r.message], word
        tried += 1
    assert tried >= 1


@pytest.mark.parametrize("convert", [of_hako, of_copilot, of_ecspresso])
def test_a_file_that_is_no_yaml_says_where(convert):
    """A mistake of syntax has its line, as in our own files."""
    with pytest.raises(InvalidDesiredState) as wrong:
        convert("a: [1\nb: }")
    assert wrong.value.diagnostics[0].origin.line in (1, 2)
