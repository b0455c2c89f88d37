"""Whose address a request comes from: only trusted proxies may say, and only of whom they were called by."""

import pytest

from app.auth.addresses import limited, networks, origin

TRUSTED = networks(["10.0.0.0/8", "192.0.2.7", "2001:db8:f::/48"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", (), "203.0.113.9"),
        ("203.0.113.9", ("198.51.100.1",), "203.0.113.9"),  # nobody believes it
        ("203.0.113.9", ("10.0.0.1",), "203.0.113.9"),
        ("10.0.0.1", (), "10.0.0.1"),
        ("10.0.0.1", ("198.51.100.1",), "198.51.100.1"),
        ("10.0.0.1", ("1.1.1.1, 198.51.100.1",), "198.51.100.1"),  # what the client itself wrote
        ("10.0.0.1", ("1.1.1.1", "198.51.100.1"), "198.51.100.1"),  # the same in two headers
        ("10.0.0.1", ("1.1.1.1, 198.51.100.1, 10.2.3.4,192.0.2.7",), "198.51.100.1"),
        ("10.0.0.1", ("10.9.9.9, 10.2.3.4",), "10.9.9.9"),  # a client inside
        ("10.0.0.1", ("198.51.100.1, rubbish",), "10.0.0.1"),
        ("10.0.0.1", ("198.51.100.1, rubbish, 10.2.3.4",), "10.2.3.4"),
        ("10.0.0.1", ("198.51.100.1,",), "10.0.0.1"),
        ("10.0.0.1", ("",), "10.0.0.1"),
        ("10.0.0.1", ("unknown",), "10.0.0.1"),
        ("10.0.0.1", ("198.51.100.1:4711",), "198.51.100.1"),
        ("10.0.0.1", ("[2001:db8::1]:4711",), "2001:db8::1"),
        ("10.0.0.1", ("2001:DB8:0:0::1",), "2001:db8::1"),
        ("10.0.0.1", ("198.51.100.1\xff",), "10.0.0.1"),
        ("10.0.0.1", ("198.51.100.256",), "10.0.0.1"),
        ("10.0.0.1", ("0198.51.100.1",), "10.0.0.1"),
        ("::ffff:10.0.0.1", ("198.51.100.1",), "198.51.100.1"),
        ("2001:db8:f::2", ("2001:db8::1",), "2001:db8::1"),
        ("2001:db8:e::2", ("2001:db8::1",), "2001:db8:e::2"),
        ("fe80::1%eth0", ("198.51.100.1",), "fe80::1"),
        ("testclient", ("198.51.100.1",), "testclient"),
    ],
)
def test_the_right_most_address_that_no_proxy_has(peer: str, forwarded: tuple[str, ...], client: str) -> None:
    assert origin(TRUSTED)(peer, tuple(value.encode("latin-1") for value in forwarded)) == client


def test_with_nobody_trusted_everybody_is_who_they_are() -> None:
    assert origin(())("10.0.0.1", (b"198.51.100.1",)) == "10.0.0.1"


def test_a_long_chain_costs_no_more_than_its_length() -> None:
    assert origin(TRUSTED)("10.0.0.1", (b"10.0.0.2," * 1_500 + b"10.0.0.3",)) == "10.0.0.2"


@pytest.mark.parametrize(
    ("address", "as_one"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("::ffff:198.51.100.1", "198.51.100.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::", "2001:db8:1:3::/64"),
        ("testclient", "testclient"),
    ],
)
def test_what_is_limited_as_one(address: str, as_one: str) -> None:
    assert limited(address) == as_one
