"""The sample app: it converges as desired/ has it, and its migration counts and excludes itself."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.local.sample import sample_images, starts
from reconciler.local.sample.database import Database
from reconciler.local.sample.migrate import migrate
from reconciler.source.folder import load_folder
from tests.local.talk import eventually

DESIRED = Path(__file__).parents[2] / "desired"


@pytest.fixture
def shop():
    """Return the sample's desired state."""
    loaded = load_folder(DESIRED)
    assert loaded.diagnostics == ()
    return loaded.apps["production/shop"]


@pytest.fixture
def talk(start, shop):
    """Return an embedded AWS that has what the sample names."""
    talk = start(images=sample_images())
    talk.aws.seed([shop])
    return talk


def run(talk, shop, declared):
    """Run a migration or a job as declared, without a guard; returns the stopped task."""
    arn = talk.ecs.register_task_definition(**declared.task_definition)
    task = talk.ecs.run_task(
        cluster=shop.cluster,
        taskDefinition=arn["taskDefinition"]["taskDefinitionArn"],
        **declared.launch,
    )["tasks"][0]["taskArn"]
    return eventually(
        lambda: talk.ecs.describe_tasks(cluster=shop.cluster, tasks=[task])["tasks"][0],
        lambda t: t["lastStatus"] == "STOPPED",
    )


def get(port, path="/"):
    """Return the JSON that a web process answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def test_the_sample_runs_as_it_stands(talk, shop):
    """The migration runs, the job reports, both services come up, the web process tells tag and schema."""
    task = run(talk, shop, shop.migrations[0])
    assert task["containers"][0]["exitCode"] == 0
    tag = shop.images["app"].rpartition(":")[2]
    assert starts.count(talk.aws.data_directory, tag) == 1
    lines = talk.messages("/ecs/shop-production-db")
    assert lines == [f"== {tag} Migrate: migrating ==", f"== {tag} Migrate: migrated =="]

    (job,) = shop.jobs
    assert run(talk, shop, job)["containers"][0]["exitCode"] == 0
    assert talk.messages("/ecs/shop-production-daily-report") == [
        f"report of now: shop {tag}, schema {tag}, migrations 1"
    ]

    names = [s.service_name for s in shop.services]
    for service in shop.services:
        answer = talk.ecs.register_task_definition(**service.task_definition)
        arn = answer["taskDefinition"]["taskDefinitionArn"]
        least = {"desiredCount": 1} if service.autoscaling else {}
        talk.ecs.create_service(
            cluster=shop.cluster, taskDefinition=arn, **least, **service.service
        )
    eventually(
        lambda: talk.ecs.describe_services(cluster=shop.cluster, services=names)["services"],
        lambda found: [s["deployments"][0]["rolloutState"] for s in found] == ["COMPLETED"] * 2,
    )
    web = talk.ecs.list_tasks(cluster=shop.cluster, serviceName=names[0])["taskArns"][0]
    task = talk.ecs.describe_tasks(cluster=shop.cluster, tasks=[web])["tasks"][0]
    bound = [b for c in task["containers"] for b in c["networkBindings"]]
    seen = eventually(lambda: _try_get(bound[0]["hostPort"]), lambda answer: answer is not None)
    assert seen == {"app": "shop", "version": tag, "schema": tag, "migrations": 1, "task": web}


def _try_get(port):
    try:
        return get(port)
    except (OSError, ValueError):
        return None


def environment(directory, **more):
    """Return a migration's environment."""
    return {"RECONCILER_DATA_DIR": str(directory), "RECONCILER_IMAGE_TAG": "1.0", **more}


def test_every_start_is_counted(tmp_path):
    """Also of a migration that has nothing to do, and of one that fails."""
    assert migrate(environment(tmp_path)) == 0
    assert migrate(environment(tmp_path)) == 0
    assert migrate(environment(tmp_path, MIGRATION_REVISION="2", MIGRATION_FAIL="3")) == 3
    assert starts.count(tmp_path, "1.0") == 2
    assert starts.count(tmp_path, "2") == 1
    ends = [e["code"] for e in starts.read(tmp_path) if e["event"] == "end"]
    assert ends == [0, 0, 3]


def test_a_failed_migration_is_not_recorded(tmp_path):
    """Its version is absent from schema_migrations, those before it stay."""
    migrate(environment(tmp_path))
    migrate(environment(tmp_path, RECONCILER_IMAGE_TAG="2.0-badmigration"))
    database = Database.from_environment(environment(tmp_path))
    assert database.versions() == ["1.0"]


def test_two_migrations_at_once_are_refused(tmp_path, capsys):
    """As in Rails: the second ends with ConcurrentMigrationError and exit code 1."""
    database = Database.from_environment(environment(tmp_path))
    codes = []
    database.apply("1.0", lambda: codes.append(migrate(environment(tmp_path))))
    assert codes == [1]
    assert "ActiveRecord::ConcurrentMigrationError" in capsys.readouterr().out
    assert starts.count(tmp_path, "1.0") == 1
    assert database.versions() == ["1.0"]


def test_the_lock_is_free_after_a_kill(tmp_path):
    """A migration killed in the middle leaves neither a lock nor a record, only its start."""
    command = [sys.executable, "-m", "reconciler.local.sample.migrate"]
    process = subprocess.Popen(
        command, env=environment(tmp_path, MIGRATION_SLEEP="600"), stdout=subprocess.PIPE
    )
    try:
        assert process.stdout.readline() == b"== 1.0 Migrate: migrating ==\n"
        assert migrate(environment(tmp_path)) == 1
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert migrate(environment(tmp_path)) == 0
    events = [e["event"] for e in starts.read(tmp_path)]
    assert events == ["start", "start", "end", "start", "end"]


def test_a_foreign_database_url_is_refused(tmp_path):
    """Only SQLite files and PostgreSQL are understood."""
    with pytest.raises(ValueError, match="DATABASE_URL"):
        Database("mysql://x").versions()


def test_a_broken_tag_trips_nothing_but_its_own_process(tmp_path):
    """The web stand-in exits 1 when the tag says so, and worker and migration commands exist."""
    bundle = sample_images()["shop"] / "bin" / "bundle"
    variables = environment(tmp_path, RECONCILER_PYTHON=sys.executable, PATH="/usr/bin:/bin")

    def bundle_exec(*arguments, **more):
        done = subprocess.run(
            [bundle, "exec", *arguments],
            env={**variables, **more},
            check=False,
            capture_output=True,
            text=True,
        )
        return done.returncode

    assert bundle_exec("puma", RECONCILER_IMAGE_TAG="2-broken") == 1
    assert bundle_exec("sidekiq", RECONCILER_IMAGE_TAG="2-broken") == 1
    assert bundle_exec("rails", "db:migrate") == 0
    assert bundle_exec("rake", "report:daily", RECONCILER_IMAGE_TAG="2-broken") == 0
    assert bundle_exec("rake", "routes") == 127
