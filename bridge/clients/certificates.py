"""Certificates of our own small authority: all of Ed25519, each for one purpose and one place."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from agent.wire import Verify
from bridge import limits
from bridge.core.inventory import parse_address
from bridge.errors import Mistake

SERVES: Final = ExtendedKeyUsageOID.SERVER_AUTH
CALLS: Final = ExtendedKeyUsageOID.CLIENT_AUTH


def create_verifier(key: bytes) -> Verify:
    """Make what says whether something was signed by a public key's owner.

    Raises:
        ValueError: this is no public key.
    """
    public = Ed25519PublicKey.from_public_bytes(key)

    def verify(signature: bytes, content: bytes) -> bool:
        try:
            public.verify(signature, content)
        except InvalidSignature:
            return False
        return True

    return verify


def create_root(key: Ed25519PrivateKey, *, name: str, now: datetime) -> x509.Certificate:
    """Make the certificate that signs all others, and nothing further down."""
    subject = _name(name)
    builder = _start(subject, subject, key.public_key(), now)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
    return builder.sign(key, None)


def issue(
    public: Ed25519PublicKey,
    *,
    name: str,
    place: str,
    purposes: Sequence[x509.ObjectIdentifier],
    root: x509.Certificate,
    key: Ed25519PrivateKey,
    now: datetime,
) -> x509.Certificate:
    """Make a certificate that is good for one place: an IP address or a name of the DNS.

    An empty place is nowhere: whoever only calls others needs none.
    """
    builder = _start(_name(name), root.subject, public, now)
    builder = builder.add_extension(
        x509.BasicConstraints(ca=False, path_length=None), critical=True
    )
    builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage(list(purposes)), critical=False)
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
    builder = builder.add_extension(identifier, critical=False)
    if place:
        names = x509.SubjectAlternativeName([_place(place)])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(key, None)


def read_request(pem: str, *, host: str, address: str) -> Ed25519PublicKey:
    """Read a request for a certificate and answer the key it is for.

    Raises:
        Mistake: it is none, or for another host or place.
    """
    try:
        request = x509.load_pem_x509_csr(pem.encode("ascii"))
        public = request.public_key()
        is_signed = request.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Mistake("the request for a certificate cannot be read") from None
    if not isinstance(public, Ed25519PublicKey) or not is_signed:
        raise Mistake("the request for a certificate is not signed by an Ed25519 key of its own")
    names = request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if [str(each.value).lower() for each in names] != [host.lower()]:
        raise Mistake("the request for a certificate is for another host")
    if _read_places(request) != [_place(parse_address(address)[0])]:
        raise Mistake("the request for a certificate is for another address")
    return public


def is_for(certificate: x509.Certificate, place: str) -> bool:
    """Say whether a certificate is good for exactly this place."""
    return _read_places(certificate) == ([_place(place)] if place else [])


def fingerprint(certificate: x509.Certificate) -> str:
    """Name a certificate by its SHA-256, as hexadecimal digits."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def read_key_of(certificate: bytes) -> bytes:
    """Read the public key that a certificate is for, given as DER; empty where it is no Ed25519."""
    try:
        public = x509.load_der_x509_certificate(certificate).public_key()
    except (ValueError, UnsupportedAlgorithm):
        return b""
    return public.public_bytes_raw() if isinstance(public, Ed25519PublicKey) else b""


def write_private(key: Ed25519PrivateKey) -> str:
    """Write a private key as PEM."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode("ascii")


def read_private(pem: str) -> Ed25519PrivateKey:
    """Read a private key.

    Raises:
        ValueError: it is none of ours; the sentence repeats nothing of it.
    """
    try:
        key = serialization.load_pem_private_key(pem.encode("ascii"), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("no private key") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("no Ed25519 key")  # noqa: TRY004 - what the file holds is wrong, not a type
    return key


def write_certificate(certificate: x509.Certificate) -> str:
    """Write a certificate as PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")


def read_certificate(pem: str) -> x509.Certificate:
    """Read a certificate.

    Raises:
        ValueError: it is none.
    """
    return x509.load_pem_x509_certificate(pem.encode("ascii"))


def _start(
    subject: x509.Name, issuer: x509.Name, public: Ed25519PublicKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - limits.CERTIFICATE_EARLIER)
        .not_valid_after(now + limits.CERTIFICATE_LIFE)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _name(word: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, word)])


def _place(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host.lower())


def _read_places(
    holder: x509.Certificate | x509.CertificateSigningRequest,
) -> list[x509.GeneralName]:
    try:
        found = holder.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return []
    return [
        x509.DNSName(each.value.lower()) if isinstance(each, x509.DNSName) else each
        for each in found.value
    ]


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
