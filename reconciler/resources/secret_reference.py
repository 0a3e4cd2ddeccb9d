"""What a secret's `valueFrom` points at, and how the parameters among them are asked for. Pure.

Used by `preflight.secrets`, which looks whether they exist, and by `freshness`, for their versions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from reconciler.model.batches import batches
from reconciler.resources.grants.statement import Names

_PARAMETERS = 50
"""Names in one filter, and parameters in one answer (botocore: DescribeParameters)."""


@dataclass(frozen=True)
class Reference:
    """What `valueFrom` points at: a parameter or a secret, with the version that is asked for."""

    service: str
    arn: str
    stage: str = ""
    version: str = ""

    @property
    def name(self) -> str:
        """Its short name, for people."""
        return self.arn.split(":", 5)[5].removeprefix("parameter").removeprefix("secret:")

    @property
    def place(self) -> tuple[str, str]:
        """Region and account."""
        parts = self.arn.split(":")
        return parts[3], parts[4]

    def is_in(self, region: str, account: str) -> bool:
        """Say whether it is there; not while a look-up in its name has no value."""
        return self.place == (region, account) and "${" not in self.arn

    def __str__(self) -> str:
        """Spell it so that equal references sort together."""
        return f"{self.service} {self.arn} {self.stage} {self.version}"


def reference(text: str, names: Names) -> Reference | None:
    """Read a `valueFrom`: a name or an ARN of SSM, an ARN of Secrets Manager; None for another form.

    `…:secret:NAME:json-key:version-stage:version-id` (botocore, Secret): the last three may be empty.
    """
    if not text.startswith("arn:"):
        return Reference("ssm", names.arn("ssm", f"parameter/{text.lstrip('/')}"))
    parts = text.split(":")
    if parts[2:3] == ["ssm"]:
        return Reference("ssm", text)
    if parts[2:3] == ["secretsmanager"]:
        _, stage, version = [*parts[7:10], "", "", ""][:3]
        return Reference("secretsmanager", ":".join(parts[:7]), stage, version)
    return None


def parameter_name(name: str) -> str:
    """Return a parameter's name: `x` and `/x` are the same, a path always begins with a slash."""
    return name if name.count("/") > 1 else name.lstrip("/")


def named_parameters(names: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield the inputs of DescribeParameters that find these names, with and without a slash in front."""
    spelled = sorted({n for name in names for n in (name, "/" + name.lstrip("/"))})
    for values in batches(spelled, _PARAMETERS):
        filters = [{"Key": "Name", "Option": "Equals", "Values": values}]
        yield {"ParameterFilters": filters, "MaxResults": _PARAMETERS}
