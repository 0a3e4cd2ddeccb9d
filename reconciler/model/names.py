"""Names of things: apps, addresses and paths inside documents. Used by every layer."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

NAME_PATTERN = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
"""Apps, environments, services, migrations: what may be part of an AWS name and of a ledger key."""

REVISION_PATTERN = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""A migration's revision. `#` separates the parts of a ledger key and is therefore excluded."""

AppKey = str
"""`<environment>/<app>`, for example `production/shop`: the unit of work, of lease and journal."""

Path = tuple[str, ...]
"""Where a value is: `("taskDefinition", "containerDefinitions", "app", "image")`.

Lists with a natural key (containers, environment, secrets, tags …) are addressed by that key, other
lists by the index as text.
"""


def dotted(path: Path) -> str:
    """Spell a path the way people read it: `containerDefinitions.app.image`."""
    return ".".join(path)


def last_part(name_or_arn: str) -> str:
    """Return the name in a name, a path or an ARN: what is behind its last slash, `web:42` of a revision."""
    return name_or_arn.rpartition("/")[2]


def there_are(names: Iterable[object]) -> str:
    """Say which names there are, in the order given: what an error adds about one that is none of them."""
    return f"there are: {', '.join(map(str, names)) or 'none'}"


class Address(NamedTuple):
    """One resource of an app: `service/web`, `migration/db`."""

    kind: str
    name: str

    def __str__(self) -> str:
        """Spell it as kubectl does, `kind/name`."""
        return f"{self.kind}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read `kind/name`; raises ValueError when there is no kind or no name."""
        kind, slash, name = text.partition("/")
        if not (slash and kind and name):
            raise ValueError(f"'{text}' is not an address: write kind/name, as in service/web")
        return cls(kind, name)
