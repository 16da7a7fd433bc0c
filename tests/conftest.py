"""Settings of all tests."""

import ipaddress
import socket
from typing import Any

import pytest
from hypothesis import settings

# No test times itself; and the same commit gives the same verdict.
settings.register_profile("worldwright", deadline=None, derandomize=True)
settings.load_profile("worldwright")


def is_here(host: object) -> bool:
    """Whether a host, as sockets take it, is this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(str(host)).is_loopback
    except ValueError:
        return False


@pytest.fixture(autouse=True)
def nothing_leaves_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse connections to, and look-ups of, any host but this one."""
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6} and not is_here(address[0]):
            raise PermissionError(f"a test would have connected to {address[0]!r}")
        connect(self, address)

    def guarded_look_up(host: Any, *args: Any, **options: Any) -> Any:
        if host is not None and not is_here(host):
            raise socket.gaierror(socket.EAI_NONAME, f"a test would have looked up {host!r}")
        return look_up(host, *args, **options)

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_look_up)
