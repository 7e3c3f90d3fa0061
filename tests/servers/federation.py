"""Two hospitals, each with a homeserver of its own, that federate with one another on loopback and with nobody else."""

from __future__ import annotations

import datetime
import ipaddress
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bot.demo.homeserver import Homeserver, free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

#: Milliseconds: a server that was away is asked again at once, not after Synapse's ten minutes.
IMPATIENT = {
    "destination_min_retry_interval": 200,
    "destination_max_retry_interval": 1000,
    "destination_retry_multiplier": 2,
    "client_timeout": 10_000,
    "max_long_retries": 1,
    "max_short_retries": 1,
    "max_long_retry_delay": 1000,
    "max_short_retry_delay": 1000,
}


@dataclass(frozen=True)
class Federation:
    """The homeservers of hospital A and hospital B; `server_name` of each is what stands in its people's IDs."""

    a: Homeserver
    b: Homeserver


@asynccontextmanager
async def federated(directory: Path, **options: Any) -> AsyncIterator[Federation]:
    """Both running until the block ends. `options` are those of `Homeserver.start`, for both."""
    ports = [free_port(), free_port()]
    names = [f"localhost:{port}" for port in ports]
    async with AsyncExitStack() as stack:
        started = []
        for letter, port, name in zip("ab", ports, names, strict=True):
            place = directory / letter
            place.mkdir(parents=True)
            _certify(place)
            server = Homeserver.start(
                place, server_name=name, listeners=[_listener(port)], extra=_settings(place, names), **options
            )
            started.append(await stack.enter_async_context(server))
        yield Federation(*started)


def _listener(port: int) -> dict[str, Any]:
    resources = [{"names": ["federation", "keys"]}]
    return {"port": port, "bind_addresses": ["127.0.0.1"], "type": "http", "tls": True, "resources": resources}


def _settings(place: Path, names: list[str]) -> dict[str, Any]:
    """Loopback is allowed, strangers are not, and certificates need nobody's signature."""
    return {
        "tls_certificate_path": str(place / "tls.crt"),
        "tls_private_key_path": str(place / "tls.key"),
        "federation_verify_certificates": False,
        "ip_range_blacklist": [],
        "federation_domain_whitelist": names,
        "federation": IMPATIENT,
    }


def _certify(place: Path) -> None:
    """A key and a certificate for loopback, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (place / "tls.crt").write_bytes(certificate.public_bytes(pem))
    (place / "tls.key").touch(mode=0o600)
    (place / "tls.key").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
