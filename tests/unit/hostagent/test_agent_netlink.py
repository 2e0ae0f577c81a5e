"""The kernel's messages about devices."""

import struct

from headgate_hostagent.observe.netlink import changed_devices


def message(kind: int, body: bytes) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 0, 0) + body + b"\0" * (-len(body) % 4)


def link(name: bytes, before: bytes = b"") -> bytes:
    attribute = struct.pack("=HH", 4 + len(name) + 1, 3) + name + b"\0"
    return struct.pack("=BxHiII", 0, 0, 7, 0, 0) + before + attribute


def test_each_link_message_names_its_device():
    mtu = struct.pack("=HHI", 8, 4, 1500)
    data = message(16, link(b"br-phy", mtu)) + message(17, link(b"eth1"))
    assert list(changed_devices(data)) == ["br-phy", "eth1"]


def test_an_address_message_names_the_device_of_its_index():
    assert list(changed_devices(message(20, struct.pack("=BBBBI", 2, 8, 0, 0, 1)))) == ["lo"]


def test_other_and_damaged_messages_are_passed_over():
    assert list(changed_devices(message(99, b"xxxx") + b"\1\0\0")) == []
    assert list(changed_devices(struct.pack("=IHHII", 0, 16, 0, 0, 0))) == []
