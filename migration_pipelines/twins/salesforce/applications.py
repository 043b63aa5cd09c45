"""Who may sign in: client applications with what proves them, and the passwords of users."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key


@dataclass(frozen=True)
class Application:
    """A connected app.

    Attributes:
        client_secret: what client credentials, a password and a refresh token need; None refuses them.
        certificate: PEM of a certificate or public key, which signs JWTs; None refuses them.
        run_as: the execution user of client credentials, by username; None is the administrator.
        refresh_tokens: refresh token -> username, as an earlier approval in a browser would have given them.
    """

    client_id: str
    client_secret: str | None = None
    certificate: str | None = None
    run_as: str | None = None
    refresh_tokens: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.certificate is not None:
            self.public_key()

    def public_key(self) -> RSAPublicKey:
        """The key that its JWTs are signed with.

        Raises:
            ValueError: the certificate holds no RSA key.
        """
        pem = (self.certificate or "").encode()
        is_certificate = b"BEGIN CERTIFICATE" in pem
        key = x509.load_pem_x509_certificate(pem).public_key() if is_certificate else load_pem_public_key(pem)
        if not isinstance(key, RSAPublicKey):
            raise ValueError(f"{self.client_id}: JWTs are signed with RSA, and this is another kind of key")
        return key

    def is_signed(self, assertion: str) -> bool:
        """Whether the application signed this JWT, by RS256."""
        if self.certificate is None:
            return False
        unchecked = dict.fromkeys(("verify_exp", "verify_aud", "verify_nbf", "verify_iat", "verify_sub"), False)
        try:
            jwt.decode(assertion, self.public_key(), algorithms=["RS256"], options=unchecked)  # type: ignore[arg-type]
        except jwt.PyJWTError:
            return False
        return True


@dataclass(frozen=True)
class Logins:
    """What the twin was started with.

    Attributes:
        passwords: username -> password, with the security token behind it where the org asks for one.
    """

    applications: tuple[Application, ...] = ()
    passwords: Mapping[str, str] = field(default_factory=dict)

    def application(self, client_id: str) -> Application | None:
        return next((known for known in self.applications if known.client_id == client_id), None)


def read_logins(path: Path) -> Logins:
    """`{"applications": [{"client_id": ..., "certificate_file": ...}], "passwords": {"a@b.example": ...}}`.

    An application's other keys are those of `Application`; `certificate_file` is relative to the file's folder.

    Raises:
        ValueError: the file says something else.
    """
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        applications = tuple(_application(entry, path.parent) for entry in told.get("applications", []))
        return Logins(applications, dict(told.get("passwords", {})))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path.name} does not describe logins: {error}") from error


def _application(told: Mapping[str, object], folder: Path) -> Application:
    given = dict(told)
    if "certificate_file" in given:
        given["certificate"] = (folder / str(given.pop("certificate_file"))).read_text(encoding="ascii")
    unknown = sorted(given.keys() - {field.name for field in fields(Application)})
    if unknown:
        raise ValueError(f"an application has no {', '.join(unknown)}")
    return Application(**given)  # type: ignore[arg-type]
