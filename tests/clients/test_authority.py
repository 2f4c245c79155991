"""The bridge's own small authority: made once, kept closed, and exact about who is where."""

from __future__ import annotations

import asyncio
import pickle
import ssl
import stat
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from bridge.clients.authority import Authority, open_authority
from bridge.clients.certificates import create_verifier, read_key_of, write_private
from bridge.errors import Mistake, Outage
from tests.fakes.local_agent import LOOPBACK, create_authority, write_request

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DOOR = "127.0.0.1:8003"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "agents"


def open_at(folder: Path, *, door: str = DOOR, now: datetime = NOW) -> Authority:
    return open_authority(folder, door=door, now=now)


def certificate(folder: Path, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / f"{name}.pem").read_bytes())


def places(made: x509.Certificate) -> list[object]:
    try:
        found = made.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return [each.value for each in found.value]


def purposes(made: x509.Certificate) -> set[x509.ObjectIdentifier]:
    return set(made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)


def test_everything_is_made_at_the_first_start_for_its_owner_alone(folder: Path) -> None:
    open_at(folder)
    assert {path.name for path in folder.iterdir()} == {
        *("authority.key", "authority.pem", "orders.key", "metrics_token"),
        *(f"{name}.{kind}" for name in ("door", "bridge", "prometheus") for kind in ("key", "pem")),
    }
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_a_second_start_finds_the_same(folder: Path) -> None:
    first = open_at(folder)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    second = open_at(folder, now=NOW + timedelta(days=300))
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
    assert (second.fingerprint, second.order_key) == (first.fingerprint, first.order_key)
    assert second.metrics_token == first.metrics_token


def test_each_certificate_is_for_one_purpose(folder: Path) -> None:
    open_at(folder)
    root = certificate(folder, "authority")
    assert root.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert purposes(certificate(folder, "door")) == {ExtendedKeyUsageOID.SERVER_AUTH}
    assert [str(each) for each in places(certificate(folder, "door"))] == [LOOPBACK]
    for name in ("bridge", "prometheus"):
        assert purposes(certificate(folder, name)) == {ExtendedKeyUsageOID.CLIENT_AUTH}
        assert places(certificate(folder, name)) == []
    for name in ("door", "bridge", "prometheus"):
        made = certificate(folder, name)
        made.verify_directly_issued_by(root)
        assert not made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        assert made.not_valid_after_utc > NOW + timedelta(days=3649)


def test_the_door_is_known_by_its_certificate(folder: Path) -> None:
    authority = open_at(folder)
    shown = certificate(folder, "door")
    assert authority.fingerprint == shown.fingerprint(SHA256()).hex()


def test_a_door_that_moved_gets_another_certificate_and_only_the_door(folder: Path) -> None:
    before = open_at(folder)
    root, bridge = certificate(folder, "authority"), certificate(folder, "bridge")
    after = open_at(folder, door="bridge.example:8003")
    assert before.fingerprint != after.fingerprint
    assert places(certificate(folder, "door")) == ["bridge.example"]
    assert (certificate(folder, "authority"), certificate(folder, "bridge")) == (root, bridge)


def test_what_ends_within_a_year_is_made_anew_before(folder: Path) -> None:
    open_at(folder)
    old = certificate(folder, "bridge")
    open_at(folder, now=NOW + timedelta(days=3300))
    fresh = certificate(folder, "bridge")
    assert fresh.serial_number != old.serial_number
    assert fresh.public_key() == old.public_key()


def test_lost_certificates_are_made_again_and_hosts_still_trust_them(folder: Path) -> None:
    """The key is what hosts trust; the certificate of it says the same again."""
    open_at(folder)
    known = certificate(folder, "authority")
    for path in folder.glob("*.pem"):
        path.unlink()
    open_at(folder)
    certificate(folder, "door").verify_directly_issued_by(known)


def test_an_authority_whose_key_is_gone_is_not_replaced_unasked(folder: Path) -> None:
    open_at(folder)
    (folder / "authority.key").unlink()
    with pytest.raises(Outage, match="enrol every host again"):
        open_at(folder)
    assert not (folder / "authority.key").exists()


@pytest.mark.parametrize("content", ["", "no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n"])
def test_a_key_that_cannot_be_understood_is_one_sentence(folder: Path, content: str) -> None:
    open_at(folder)
    (folder / "orders.key").write_text(content)
    with pytest.raises(Outage, match=r"orders\.key cannot be understood"):
        open_at(folder)


def test_files_that_stand_open_are_closed(folder: Path) -> None:
    open_at(folder)
    for path in (*folder.glob("*.key"), folder / "metrics_token"):
        path.chmod(0o644)
    folder.chmod(0o755)
    open_at(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    closed = {stat.S_IMODE(path.stat().st_mode) for path in folder.glob("*.key")}
    assert closed | {stat.S_IMODE((folder / "metrics_token").stat().st_mode)} == {0o600}


def test_a_folder_that_cannot_be_had_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "agents").write_text("a file in the way")
    with pytest.raises(Outage, match="cannot be read or written"):
        open_at(tmp_path / "agents")


def test_no_key_and_no_token_shows_itself(folder: Path) -> None:
    authority = open_at(folder)
    shown = repr(authority) + str(authority)
    assert authority.metrics_token not in shown
    assert "PRIVATE" not in shown
    with pytest.raises(TypeError):
        pickle.dumps(authority)


# ---- agents' certificates --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("192.0.2.10:8001", "192.0.2.10"),
        ("[2001:db8::1]:8001", "2001:db8::1"),
        ("web-1.example:8001", "web-1.example"),
        ("web_1:8001", "web_1"),
    ],
)
def test_an_agent_gets_a_certificate_for_its_address_alone(
    folder: Path, address: str, place: str
) -> None:
    authority, key = open_at(folder), Ed25519PrivateKey.generate()
    made = authority.sign_agent(
        write_request(key, "web-1", place), host="web-1", address=address, now=NOW
    )
    shown = x509.load_pem_x509_certificate(made.pem.encode())
    assert [str(each) for each in places(shown)] == [place]
    assert shown.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "web-1"
    assert purposes(shown) == {ExtendedKeyUsageOID.SERVER_AUTH}
    assert f"{shown.serial_number:x}" == made.serial
    assert made.key == key.public_key().public_bytes_raw()
    assert read_key_of(shown.public_bytes(Encoding.DER)) == made.key
    shown.verify_directly_issued_by(certificate(folder, "authority"))


def test_no_two_certificates_have_a_serial(folder: Path) -> None:
    authority, key = open_at(folder), Ed25519PrivateKey.generate()
    request = write_request(key, "web-1", LOOPBACK)
    made = [
        authority.sign_agent(request, host="web-1", address="127.0.0.1:8001", now=NOW)
        for _ in range(10)
    ]
    assert len({each.serial for each in made}) == 10


def foreign_request() -> str:
    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "web-1")])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    return builder.sign(key, SHA256()).public_bytes(Encoding.PEM).decode()


def borrowed_request() -> str:
    """A request whose key is another's: its signature does not fit."""
    pem = write_request(Ed25519PrivateKey.generate(), "web-1", LOOPBACK)
    lines = pem.splitlines()
    middle = len(lines) // 2
    letter = "B" if lines[middle][5] != "B" else "C"
    lines[middle] = lines[middle][:5] + letter + lines[middle][6:]
    return "\n".join(lines) + "\n"


KEY = Ed25519PrivateKey.generate()


@pytest.mark.parametrize(
    "request_",
    [
        "",
        "planted-words",
        "ключ",
        write_request(KEY, "web-2", LOOPBACK),
        write_request(KEY, "web-1"),
        write_request(KEY, "web-1", "127.0.0.2"),
        write_request(KEY, "web-1", LOOPBACK, "127.0.0.2"),
        write_request(KEY, "web-1", LOOPBACK, "*.example"),
        foreign_request(),
        borrowed_request(),
    ],
    ids=range(10),
)
def test_a_request_for_anything_else_is_refused(folder: Path, request_: str) -> None:
    with pytest.raises(Mistake) as caught:
        open_at(folder).sign_agent(request_, host="web-1", address="127.0.0.1:8001", now=NOW)
    assert "planted" not in caught.value.sentence


def test_an_address_that_is_none_gets_no_certificate(folder: Path) -> None:
    request = write_request(KEY, "web-1", LOOPBACK)
    with pytest.raises(Mistake, match="no address"):
        open_at(folder).sign_agent(request, host="web-1", address="127.0.0.1", now=NOW)


def test_a_signature_is_good_for_what_was_signed(folder: Path) -> None:
    authority = open_at(folder)
    verify = create_verifier(authority.order_key)
    signature = authority.sign(b"content")
    assert verify(signature, b"content")
    assert not verify(signature, b"Content")
    assert not verify(signature[:-1], b"content")
    assert not verify(b"", b"content")


# ---- TLS itself ------------------------------------------------------------------------------


async def greet(server: ssl.SSLContext, client: ssl.SSLContext, name: str = LOOPBACK) -> bytes:
    """Call a server of ours and hear its greeting."""

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"welcome")
        writer.close()

    listening = await asyncio.start_server(serve, LOOPBACK, 0, ssl=server)
    port = listening.sockets[0].getsockname()[1]
    try:
        reader, writer = await asyncio.open_connection(
            LOOPBACK, port, ssl=client, server_hostname=name
        )
        said = await reader.read()
        writer.close()
        return said
    finally:
        listening.close()


async def test_the_door_is_trusted_by_whoever_knows_the_authority(tmp_path: Path) -> None:
    authority = create_authority(tmp_path)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.load_verify_locations(cadata=authority.certificate)
    assert await greet(authority.create_door_context(), client) == b"welcome"
    with pytest.raises(ssl.SSLCertVerificationError):
        await greet(authority.create_door_context(), client, "127.0.0.2")


async def test_with_its_own_certificate_no_host_calls_the_agent_of_another(tmp_path: Path) -> None:
    authority = create_authority(tmp_path)
    now = datetime.now(UTC)  # noqa: TID251 - TLS reads the machine's clock
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for host, context in (("web-1", server), ("web-2", client)):
        key = Ed25519PrivateKey.generate()
        made = authority.sign_agent(
            write_request(key, host, LOOPBACK), host=host, address=f"{LOOPBACK}:1", now=now
        )
        own = tmp_path / f"{host}.pem"
        own.write_text(made.pem + write_private(key))
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=authority.certificate)
        context.load_cert_chain(own)
    assert await greet(server, authority.create_calling_context()) == b"welcome"
    said = b""
    with suppress(ssl.SSLError, ConnectionError):  # TLS 1.3 refuses it after the greeting
        said = await greet(server, client)
    assert said == b""


async def test_an_agents_certificate_is_good_with_the_strictest_of_checks(tmp_path: Path) -> None:
    authority, key = create_authority(tmp_path), Ed25519PrivateKey.generate()
    now = datetime.now(UTC)  # noqa: TID251 - TLS reads the machine's clock
    made = authority.sign_agent(
        write_request(key, "web-1", LOOPBACK), host="web-1", address=f"{LOOPBACK}:1", now=now
    )
    own = tmp_path / "own.pem"
    own.write_text(made.pem + write_private(key))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.verify_mode = ssl.CERT_REQUIRED
    server.verify_flags |= ssl.VERIFY_X509_STRICT
    server.load_verify_locations(cadata=authority.certificate)
    server.load_cert_chain(own)
    client = authority.create_calling_context()
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    assert await greet(server, client) == b"welcome"
