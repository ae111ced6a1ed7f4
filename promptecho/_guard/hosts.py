"""Hosts: at which providers answer, at which programs log in, and which stay on this machine."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache

from promptecho import providers
from promptecho.providers._host_names import pattern


@lru_cache(maxsize=1)
def _llm() -> re.Pattern[str]:
    return pattern(providers.hosts())


@lru_cache(maxsize=1)
def _login() -> re.Pattern[str]:
    return pattern(providers.logins())


@lru_cache(maxsize=4096)
def is_llm_host(host: str) -> bool:
    """Whether a host is a known provider's."""
    return _llm().fullmatch(_plain(host)) is not None


@lru_cache(maxsize=4096)
def is_login_host(host: str) -> bool:
    """Whether a host is known to give out tokens."""
    return _login().fullmatch(_plain(host)) is not None


@lru_cache(maxsize=4096)
def is_loopback(host: str) -> bool:
    """Whether a name or an address stays on this machine."""
    host = _plain(host).strip("[]").partition("%")[0]
    if host in ("", "localhost") or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_unspecified)


def _plain(host: str) -> str:
    return host.lower().rstrip(".")
