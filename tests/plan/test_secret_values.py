"""Values that are secrets whatever their name is, and values that programs make and everybody may see."""

from __future__ import annotations

import base64
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.plan.mask import SENSITIVE, looks_secret, mask_text, mask_value
from reconciler.plan.secret_values import looks_random

HEX = "9f86d081884c7d659a2feaa0c55ad015"
MIXED = "Xk29vQmL7rTzB4wNc8pYd3Hs"
PEM = "-----BEGIN {} KEY-----\nMIIBOgIBAAJBAK\n-----END {} KEY-----"

FORMS = [
    "AKIA" + "IOSFODNN7EXAMPLE",
    "ASIA" + "IOSFODNN7EXAMPLE",
    "ghp_" + MIXED * 2,
    "github_pat_" + MIXED,
    "glpat-" + MIXED,
    "xoxb-" + "123456789012-abcdefghijkl",
    "xapp-" + "1-A123-456-abc",
    "sk_live_" + MIXED,
    "rk_test_" + MIXED,
    "whsec_" + MIXED,
    "sk-proj-" + MIXED,
    "sk-ant-" + MIXED,
    "AIza" + MIXED + "0123456789-",
    "GOCSPX-" + MIXED,
    "SG." + MIXED + "." + MIXED,
    "SK" + HEX,
    "key-" + HEX,
    "npm_" + MIXED + MIXED,
    "pypi-" + MIXED,
    "dckr_pat_" + MIXED,
    "dop_v1_" + HEX * 2,
    "hf_" + MIXED + MIXED,
    "shpat_" + HEX,
    "dapi" + HEX,
    "hvs." + MIXED,
    "glsa_" + MIXED,
    "NRAK-" + "ABCDEFGHIJKLMNOPQRSTUVW1",
    "AGE-SECRET-KEY-1" + "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "https://hooks.slack.com/services/" + "T000/B000/abcdefgh",
    "https://discord.com/api/webhooks/" + "123/abcdefghijkl",
    "postgres://shop:hunter2@db/shop",
    "redis://:hunter2@cache:6379/0",
    "amqps://u:p%40ss@mq:5671",
    PEM.format("RSA PRIVATE", "RSA PRIVATE"),
    PEM.format("PRIVATE", "PRIVATE"),
    "DefaultEndpointsProtocol=https;AccountName=x;AccountKey=abc==",
    "Server=db;User Id=sa;Password=hunter2;",
    "java -jar app.jar --db-password hunter2",
]

PLAIN_SECRETS = [
    ("API_KEY", "changeme"),
    ("DB_PASSWORD", "hunter2"),
    ("SECRET_KEY_BASE", HEX * 2),
    ("CACHE_KEY", MIXED),  # its name says an entry, its value says otherwise
    ("PAGERDUTY_ROUTING_KEY", HEX),
    ("WEBHOOK_URL", f"https://example.com/hooks/{MIXED}"),
    ("ANYTHING", MIXED),
    ("ANYTHING", HEX),
    ("ANYTHING", base64.b64encode(bytes(range(60, 99))).decode()),
    ("SERVICE_CONFIG", f"{{x: {MIXED}}}"),
    ("ACCESS_KEY_ID", "AKIA" + "IOSFODNN7EXAMPLE"),
    ("TOKEN_URL", "https://u:hunter2@idp/token"),
    ("VAULT_SECRET_ID", "123e4567-e89b-12d3-a456-426614174000"),
    ("API_TOKENS", "abc,def"),
    ("PUBLIC_KEY", PEM.format("PRIVATE", "PRIVATE")),
    ("BASIC_AUTH", "admin:hunter2"),
    ("MYSQL_PWD", "1234567"),
]

ORDINARY = [
    ("Tag_Key", "Environment"),
    ("CACHE_KEY_PREFIX", "shop:production:"),
    ("PUBLIC_KEY_URL", "https://example.com/.well-known/jwks.json"),
    ("PUBLIC_KEY", PEM.format("PUBLIC", "PUBLIC")),
    ("SSH_PUBLIC_KEY", f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{MIXED} me"),
    ("TLS_CERT", f"-----BEGIN CERTIFICATE-----\n{MIXED}{HEX}\n-----END CERTIFICATE-----"),
    ("RECAPTCHA_SITE_KEY", MIXED),
    ("STRIPE_PUBLISHABLE_KEY", "pk_live_" + MIXED),
    ("GIT_SHA", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
    ("IMAGE_DIGEST", "sha256:" + HEX * 2),
    ("APP_IMAGE", "shop@sha256:" + HEX * 2),
    ("SOMETHING", "shop@sha256:" + HEX * 2),
    ("COGNITO_CLIENT_ID", "4k2h3j9d8f7g6s5a4q3w2e1r0t"),
    ("COGNITO_USER_POOL_ID", "us-east-1_AbCdEfGhI"),
    ("KMS_KEY_ID", "123e4567-e89b-12d3-a456-426614174000"),
    ("TENANT", "123e4567-e89b-12d3-a456-426614174000"),
    ("SUBNET", "subnet-0123456789abcdef0"),
    ("QUEUE", "https://sqs.us-east-1.amazonaws.com/123456789012/Shop-Production-Queue1"),
    ("QUEUE", "MyStack-Queue-1AB2CD3EF4GHI"),
    ("TABLE", "ShopStackServiceTaskTableE8A5B3F1"),
    ("BUCKET", "shop-production-assets-123456789012-ap-northeast-1"),
    ("TARGET", "arn:aws:elasticloadbalancing:x:123456789012:targetgroup/Blue/d981484920c49db1"),
    ("DB_HOST", "production-db.cluster-c9akciq32abc.us-east-1.rds.amazonaws.com"),
    ("REDIS_URL", "rediss://master.shop.abc123.use1.cache.amazonaws.com:6379/0"),
    ("DATABASE_URL", "postgres://shop@db/shop"),
    ("SENTRY_DSN", "https://o0.ingest.sentry.io/0"),
    ("JAVA_OPTS", "-Xmx512m -XX:+UseG1GC -XX:MaxRAMPercentage=75.0"),
    ("DIALECT", "org.hibernate.dialect.PostgreSQL95Dialect"),
    (
        "JDBC_URL",
        "jdbc:mysql://db:3306/shop?useSSL=true&serverTimezone=UTC&characterEncoding=UTF-8",
    ),
    ("CLASSPATH", "/usr/share/java/commons-lang3-3.12.0.jar:/app/BOOT-INF/classes"),
    ("FEATURES", "newCheckout2024,oldSearchV1,darkModeBeta3"),
    ("CRON", "0 18 * * 1-5"),
    ("BUILD_NUMBER", "20261122093000"),
    ("RELEASES", "20261122093000123456789"),
    ("USER_AGENT", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"),
    ("DB_PASSWORD_FILE", "/run/secrets/db"),
    ("GOOGLE_APPLICATION_CREDENTIALS", "/etc/gcp.json"),
    ("DB_SECRET", "arn:aws:secretsmanager:us-east-1:123456789012:secret:shop/db-AbCdEf"),
    ("API_TOKEN", "/shop/production/API_TOKEN"),
    ("REQUIRE_PASSWORD", "true"),
    ("USE_AUTH_TOKEN", "Yes"),
    ("PASSWORD_RETRIES", "5"),
    ("OPENAI_MAX_TOKENS", "4096"),
    ("API_KEY", ""),
]


@pytest.mark.parametrize("value", FORMS, ids=lambda v: v[:12])
def test_known_forms_are_secrets_under_any_name(value: str) -> None:
    """In a variable, in a list and in the middle of a log line."""
    assert looks_secret("X", value)
    assert SENSITIVE in mask_value(("environment", "X"), value)
    assert mask_text(f"before {value} after") != f"before {value} after"


@pytest.mark.parametrize(("name", "value"), PLAIN_SECRETS)
def test_what_is_a_secret_in_plain_text(name: str, value: str) -> None:
    """By its name, by its form or by being random: it is not shown either."""
    assert looks_secret(name, value)
    assert mask_value(("environment", name), value) != value


@pytest.mark.parametrize(("name", "value"), ORDINARY, ids=str)
def test_what_is_none(name: str, value: str) -> None:
    """What programs make and people name."""
    assert not looks_secret(name, value)


def test_the_lists_are_long() -> None:
    """More than sixty names and values are told apart."""
    assert len(FORMS) + len(PLAIN_SECRETS) + len(ORDINARY) >= 60
    assert len(ORDINARY) >= 40


@given(st.integers(0, 2**32), st.sampled_from([32, 40, 64]))
@settings(max_examples=40)
def test_most_random_texts_are_found(seed: int, length: int) -> None:
    """Of fifty keys of one kind at least forty are, whatever alphabet they are made of."""
    random = Random(seed)
    for alphabet in (
        "0123456789abcdef",
        "abcdefghijklmnopqrstuvwxyz0123456789",
        MIXED + HEX.upper(),
    ):
        made = ["".join(random.choices(alphabet, k=length)) for _ in range(50)]
        assert sum(map(looks_random, made)) >= 40, alphabet


@pytest.mark.parametrize(
    "part", ["aB3", "ab-", "A1/", "sha256:", "sk-", "SG.aa.", "xoxb-", "glpat-a"]
)
def test_long_values_take_time_in_their_length(part: str) -> None:
    """A megabyte is judged at once; in the square of it this test would not end."""
    text = part * (1_000_000 // len(part))
    looks_secret("X", text)
