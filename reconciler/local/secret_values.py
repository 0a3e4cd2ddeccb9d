"""What stands behind `secrets[].valueFrom`: the emulated SSM and Secrets Manager."""

from __future__ import annotations

import json

from reconciler.local.ecs.errors import EcsError
from reconciler.local.ecs.state import Task
from reconciler.local.moto_backend import MotoBackend, MotoError

_ARN_PARTS = 6


class SecretValues:
    """Reads secrets as ECS does before a task starts; values go to the process and nowhere else."""

    def __init__(self, moto: MotoBackend) -> None:
        self._moto = moto

    def read(self, task: Task, reference: str) -> str:
        """Return the value of an SSM name or ARN, or of a Secrets Manager ARN.

        A Secrets Manager ARN may end in `:json-key:version-stage:version-id` (botocore, Secret).
        Raises EcsError when there is no such secret or key.
        """
        region = task.cluster.scope[1]
        parts = reference.split(":")
        try:
            if len(parts) > _ARN_PARTS and parts[2] == "secretsmanager":
                return self._from_secrets_manager(parts)
            if len(parts) >= _ARN_PARTS and parts[2] == "ssm":
                region, reference = parts[3], parts[5].removeprefix("parameter")
                reference = reference if reference.count("/") > 1 else reference.lstrip("/")
            return self._from_ssm(region, reference)
        except MotoError as error:
            raise EcsError(error.code, f"{error.code}: invalid parameters") from error

    def _from_ssm(self, region: str, name: str) -> str:
        answer = self._moto.call("ssm", "GetParameter", region, Name=name, WithDecryption=True)
        return str(answer["Parameter"]["Value"])

    def _from_secrets_manager(self, parts: list[str]) -> str:
        name, (key, stage, version, *_) = ":".join(parts[:7]), [*parts[7:], "", "", ""]
        options = {"VersionStage": stage, "VersionId": version}
        chosen = {k: v for k, v in options.items() if v}
        answer = self._moto.call(
            "secretsmanager", "GetSecretValue", parts[3], SecretId=name, **chosen
        )
        text = str(answer["SecretString"])
        if not key:
            return text
        document = json.loads(text)
        if key not in document:
            raise EcsError("ResourceNotFoundException", f"the secret has no key '{key}'")
        return str(document[key])
