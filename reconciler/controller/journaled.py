"""An AWS mutation with its two journal entries: the intent before, the outcome after.

Called by `execute` for everything that is not a run. The intent is also the re-check of the epoch:
if we lost the lease, the commit fails and AWS is never called.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reconciler.model.errors import AwsError, OutcomeUnknown
from reconciler.model.journal import Entry, EntryKind
from reconciler.plan.mask import mask_text
from reconciler.resources.kind import Answer
from reconciler.store.session import Session, Write

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Mutation:
    """What the journal says about one call: on what, which operation, why, before and after."""

    address: str
    operation: str
    cause: str
    before: Any = None
    after: Any = None


def journaled(
    session: Session,
    mutation: Mutation,
    call: Callable[[], Answer],
    *,
    with_intent: Sequence[Write] = (),
    with_outcome: Callable[[Answer], Sequence[Write]] = lambda _: (),
) -> Answer:
    """Write the intent, call AWS, write the outcome together with the state it makes true.

    Raises what `call` raises, after the outcome has been written; LeaseLost and Superseded from the
    commits. A crash in between leaves the intent open in HEAD, for the next pass to close.
    """
    entry = Entry(
        kind=EntryKind.INTENT,
        address=mutation.address,
        action=mutation.operation,
        cause=mutation.cause,
        before=mutation.before,
        after=mutation.after,
    )
    operation_id = session.intent(entry, with_intent)
    outcome = replace(entry, kind=EntryKind.OUTCOME, before=None, after=None)
    try:
        answer = call()
    except AwsError as error:
        said = UNKNOWN if isinstance(error, OutcomeUnknown) else error.code or type(error).__name__
        failed = replace(
            outcome,
            outcome=said,
            request_id=error.request_id,
            detail={"message": mask_text(str(error))},
        )
        session.outcome(operation_id, failed)
        raise
    done = replace(outcome, outcome="ok", request_id=answer.request_id, detail=dict(answer.result))
    session.outcome(operation_id, done, with_outcome(answer))
    return answer
