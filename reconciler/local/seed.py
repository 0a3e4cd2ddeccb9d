"""Making what desired state names but does not create. Used by `reconciler local` and by tests.

Clusters, repositories with all their tags, roles, log groups, and SSM parameters or secrets with
dummy values: a DATABASE_URL becomes a SQLite file in the data directory. Load balancers with their
rules, registries, namespaces, file systems, keys and (empty) environment files get the names of the
files; cache subnet groups and Redis groups that are only referred to are made, too, and so is what is
looked up in SSM and CloudFormation.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

from reconciler.local.ecs import clusters, dispatch
from reconciler.local.ecs.state import World
from reconciler.local.elasticache.seed import seed_redis
from reconciler.local.elasticache.state import CacheWorld
from reconciler.local.images import ImageReference, Images
from reconciler.local.moto_backend import NO_REGION, MotoBackend, MotoError
from reconciler.local.named import Named
from reconciler.local.seed_lookups import seed_lookups
from reconciler.model.desired import DesiredApp, DesiredJob, DesiredMigration, DesiredService
from reconciler.model.errors import UsageError
from reconciler.model.lookups import Deferred, without_look_ups
from reconciler.model.names import last_part
from reconciler.resources.grants.roles import roles_in
from reconciler.shapes.botocore_model import known_regions

Launched = TypeVar("Launched", DesiredMigration, DesiredJob)

_ARN_PARTS = 6
_EXISTS = (
    "ResourceAlreadyExistsException",
    "RepositoryAlreadyExistsException",
    "EntityAlreadyExists",
    "ResourceExistsException",
)


class SeededWorld(Protocol):
    """What of EmbeddedAws seeding needs."""

    account: str
    region: str
    world: World
    caches: CacheWorld
    moto: MotoBackend
    images: Images
    data_directory: Path


class Seeder:
    """Puts things into the emulated account; what is there already stays as it is."""

    def __init__(self, aws: SeededWorld) -> None:
        self._aws = aws

    def app(self, app: DesiredApp) -> None:
        """Seed one app. Raises UsageError when it lives in another account, or in no region at all."""
        self._refuse_elsewhere(app)
        scope = (self._aws.account, app.region)
        dispatch.answer(self._aws.world, scope, "CreateCluster", {"clusterName": app.cluster})
        self._capacity(app, scope)
        for image in app.image_references():
            if not isinstance(image, Deferred):
                self.image(image, app.region)
        known = _known(app)
        for document in known.task_definitions:
            self._task_definition(document, app)
        for run in known.launched:
            for key in _keys(run.launch):
                Named(self._aws.moto).key(key, app.region)
        for service in known.services:
            self._surroundings(service, app)
        for redis in app.redis:
            seed_redis(self._aws.caches, scope, redis)
        for value in seed_lookups(self._aws.moto, app):
            self.role(value, app.region)

    def _refuse_elsewhere(self, app: DesiredApp) -> None:
        if app.account != self._aws.account:
            raise UsageError(
                f"{app.key} names account {app.account}; the embedded AWS is {self._aws.account}"
            )
        if app.region not in known_regions():
            raise UsageError(f"{app.key} names region {app.region}, which no AWS has")

    def _capacity(self, app: DesiredApp, scope: tuple[str, str]) -> None:
        """Give the cluster the capacity providers that the files name."""
        cluster = clusters.find(self._aws.world, scope, {"cluster": app.cluster})
        strategies = [s.service.get("capacityProviderStrategy") or () for s in app.services]
        strategies += [run.launch.get("capacityProviderStrategy") or () for run in app.launched]
        named = {str(item["capacityProvider"]) for strategy in strategies for item in strategy}
        known = cluster.document.get("capacityProviders") or ()
        cluster.document["capacityProviders"] = sorted({*known, *named})

    def _surroundings(self, service: DesiredService, app: DesiredApp) -> None:
        """Make target groups of the type that the tasks need, and what the service registers with."""
        awsvpc = service.task_definition.get("networkMode") == "awsvpc"
        document, named = service.service, Named(self._aws.moto)
        for balancer in document.get("loadBalancers") or ():
            advanced = balancer.get("advancedConfiguration") or {}
            groups = [balancer.get("targetGroupArn"), advanced.get("alternateTargetGroupArn")]
            for arn in groups:
                named.target_group(str(arn or ""), app.region, "ip" if awsvpc else "instance")
            for field in ("productionListenerRule", "testListenerRule"):
                arns = [str(arn) for arn in groups if arn]
                named.listener_rule(str(advanced.get(field) or ""), arns, app.region)
            port = int(balancer.get("containerPort") or 80)
            named.classic_balancer(str(balancer.get("loadBalancerName") or ""), port, app.region)
        for registry in document.get("serviceRegistries") or ():
            named.registry(last_part(str(registry.get("registryArn", ""))), app.region)
        connect = document.get("serviceConnectConfiguration") or {}
        if connect.get("namespace"):
            named.namespace(str(connect["namespace"]), app.region)
        for role in roles_in(document):
            self.role(role, app.region)
        for key in _keys(document):
            named.key(key, app.region)

    def image(self, text: str, region: str = "") -> None:
        """Make the repository of an image and remember the digest of its tag."""
        reference = ImageReference.parse(text)
        self.repository(reference.repository, region)
        if reference.tag:
            self._aws.images.digest(reference.repository, reference.tag)

    def repository(self, name: str, region: str = "") -> None:
        """Make an ECR repository whose every tag exists."""
        self._aws.images.open_repository(name)
        self._make("ecr", "CreateRepository", region or self._aws.region, repositoryName=name)

    def role(self, arn: str, region: str) -> None:
        """Make an IAM role that tasks and ECS itself may assume, with the path of its ARN, or by its name."""
        named = arn.partition(":role/")[2] if arn.startswith("arn:") else arn
        path, _, name = named.rpartition("/")
        if not name:
            return
        trust = {
            "Effect": "Allow",
            "Principal": {"Service": ["ecs-tasks.amazonaws.com", "ecs.amazonaws.com"]},
            "Action": "sts:AssumeRole",
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        params = {"Path": f"/{path}/" if path else "/", "AssumeRolePolicyDocument": policy}
        try:
            self._aws.moto.submit("iam", "CreateRole", region, RoleName=name, **params)
        except MotoError as error:
            if error.code not in _EXISTS:
                raise

    def _task_definition(self, document: Mapping[str, Any], app: DesiredApp) -> None:
        named = Named(self._aws.moto)
        for field in ("executionRoleArn", "taskRoleArn"):
            self.role(str(document.get(field) or ""), app.region)
        for volume in document.get("volumes") or ():
            efs = volume.get("efsVolumeConfiguration") or {}
            named.file_system(str(efs.get("fileSystemId", "")), app.region)
        for container in document.get("containerDefinitions") or []:
            options = (container.get("logConfiguration") or {}).get("options") or {}
            if options.get("awslogs-group"):
                region = str(options.get("awslogs-region") or app.region)
                self._make("logs", "CreateLogGroup", region, logGroupName=options["awslogs-group"])
            for file in container.get("environmentFiles") or []:
                named.environment_file(str(file.get("value", "")), app.region)
            for secret in container.get("secrets") or []:
                if "valueFrom" not in secret:
                    continue
                self.secret(str(secret["name"]), str(secret["valueFrom"]), app)

    def secret(self, variable: str, reference: str, app: DesiredApp) -> None:
        """Make the parameter or secret behind `valueFrom`, with a value that suits the variable."""
        value = self._value(variable, app)
        parts = reference.split(":")
        if len(parts) > _ARN_PARTS and parts[2] == "secretsmanager":
            self._make(
                "secretsmanager", "CreateSecret", parts[3], Name=parts[6], SecretString=value
            )
            return
        region, name = app.region, reference
        if len(parts) >= _ARN_PARTS and parts[2] == "ssm":
            region, name = parts[3], parts[5].removeprefix("parameter")
        self._make("ssm", "PutParameter", region, Name=name, Value=value, Type="SecureString")

    def _value(self, variable: str, app: DesiredApp) -> str:
        if variable.endswith("DATABASE_URL"):
            name = f"{app.environment}-{app.app}.sqlite3"
            return f"sqlite:///{self._aws.data_directory / name}"
        return f"embedded-{variable.lower().replace('_', '-')}"

    def _make(self, service: str, operation: str, region: str, **params: Any) -> None:
        try:
            self._aws.moto.call(service, operation, region, **params)
        except MotoError as error:
            there = "AlreadyExists" in error.code or error.code in _EXISTS
            if not there and error.code != NO_REGION:
                raise


def _keys(document: Any) -> Iterator[str]:
    """Find every key of KMS in a document: volumes have `kmsKeyId`, Service Connect `kmsKey`."""
    if isinstance(document, Mapping):
        for name, value in document.items():
            if name in ("kmsKeyId", "kmsKey") and isinstance(value, str):
                yield value
            else:
                yield from _keys(value)
    elif isinstance(document, list | tuple):
        for value in document:
            yield from _keys(value)


def _known(app: DesiredApp) -> DesiredApp:
    """Return the app without what it looks up: only AWS knows what that is."""
    return replace(
        app,
        services=tuple(
            replace(
                s,
                service=without_look_ups(s.service),
                task_definition=without_look_ups(s.task_definition),
            )
            for s in app.services
        ),
        migrations=tuple(_known_run(migration) for migration in app.migrations),
        jobs=tuple(_known_run(job) for job in app.jobs),
    )


def _known_run(run: Launched) -> Launched:
    return replace(
        run,
        launch=without_look_ups(run.launch),
        task_definition=without_look_ups(run.task_definition),
    )
