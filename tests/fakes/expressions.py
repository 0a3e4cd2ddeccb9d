"""DynamoDB's condition and update expressions over typed items: the part that we use.

Parsed once (cached by text) into closures. `ExpressionError` is what AWS calls ValidationException.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

Typed = Mapping[str, Any]
Item = Mapping[str, Typed]

_TOKEN = re.compile(r"\s*(<>|<=|>=|[=<>(),.\[\]+-]|[:#]?[A-Za-z0-9_]+)")
_WORDS = {"AND", "OR", "NOT", "IN", "BETWEEN", "SET", "REMOVE", "ADD"}


class ExpressionError(Exception):
    """The expression is not one that DynamoDB takes."""


class Scope:
    """An item with the placeholders of one request; remembers which ones were used."""

    def __init__(self, item: Item, names: Mapping[str, str], values: Item) -> None:
        self.item = item
        self.names = names
        self.values = values


Operand = Callable[[Scope], Typed | None]
Condition = Callable[[Scope], bool]


def check_placeholders(
    texts: list[str], names: Mapping[str, str] | None, values: Mapping[str, Any] | None
) -> None:
    """Refuse placeholders that are undefined or unused, as AWS does."""
    used = {t for text in texts for t in _tokens(text) if t[0] in ":#"}
    defined = set(names or {}) | set(values or {})
    for given in (names, values):
        if given is not None and not given:
            raise ExpressionError("ExpressionAttributeNames/Values must not be empty")
    if used - defined:
        raise ExpressionError(f"placeholders are not defined: {sorted(used - defined)}")
    if defined - used:
        raise ExpressionError(f"placeholders are not used in expressions: {sorted(defined - used)}")


@lru_cache(maxsize=4096)
def _tokens(text: str) -> tuple[str, ...]:
    found, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if not match:
            raise ExpressionError(f"syntax error in {text!r} at {at}")
        found.append(match[1])
        at = match.end()
    return tuple(found)


def holds(text: str, scope: Scope) -> bool:
    """Return whether a condition holds for the scope's item."""
    return _condition(text)(scope)


@lru_cache(maxsize=4096)
def _condition(text: str) -> Condition:
    parser = _Parser(_tokens(text))
    condition = parser.either()
    parser.end()
    return condition


class _Parser:
    def __init__(self, tokens: tuple[str, ...]) -> None:
        self.tokens = tokens
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, expected: str | None = None) -> str:
        token = self.peek()
        if not token or (expected and token.upper() != expected):
            raise ExpressionError(f"expected {expected or 'more'} at {self.tokens[self.at :]}")
        self.at += 1
        return token

    def accept(self, word: str) -> bool:
        if self.peek().upper() == word:
            self.at += 1
            return True
        return False

    def end(self) -> None:
        if self.peek():
            raise ExpressionError(f"unexpected {self.peek()!r}")

    def either(self) -> Condition:
        parts = [self.both()]
        while self.accept("OR"):
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else lambda s: any(p(s) for p in parts)

    def both(self) -> Condition:
        parts = [self.negated()]
        while self.accept("AND"):
            parts.append(self.negated())
        return parts[0] if len(parts) == 1 else lambda s: all(p(s) for p in parts)

    def negated(self) -> Condition:
        if self.accept("NOT"):
            inner = self.negated()
            return lambda s: not inner(s)
        return self.primary()

    def primary(self) -> Condition:
        if self.accept("("):
            self.refuse_redundant()
            inner = self.either()
            self.take(")")
            return inner
        following = self.tokens[self.at + 1 : self.at + 2]
        if following == ("(",) and self.peek() != "size":
            return self.function()
        left = self.operand()
        if self.accept("IN"):
            self.take("(")
            options = [self.operand()]
            while self.accept(","):
                options.append(self.operand())
            self.take(")")
            return lambda s: any(_compare("=", left(s), o(s)) for o in options)
        if self.accept("BETWEEN"):
            low = self.operand()
            self.take("AND")
            high = self.operand()
            return lambda s: _compare(">=", left(s), low(s)) and _compare("<=", left(s), high(s))
        sign = self.take()
        if sign not in ("=", "<>", "<", "<=", ">", ">="):
            raise ExpressionError(f"{sign!r} is no comparison")
        right = self.operand()
        return lambda s: _compare(sign, left(s), right(s))

    def refuse_redundant(self) -> None:
        """Refuse ((…)), as AWS does: a parenthesis whose only content is another one."""
        if self.peek() != "(":
            return
        depth = 0
        for at in range(self.at, len(self.tokens)):
            depth += {"(": 1, ")": -1}.get(self.tokens[at], 0)
            if depth == 0:
                if self.tokens[at + 1 : at + 2] == (")",):
                    raise ExpressionError("the expression has redundant parentheses")
                return

    def function(self) -> Condition:
        name = self.take()
        self.take("(")
        first = self.operand()
        second = self.operand() if self.accept(",") else None
        self.take(")")
        if name == "attribute_exists" and second is None:
            return lambda s: first(s) is not None
        if name == "attribute_not_exists" and second is None:
            return lambda s: first(s) is None
        if name == "begins_with" and second is not None:
            return lambda s: _begins_with(first(s), second(s))
        if name == "contains" and second is not None:
            return lambda s: _contains(first(s), second(s))
        raise ExpressionError(f"function {name} is not known, or its arguments are wrong")

    def operand(self) -> Operand:
        if self.peek() == "size":
            self.take()
            self.take("(")
            inner = self.path()
            self.take(")")
            return lambda s: _size(get(s, inner))
        if self.peek().startswith(":"):
            name = self.take()
            return lambda s: s.values[name]
        path = self.path()
        return lambda s: get(s, path)

    def path(self) -> tuple[str | int, ...]:
        parts: list[str | int] = [self.name()]
        while True:
            if self.accept("."):
                parts.append(self.name())
            elif self.accept("["):
                parts.append(int(self.take()))
                self.take("]")
            else:
                return tuple(parts)

    def name(self) -> str:
        token = self.take()
        if token.upper() in _WORDS or not re.fullmatch(r"#?[A-Za-z_][A-Za-z0-9_]*|#[0-9]+", token):
            raise ExpressionError(f"{token!r} is no attribute name")
        return token

    def value(self) -> Operand:
        """Read the right side of SET: operands with +, -, if_not_exists and list_append."""
        left = self.term()
        while self.peek() in ("+", "-"):
            sign, right, before = self.take(), self.term(), left
            left = _arithmetic(sign, before, right)
        return left

    def term(self) -> Operand:
        if self.peek() == "if_not_exists":
            self.take()
            self.take("(")
            path = self.path()
            self.take(",")
            default = self.value()
            self.take(")")
            return lambda s: found if (found := get(s, path)) is not None else default(s)
        return self.operand()


def _arithmetic(sign: str, left: Operand, right: Operand) -> Operand:
    def result(scope: Scope) -> Typed:
        one, two = left(scope), right(scope)
        if one is None or two is None or "N" not in one or "N" not in two:
            raise ExpressionError("an operand of + or - is not a number, or not there")
        a, b = Decimal(one["N"]), Decimal(two["N"])
        return {"N": str(a + b if sign == "+" else a - b)}

    return result


def get(scope: Scope, path: tuple[str | int, ...]) -> Typed | None:
    """Return the typed value at a path, None when it is not there."""
    current: Any = {"M": scope.item}
    for part in path:
        if isinstance(part, int):
            elements = current.get("L")
            current = elements[part] if elements is not None and part < len(elements) else None
        else:
            current = current.get("M", {}).get(_plain(scope, part))
        if current is None:
            return None
    return current


def _plain(scope: Scope, part: str) -> str:
    return scope.names[part] if part.startswith("#") else part


def _compare(sign: str, left: Typed | None, right: Typed | None) -> bool:
    if left is None or right is None:
        return False
    ((one, a),) = left.items()
    ((two, b),) = right.items()
    if sign in ("=", "<>"):
        return _equal(one, a, two, b) == (sign == "=")
    if one != two or one not in ("N", "S", "B"):
        return False
    if one == "N":
        a, b = Decimal(a), Decimal(b)
    elif one == "S":
        a, b = a.encode(), b.encode()
    return {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[sign]


def _equal(one: str, a: Any, two: str, b: Any) -> bool:
    if one != two:
        return False
    if one == "N":
        return Decimal(a) == Decimal(b)
    if one in ("SS", "NS", "BS"):
        return set(a) == set(b)
    return a == b


def _begins_with(value: Typed | None, prefix: Typed | None) -> bool:
    return bool(
        value and prefix and "S" in value and "S" in prefix and value["S"].startswith(prefix["S"])
    )


def _contains(value: Typed | None, part: Typed | None) -> bool:
    if not value or not part:
        return False
    if "S" in value:
        return "S" in part and part["S"] in value["S"]
    if "SS" in value:
        return part.get("S") in value["SS"]
    return "L" in value and part in value["L"]


def _size(value: Typed | None) -> Typed | None:
    if value is None:
        return None
    ((kind, inner),) = value.items()
    return None if kind in ("N", "BOOL", "NULL") else {"N": str(len(inner))}


Assignment = tuple[tuple[str | int, ...], Operand]


@lru_cache(maxsize=4096)
def _update(text: str) -> tuple[tuple[Assignment, ...], tuple[tuple[str | int, ...], ...]]:
    parser = _Parser(_tokens(text))
    sets: list[Assignment] = []
    removes: list[tuple[str | int, ...]] = []
    while parser.peek():
        clause = parser.take().upper()
        if clause not in ("SET", "REMOVE"):
            raise ExpressionError(f"clause {clause} is not known to this fake")
        while True:
            path = parser.path()
            if clause == "SET":
                parser.take("=")
                sets.append((path, parser.value()))
            else:
                removes.append(path)
            if not parser.accept(","):
                break
    return tuple(sets), tuple(removes)


def updated(text: str, scope: Scope) -> dict[str, Typed]:
    """Return the scope's item after an update expression; the item itself stays as it is.

    All right sides are evaluated on the item as it was. A path into a map that is not there is an
    error, as is setting from an attribute that is not there.
    """
    sets, removes = _update(text)
    assigned = [(path, value(scope)) for path, value in sets]
    item: dict[str, Any] = dict(scope.item)
    for path, value in assigned:
        if value is None:
            raise ExpressionError("the expression refers to an attribute that is not in the item")
        _put(item, [_plain(scope, str(p)) for p in path], value)
    for path in removes:
        _put(item, [_plain(scope, str(p)) for p in path], None)
    return item


def _put(target: dict[str, Any], path: list[str], value: Typed | None) -> None:
    head, *rest = path
    if not rest:
        if value is None:
            target.pop(head, None)
        else:
            target[head] = value
        return
    inner = target.get(head, {}).get("M")
    if inner is None:
        raise ExpressionError("the document path in the update expression is not valid")
    copy = dict(inner)
    _put(copy, rest, value)
    target[head] = {"M": copy}
