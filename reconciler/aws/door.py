"""The one door to AWS: deadline, retries, request budget, fence and AWS's time.

Called by everything that talks to AWS; what a wire attempt is belongs to a `Transport`
(`reconciler.aws.boto`, or a fake in tests). botocore makes one attempt per call, the others are made
here, so that each of them passes the fence. No lock is held while a call or a sleep is under way.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, Protocol

import tenacity

from reconciler.aws.budget import Budget
from reconciler.aws.operations import is_mutating, is_repeatable, quota_of
from reconciler.model.clock import Clock
from reconciler.model.errors import (
    AwsError,
    ConditionFailed,
    Conflict,
    OutcomeUnknown,
    Throttled,
    UnexpectedAnswer,
    Unreachable,
)

DEFAULT_DEADLINE = timedelta(seconds=20)
_LONGEST_PAUSE = 5.0

_NEXT_PAGE = (
    # (key of the answer, key of the next request): botocore's paginators, boiled down
    ("nextToken", "nextToken"),
    ("NextToken", "NextToken"),
    ("LastEvaluatedKey", "ExclusiveStartKey"),
    ("nextForwardToken", "nextToken"),
    ("Marker", "Marker"),
    ("NextMarker", "Marker"),
)


class Transport(Protocol):
    """What makes a wire attempt. The seam of all tests: fakes with AWS's real semantics implement it."""

    def send(
        self,
        service: str,
        operation: str,
        params: Mapping[str, Any],
        before_send: Callable[[], None],
    ) -> dict[str, Any]:
        """Make exactly ONE wire attempt and return botocore's answer, ResponseMetadata included.

        `before_send` is called after signing, right before bytes leave; what it raises propagates
        unchanged and nothing is sent. Raises the AwsError types of `reconciler.model.errors`.
        """

    def in_region(self, region: str) -> Transport:
        """Return what makes wire attempts in a region, with the same credentials; itself in its own."""


def no_fence() -> None:
    """Let everything pass: for readers and for commands that hold no lease."""


class Aws:
    """AWS as the project calls it: `aws.call("ecs", "DescribeServices", cluster=…, services=[…])`.

    `fence` runs before each wire attempt of a mutating call and stops it by raising (LeaseLost);
    `deadline` bounds one call with all its retries; `chance` makes the pauses between them uneven.
    """

    def __init__(  # noqa: PLR0913 - everything a test replaces
        self,
        transport: Transport,
        clock: Clock,
        *,
        fence: Callable[[], None] = no_fence,
        deadline: timedelta = DEFAULT_DEADLINE,
        budget: Budget | None = None,
        chance: random.Random | None = None,
    ) -> None:
        self.transport = transport
        self.clock = clock
        self.fence = fence
        self.deadline = deadline
        self.budget = budget or Budget()
        self.chance = chance or random.Random()  # noqa: S311 - spreads retries, guards no secret
        self._time = _AwsTime()

    def fenced(self, fence: Callable[[], None]) -> Aws:
        """Return the same door with another fence; budget and AWS's time are shared."""
        return self._copy(fence, self.deadline)

    def in_region(self, region: str) -> Aws:
        """Return the same door in a region, as for an image in another region's ECR."""
        copy = self._copy(self.fence, self.deadline)
        copy.transport = self.transport.in_region(region)
        return copy

    def within(self, deadline: timedelta) -> Aws:
        """Return the same door with another deadline per call."""
        return self._copy(self.fence, deadline)

    def _copy(self, fence: Callable[[], None], deadline: timedelta) -> Aws:
        copy = Aws(
            self.transport,
            self.clock,
            fence=fence,
            deadline=deadline,
            budget=self.budget,
            chance=self.chance,
        )
        copy._time = self._time
        return copy

    def call(self, service: str, operation: str, /, **params: Any) -> dict[str, Any]:
        """Call AWS once, whatever number of wire attempts that takes, and return its answer.

        Throttled and Unreachable are tried again for every operation; OutcomeUnknown only for reads
        and for operations that are safe to repeat (`operations.is_repeatable`).

        Raises AwsError types. When one attempt of a mutating call may have taken effect, a later
        refusal does not prove that it did not: then OutcomeUnknown is raised in its place, except for
        ConditionFailed and Conflict, whose content lets the caller recognise its own doing.
        """
        return _Call(self, service, operation, params).run()

    def pages(self, service: str, operation: str, /, **params: Any) -> Iterator[dict[str, Any]]:
        """Yield every page of a listing. Raises UnexpectedAnswer when AWS repeats a page's token."""
        sent: Any = None
        while True:
            answer = self.call(service, operation, **params)
            yield answer
            found = next(((into, answer[key]) for key, into in _NEXT_PAGE if answer.get(key)), None)
            if found is None:
                return
            into, token = found
            if token == sent:
                if "nextForwardToken" in answer:
                    return  # how GetLogEvents says that there is no more
                raise UnexpectedAnswer(
                    f"AWS answered {service}:{operation} with the same page again",
                    operation=f"{service}:{operation}",
                )
            sent = params[into] = token

    def now(self) -> datetime:
        """Return AWS's time in UTC: the newest answer's Date plus the boot time since.

        Before the first answer it is the host's clock. A host whose clock is wrong does not matter.
        """
        return self._time.now(self.clock)

    def note(self, answer: Mapping[str, Any]) -> None:
        """Remember the Date of an answer."""
        self._time.note(answer, self.clock.boot_seconds())


class _AwsTime:
    """The Date header of the newest answer and the boot time at which it came."""

    def __init__(self) -> None:
        self._newest: tuple[str, float] | None = None

    def note(self, answer: Mapping[str, Any], boot_seconds: float) -> None:
        headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        if date := headers.get("date"):
            self._newest = (date, boot_seconds)

    def now(self, clock: Clock) -> datetime:
        newest = self._newest
        if newest is None:
            return clock.now()
        date = _parsed(newest[0])
        if date is None:
            return clock.now()
        return date + timedelta(seconds=max(0.0, clock.boot_seconds() - newest[1]))


@lru_cache(maxsize=64)
def _parsed(text: str) -> datetime | None:
    """Return the time of a Date header, None when it is none; asked often between two answers."""
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)


@dataclass
class _Call:
    """One call with its retries; `lost` is whether some attempt may have taken effect."""

    aws: Aws
    service: str
    operation: str
    params: Mapping[str, Any]
    lost: bool = False
    ends_at: float = 0.0

    @property
    def name(self) -> str:
        return f"{self.service}:{self.operation}"

    def run(self) -> dict[str, Any]:
        self.ends_at = self.aws.clock.boot_seconds() + self.aws.deadline.total_seconds()
        try:
            return self._attempted()
        except (OutcomeUnknown, ConditionFailed, Conflict):
            raise
        except AwsError as error:
            if not (self.lost and is_mutating(self.operation)):
                raise
            raise OutcomeUnknown(
                f"it is not known whether {self.name} took effect: one answer was lost, and then: {error}",
                operation=self.name,
                code=error.code,
                request_id=error.request_id,
            ) from error

    def _attempted(self) -> dict[str, Any]:
        """Attempt until an answer, or an error that stays. The machinery is only set up for a second one."""
        try:
            return self._attempt()
        except AwsError as error:
            if not self._may_retry(error):
                raise
            failed = [error]

        def attempt() -> dict[str, Any]:
            if failed:
                raise failed.pop()
            return self._attempt()

        return tenacity.Retrying(
            retry=tenacity.retry_if_exception(self._may_retry),
            wait=self._pause,
            stop=self._past_deadline,
            sleep=self._sleep,
            reraise=True,
        )(attempt)

    def _attempt(self) -> dict[str, Any]:
        self._spend_budget()
        fence = self.aws.fence if is_mutating(self.operation) else no_fence
        try:
            answer = self.aws.transport.send(self.service, self.operation, self.params, fence)
        except AwsError as error:
            self.lost = self.lost or isinstance(error, OutcomeUnknown)
            self.aws.note(error.response)
            raise
        self.aws.note(answer)
        return answer

    def _spend_budget(self) -> None:
        quota = quota_of(self.service, self.operation)
        if quota is None:
            return
        now = self.aws.clock.boot_seconds()
        wait = self.aws.budget.reserve(quota, now, at_most=max(0.0, self.ends_at - now))
        if wait is None:
            error = Throttled(
                f"{self.name} was not sent: this process has used up its share of AWS's quota "
                f"'{quota.name}' ({quota.per_second:g} requests a second for the whole account)",
                operation=self.name,
            )
            error.delay = self.aws.deadline
            raise error
        if wait > 0:
            self._sleep(wait)

    def _may_retry(self, error: BaseException) -> bool:
        if isinstance(error, Throttled | Unreachable):
            return True
        return isinstance(error, OutcomeUnknown) and is_repeatable(self.operation, self.params)

    def _pause(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        first = 0.5 if isinstance(error, Throttled) else 0.1
        longest = min(_LONGEST_PAUSE, first * 2.0 ** (state.attempt_number - 1))
        return longest * self.aws.chance.uniform(0.5, 1.0)

    def _past_deadline(self, state: tenacity.RetryCallState) -> bool:
        return self.aws.clock.boot_seconds() + state.upcoming_sleep >= self.ends_at

    def _sleep(self, seconds: float) -> None:
        self.aws.clock.sleep(timedelta(seconds=seconds))
