"""Makes this host known to a bridge: `python -m agent enrol`.

The host makes its key; the key never leaves it. The bridge signs a certificate for it, in exchange
for a code that it gave out once. The door is known by the fingerprint that the code carries, and
nothing is said to any other. What was there before stays as it is until all of the new is here.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import ipaddress
import json
import os
import re
import socket
import ssl
import time
from dataclasses import dataclass
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from agent import __version__, limits
from agent import folder as kept
from agent.codes import Code
from agent.errors import AgentError
from agent.folder import Enrolled, make_folder, put_in_place, read_enrolled, settle, write_enrolled
from agent.keys import BrokenKey, read_public_key, write_private_key
from agent.settings import Settings, parse_address, render_address

_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]{16,512}=*")
_PATH: Final = "/agents/enrol"


class NotEnrolled(AgentError):
    """The bridge does not know this host, or knows it as before."""


@dataclass(frozen=True, kw_only=True)
class Granted:
    """What a bridge gives to a host that it knows now."""

    certificate: str
    authority: str
    bridge_key: str
    metrics_token: str
    door: str


def enrol(code: Code, settings: Settings) -> Enrolled:
    """Exchange a code for a certificate, and keep what belongs to it.

    Raises:
        NotEnrolled: it did not come to that; the folder holds what it held before.
    """
    folder = settings.agent_state_dir
    _require_host(code, settings)
    _prepare(settings)
    with _open_door(code) as door:
        address = code.address or _choose_address(settings, door)
        key = Ed25519PrivateKey.generate()
        granted = _ask(door, code, address, key)
    _require_sound(granted, address, key)
    enrolled = Enrolled(host=code.host, address=address, door=granted.door)
    files = {
        kept.KEY: write_private_key(key.private_bytes_raw()),
        kept.CERTIFICATE: granted.certificate.encode(),
        kept.AUTHORITY: granted.authority.encode(),
        kept.BRIDGE_KEY: granted.bridge_key.encode() + b"\n",
        kept.METRICS_TOKEN: granted.metrics_token.encode() + b"\n",
        kept.ENROLLED: write_enrolled(enrolled),
    }
    if not (folder / kept.NONCES).exists():
        # Whatever was signed before now is not for this enrolment.
        files[kept.NONCES] = f"forgotten {time.time()!r}\n".encode()
    put_in_place(folder, files)
    return enrolled


def become_owner(settings: Settings) -> None:
    """Go on as whoever owns the folder: root would leave files there that they cannot read."""
    folder = settings.agent_state_dir
    if os.geteuid() != 0 or not folder.is_dir():
        return
    owner = folder.stat()
    if owner.st_uid != 0:
        os.setgroups([])
        os.setresgid(owner.st_gid, owner.st_gid, owner.st_gid)
        os.setresuid(owner.st_uid, owner.st_uid, owner.st_uid)


def _require_host(code: Code, settings: Settings) -> None:
    """Refuse a code for another host before anybody hears of it: it stays good for that one."""
    if settings.agent_id not in {None, code.host}:
        raise NotEnrolled(f"the code is for {code.host}, and AGENT_ID says {settings.agent_id}")
    try:
        former = read_enrolled(settings.agent_state_dir)
    except OSError as fault:
        reason = (fault.strerror or type(fault).__name__).lower()
        raise NotEnrolled(f"{fault.filename} cannot be read ({reason})") from None
    except AgentError:
        return  # it is enrolled anew because it is damaged
    if former is not None and former.host != code.host:
        raise NotEnrolled(
            f"the code is for {code.host}, and this host is enrolled as {former.host}; remove "
            f"{settings.agent_state_dir} to make it another host"
        )


def _prepare(settings: Settings) -> None:
    """Find out whether the folder can be written before the code is used up."""
    folder = settings.agent_state_dir
    try:
        make_folder(folder)
        settle(folder)
        kept.write_private(folder / "written", b"")
        (folder / "written").unlink()
    except OSError as fault:
        reason = (fault.strerror or type(fault).__name__).lower()
        raise NotEnrolled(
            f"{folder} cannot be written ({reason}); AGENT_STATE_DIR names another folder"
        ) from None


def _open_door(code: Code) -> ssl.SSLSocket:
    """Connect to the door, and make sure that it is the one before anything is said."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False  # the fingerprint below says more than any authority
    context.verify_mode = ssl.CERT_NONE
    where = render_address(*code.door)
    try:
        plain = socket.create_connection(code.door, timeout=limits.DOOR_SECONDS)
        try:
            door = context.wrap_socket(plain)
        except BaseException:
            plain.close()
            raise
    except OSError as fault:
        raise NotEnrolled(f"the bridge's door at {where} cannot be reached ({fault})") from None
    shown = hashlib.sha256(door.getpeercert(binary_form=True) or b"").hexdigest()
    if not hmac.compare_digest(shown, code.fingerprint):
        door.close()
        raise NotEnrolled(
            f"whoever answers at {where} is not the bridge that gave the code: its certificate is "
            "another one; nothing was told to it"
        )
    return door


def _choose_address(settings: Settings, door: ssl.SSLSocket) -> str:
    """Say where the bridge finds this agent: where it listens, or where it speaks from."""
    own, peer = str(door.getsockname()[0]), str(door.getpeername()[0])
    host = own if _is_wildcard(settings.agent_host) else settings.agent_host
    if _is_loopback(host) and not _is_loopback(peer):
        raise NotEnrolled(
            f"the bridge is at {peer}, on another host, and AGENT_HOST is {settings.agent_host}, "
            f"where only this host reaches the agent; set AGENT_HOST={own} and run this again"
        )
    return render_address(host, settings.agent_port)


def _ask(door: ssl.SSLSocket, code: Code, address: str, key: Ed25519PrivateKey) -> Granted:
    """Send the code and the request for a certificate; read what comes back."""
    body = {
        "host": code.host,
        "secret": code.secret,
        "csr": _write_request(code.host, address, key),
        "address": address,
        "version": __version__,
    }
    connection = http.client.HTTPConnection(*code.door)
    connection.sock = door
    try:
        headers = {"Content-Type": "application/json"}
        connection.request("POST", _PATH, body=json.dumps(body), headers=headers)
        with connection.getresponse() as answer:
            text = answer.read(limits.DOOR_ANSWER_BYTES + 1)
    except (OSError, http.client.HTTPException) as fault:
        raise NotEnrolled(
            f"the bridge did not answer ({type(fault).__name__}); if it says that the code was "
            "used, ask for another one"
        ) from None
    finally:
        connection.close()
    fields = _read_fields(text)
    if answer.status != http.client.OK:
        raise NotEnrolled(f"the bridge says no: {_sentence(fields, answer.status)}")
    if fields.get("host") != code.host:
        raise NotEnrolled("the bridge answered about another host")
    try:
        return Granted(**{name: str(fields[name]) for name in Granted.__annotations__})
    except KeyError as fault:
        raise NotEnrolled(f"the bridge's answer lacks {fault}") from None


def _write_request(host: str, address: str, key: Ed25519PrivateKey) -> str:
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]))
        .add_extension(x509.SubjectAlternativeName([_name_of(address)]), critical=False)
        .sign(key, None)
    )
    return request.public_bytes(Encoding.PEM).decode()


def _name_of(address: str) -> x509.GeneralName:
    host, _ = parse_address(address)
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _require_sound(granted: Granted, address: str, key: Ed25519PrivateKey) -> None:
    """Make sure that what came is what an agent can live on, before the old is replaced."""
    try:
        certificate = x509.load_pem_x509_certificate(granted.certificate.encode())
        authority = x509.load_pem_x509_certificate(granted.authority.encode())
        certificate.verify_directly_issued_by(authority)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        read_public_key(granted.bridge_key.encode())
        parse_address(granted.door)
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound, BrokenKey) as fault:
        raise NotEnrolled(f"what the bridge gave is unsound ({type(fault).__name__})") from None
    if certificate.public_key() != key.public_key() or list(names) != [_name_of(address)]:
        raise NotEnrolled("the bridge signed another key, or for another address")
    if not _TOKEN.fullmatch(granted.metrics_token):
        raise NotEnrolled("the bridge gave no token for Prometheus")


def _read_fields(text: bytes) -> dict[str, Any]:
    if len(text) > limits.DOOR_ANSWER_BYTES:
        return {}
    try:
        fields = json.loads(text)
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}


def _sentence(fields: dict[str, Any], status: int) -> str:
    said = str(fields.get("detail") or f"status {status}")
    shown = "".join(each if each.isprintable() else " " for each in said)
    return shown[: limits.SENTENCE_CHARACTERS]


def _is_wildcard(host: str) -> bool:
    return host in {"0.0.0.0", "::"}  # what it means to listen everywhere


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
