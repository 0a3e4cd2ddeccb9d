"""Our own sections as pydantic models: what AWS has no word for.

Called by `document`, `services`, `migrations` and `jobs`.

Values arrive as the text written; `check` turns pydantic's complaints into diagnostics with places.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import CoreSchema, ErrorDetails, core_schema

from reconciler.model.desired import OnChange, When
from reconciler.model.due import CatchUp, Concurrency
from reconciler.model.names import NAME_PATTERN, REVISION_PATTERN
from reconciler.shapes.botocore_model import suggest
from reconciler.shapes.limits import ECS_NAME
from reconciler.source.duration import parse_duration
from reconciler.source.nodes import Broken, Mapping, Node, Scalar, node_at, plain
from reconciler.source.report import Report, show

API_VERSION = "reconciler/v1alpha1"

_ACCOUNT = re.compile(r"[0-9]{12}")
_REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-[0-9]{1,2}")
_PREFIX = re.compile(r"[A-Za-z0-9_.-]{3,200}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WHOLE = re.compile(r"[0-9]{1,9}")


def _one_text(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("must be a single value")  # noqa: TRY004 - pydantic collects ValueErrors
    return value


class _Matching:
    """A text's form: checked with a message of ours, and told to the JSON Schema."""

    def __init__(self, pattern: re.Pattern[str], form: str) -> None:
        self._pattern = pattern
        self._form = form

    def _check(self, value: str) -> str:
        if not self._pattern.fullmatch(value):
            raise ValueError(f"{show(value)} is not {self._form}")
        return value

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Check behind what checks the text."""
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, inner: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Say the form as a regular expression."""
        return {**handler(inner), "pattern": self._pattern.pattern}


def _true_or_false(value: Any) -> bool:
    if value not in ("true", "false"):
        raise ValueError("must be true or false")
    return bool(value == "true")


def _whole(value: Any) -> int:
    if not isinstance(value, str) or not _WHOLE.fullmatch(value):
        raise ValueError("must be a whole number, not negative")
    return int(value)


def _one_or_more(value: int) -> int:
    if value < 1:
        raise ValueError("must be 1 or more")
    return value


def _duration(value: Any) -> timedelta:
    text = _one_text(value)
    try:
        return parse_duration(text)
    except ValueError as wrong:
        raise ValueError(f"{show(text)} {wrong}") from wrong


_Text = Annotated[str, BeforeValidator(_one_text)]
Name = Annotated[
    _Text, _Matching(NAME_PATTERN, "a name: lower-case letters, digits, '-' and '_', at most 63")
]
Variable = Annotated[_Text, _Matching(_VARIABLE, "the name of an environment variable")]
Bool = Annotated[bool, BeforeValidator(_true_or_false)]
Count = Annotated[int, BeforeValidator(_whole)]
Attempt = Annotated[Count, AfterValidator(_one_or_more)]
Duration = Annotated[timedelta, BeforeValidator(_duration)]


def is_region(text: str) -> bool:
    """Say whether a text has the form of a region."""
    return bool(_REGION.fullmatch(text))


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Header(_Section):
    """Who this is and where it lives: the required keys of `app.yaml`."""

    apiVersion: Literal["reconciler/v1alpha1"]  # noqa: N815 - as written in the file
    """The version of this format."""
    app: Name
    """Half of the app's key, `environment/app`."""
    environment: Name
    """The other half."""
    account: Annotated[_Text, _Matching(_ACCOUNT, "an account: 12 digits")]
    """The AWS account, in quotes: no other one is ever touched."""
    region: Annotated[_Text, _Matching(_REGION, "a region such as ap-northeast-1")]
    """The region of the cluster and of our tables."""
    cluster: Annotated[_Text, _Matching(ECS_NAME, "a cluster's name (not its ARN)")]
    """The ECS cluster, by name."""


class GuardSection(_Section):
    """`guard:` the container that claims a run, by image or by the path of our program."""

    image: _Text | None = None
    """An image whose command is the guard."""
    path: _Text | None = None
    """Where our program lies in the app's own image."""

    @model_validator(mode="after")
    def _one_of_two(self) -> GuardSection:
        if (self.image is None) == (self.path is None):
            raise ValueError("takes either image or path")
        return self


class SyncSection(_Section):
    """`sync:` what may be deleted, whether defaults are written down, which variables may be read."""

    prune: Bool = False
    """Delete services of ours that the files no longer name."""
    maxPrune: Count = 1  # noqa: N815 - as written in the file
    """Delete nothing when more than so many would be."""
    defaults: Literal["all", "none"] = "all"
    """Whether network mode, log configuration and the like are written down where the files are silent."""
    allowEnv: tuple[Variable, ...] = ()  # noqa: N815 - as written in the file


class StateSection(_Section):
    """`state:` the tables' prefix."""

    prefix: Annotated[
        _Text, _Matching(_PREFIX, "a table prefix: 3 to 200 letters, digits, '-', '_', '.'")
    ] = "reconciler"
    """The tables are `<prefix>-state`, `-journal` and `-claims`."""


class ServiceSection(_Section):
    """A service's own words with a plain value."""

    onMovedTag: OnChange | None = None  # noqa: N815 - as written in the file
    """When a tag means another digest: report (the default), redeploy with the new one, or ignore."""
    onChangedSecret: OnChange | None = None  # noqa: N815 - as written in the file
    """When a secret has changed: report (the default), redeploy once per version, or ignore."""


class MigrationSection(_Section):
    """A migration's own words; its other fields are AWS's."""

    revision: Annotated[
        _Text, _Matching(REVISION_PATTERN, "a revision: 1 to 64 letters, digits, '.', '-' and '_'")
    ]
    """Runs once per revision, ever."""
    attempt: Attempt = 1
    """A greater number than the recorded one repeats a failed run."""
    when: When = When.BEFORE
    """Before or after the services."""
    timeout: Duration = timedelta(hours=1)
    """From the start of the task; then it is stopped. Default 1h."""
    startTimeout: Duration = timedelta(minutes=15)  # noqa: N815 - as written in the file
    """How long the task may take to start. Default 15m."""
    container: _Text | None = None
    """Whose exit code decides: else the only one, else the one called like the migration."""
    irreversible: Bool = False
    """Older code cannot work once it has run: `rollback` refuses to go back behind it."""


class JobSection(_Section):
    """A job's own words; its other fields are AWS's."""

    schedule: _Text
    """Cron with five fields, rate(6 hours), or AWS's cron(…) with six."""
    timeZone: _Text = "UTC"  # noqa: N815 - as written in the file
    """Whose wall clock the schedule is about, as Asia/Tokyo. Default UTC."""
    concurrency: Concurrency = Concurrency.FORBID
    """When the last run is still under way: wait for its end, start beside it, or stop it first."""
    startingDeadline: Duration | None = None  # noqa: N815 - as written in the file
    """How late a run may still start; none: however late."""
    catchUp: CatchUp = CatchUp.LATEST  # noqa: N815 - as written in the file
    """Which missed runs are made up for: the latest one, all within the deadline, or none."""
    suspend: Bool = False
    """Start nothing, and make up for nothing afterwards."""
    timeout: Duration = timedelta(hours=1)
    """From the start of the task; then it is stopped. Default 1h."""
    startTimeout: Duration = timedelta(minutes=15)  # noqa: N815 - as written in the file
    """How long the task may take to start. Default 15m."""
    retries: Count = 0
    """How many attempts follow a failed one."""
    retryBackoff: Duration = timedelta(seconds=30)  # noqa: N815 - as written in the file
    """Before the first of them; doubled each time, up to 10m. Default 30s."""
    successfulHistoryLimit: Count = 3  # noqa: N815 - as written in the file
    """How many runs that succeeded are kept."""
    failedHistoryLimit: Count = 10  # noqa: N815 - as written in the file
    """How many runs that failed are kept."""
    container: _Text | None = None
    """Whose exit code decides: else the only one, else the one called like the job."""


Section = TypeVar("Section", bound=_Section)


def check(model: type[Section], node: Mapping, label: str, report: Report) -> Section | None:
    """Return the section as a value; None when something is wrong, which `report` then says."""
    present = {k: e for k, e in node.entries.items() if not isinstance(e.value, Broken)}
    broken = node.entries.keys() - present.keys()
    data = {k: plain(e.value) for k, e in present.items()}
    data = {k: v for k, v in data.items() if v is not None}
    try:
        section = model.model_validate(data)
    except ValidationError as wrong:
        for error in wrong.errors():
            if error["type"] != "missing" or error["loc"][0] not in broken:
                _say(error, model, node, label, report)
        return None
    return None if broken else section


def _say(
    error: ErrorDetails, model: type[_Section], node: Mapping, label: str, report: Report
) -> None:
    loc = tuple(error["loc"])
    name = ".".join(str(step) for step in loc)
    place = node_at(node, loc)
    path = f"{label}.{name}" if label and name else label or name
    match error["type"]:
        case "extra_forbidden":
            message = f"unknown field '{loc[-1]}'{suggest(str(loc[-1]), model.model_fields)}"
            report.error(node.entries[str(loc[0])].place, message, "unknown-field", path=label)
        case "missing":
            report.error(node.place, f"'{name}' is required", "required", path=label)
        case "literal_error" | "enum":
            message = f"must be {error['ctx']['expected']}{_written(node, loc)}"
            report.error(place, message, "enum", path=path)
        case _:
            message = error["msg"].removeprefix("Value error, ")
            report.error(place, message, "invalid-value", path=path)


def _written(node: Node, loc: tuple[int | str, ...]) -> str:
    value = node.entries.get(str(loc[0])) if isinstance(node, Mapping) else None
    return f", not {show(value.value.text)}" if value and isinstance(value.value, Scalar) else ""
