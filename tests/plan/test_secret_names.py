"""Names that promise a secret, and names that only sound like it; each row of the table has its reason."""

from __future__ import annotations

import pytest

from reconciler.plan import secret_names
from reconciler.plan.secret_names import (
    EXCEPTIONS,
    PHRASES,
    PROMISES,
    PUBLIC,
    is_public_name,
    is_sensitive_name,
)

SECRET_NAMES = """
DB_PASSWORD PGPASSWORD MYSQL_PWD SMTP_PASS DB_PASS REDIS_AUTH REDISCLI_AUTH BASIC_AUTH SSHPASS DB_CREDS
API_KEY API_KEYS API_KEY_2 APIKEY STRIPE_KEY SENDGRID_API_KEY DD_APP_KEY NEW_RELIC_LICENSE_KEY APP_KEY
AWS_SECRET_ACCESS_KEY SECRET_KEY_BASE RAILS_MASTER_KEY ENCRYPTION_KEY PRIVATE_KEY SSH_PRIVATE_KEY
SSL_CERT_PASSWORD CERTIFICATE_KEY CA_KEY KEYSTORE_PASSWORD PUBLIC_KEY_PASSWORD CACHE_PASSWORD
TAG_SECRET SESSION_KEY SESSION_SECRET COOKIE_SECRET JWT_SECRET HASHIDS_SALT PASSWORD_PEPPER
ACCESS_TOKEN REFRESH_TOKEN GITHUB_TOKEN GITHUB_PAT API_TOKENS AUTHTOKEN apiToken clientSecret dbPassword
GOOGLE_CREDENTIALS ERLANG_COOKIE RELEASE_COOKIE VAULT_SECRET_ID PROXY_AUTHORIZATION OTP_SECRET TOKEN
PASSWORD SECRET SECRETS DB_PASSWORD_PROD TOKEN_SIGNING_KEY WEBHOOK_SECRET AZURE_STORAGE_KEY HASH_KEY
cachePassword MASTERKEY LICENSEKEY DBPWD db.password spring.datasource.password x-api-key
"""

ORDINARY_NAMES = """
Tag_Key CACHE_KEY_PREFIX PUBLIC_KEY_URL PUBLIC_KEY JWT_PUBLIC_KEY STRIPE_PUBLISHABLE_KEY SSH_PUBKEY
RECAPTCHA_SITE_KEY PRIMARY_KEY FOREIGN_KEY PARTITION_KEY SORT_KEY CACHE_KEY ROUTING_KEY OBJECT_KEY
IDEMPOTENCY_KEY LOCK_KEY TAG_KEYS DEDUPLICATION_KEY TRANSLATION_KEY KEY keyboard KEYWORDS MONKEY
AWS_ACCESS_KEY_ID KMS_KEY_ID KMS_KEY_ARN KEY_FILE SSL_KEY_PATH API_KEY_HEADER KEY_PREFIX KEY_LENGTH
PASSWORD_FILE PASSWORD_MIN_LENGTH PASSWORD_RESET_URL PASSWORD_POLICY SECRET_NAME SECRET_ARN
SECRETS_MANAGER_REGION SECRET_VERSION TOKEN_URL TOKEN_ENDPOINT TOKEN_TTL ACCESS_TOKEN_EXPIRES TOKEN_TYPE
OAUTH_TOKEN_URI MAX_TOKENS OPENAI_MAX_TOKENS TOKEN_ISSUER JWT_SECRET_ALGORITHM AUTH_URL AUTH_ENABLED
AUTH_PROVIDER AUTH_HOST AUTHOR AUTHORITY OAUTH_CLIENT_ID PWD OLDPWD PATH PASSENGER_POOL PASS_THROUGH
BYPASS COMPASS PRIVATE_SUBNET_IDS PRIVATE_DNS_NAME SALT PAT PATTERN RAILS_ENV TOKENIZERS_PARALLELISM
SECRETARY clientToken.type CREDENTIALS_FILE API_KEY_ENABLED
"""

SECRETS, ORDINARY = SECRET_NAMES.split(), ORDINARY_NAMES.split()


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_promised(name: str) -> None:
    """Whatever stands under it is hidden."""
    assert is_sensitive_name(name)


@pytest.mark.parametrize("name", ORDINARY)
def test_nothing_is_promised(name: str) -> None:
    """A word like key or token in it says something else."""
    assert not is_sensitive_name(name)


def test_both_lists_are_long() -> None:
    """The tables are held by more than a few examples."""
    assert min(len(set(SECRETS)), len(set(ORDINARY))) >= 60


def test_every_row_has_a_reason_and_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """No row is without a reason, nor without a name that only it decides."""
    assert all(row.reason for row in (*PROMISES, *EXCEPTIONS, *PUBLIC))
    assert all(PHRASES.values())
    names = (*SECRETS, *ORDINARY, "TLS_CERT")
    told = [(is_sensitive_name(n), is_public_name(n)) for n in names]
    for table in ("PROMISES", "EXCEPTIONS", "PUBLIC"):
        rows = getattr(secret_names, table)
        for row in rows:
            monkeypatch.setattr(secret_names, table, tuple(r for r in rows if r is not row))
            assert [(is_sensitive_name(n), is_public_name(n)) for n in names] != told, row
            monkeypatch.undo()


@pytest.mark.parametrize("name", ["clientToken", "password", "secretOptions"])
def test_fields_of_aws_are_one_word(name: str) -> None:
    """Its own names are not taken apart: they are no place of users' values."""
    assert not is_sensitive_name(name, users=False)


@pytest.mark.parametrize(
    ("name", "public"),
    [
        ("GIT_SHA", True), ("COGNITO_CLIENT_ID", True), ("TLS_CERT", True), ("JWT_PUBLIC_KEY", True),
        ("RECAPTCHA_SITE_KEY", True), ("AMI_ID", True), ("VAULT_SECRET_ID", False), ("CACHE_KEY", False),
        ("TOKEN_URL", False), ("CERT_PASSWORD", False), ("ID", False), ("APP_NAME", False),
    ],
)  # fmt: skip
def test_names_of_what_may_look_random(name: str, public: bool) -> None:
    """Identifiers and what is made to be given away."""
    assert is_public_name(name) is public
