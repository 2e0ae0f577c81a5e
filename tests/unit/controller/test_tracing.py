"""What ovn-trace says, read: texts as OVN 23.03 prints them, shortened to the lines that decide."""

import pytest

from headgate_controller.addresses import parse_address
from headgate_controller.tracing.output import Journey, Verdict, read

SOURCE, DESTINATION = parse_address("10.1.0.2"), parse_address("10.2.0.2")

ENTERS = """\
ingress(dp="s1", inport="e93777")
---------------------------------
 0. ls_in_check_port_sec (northd.c:8432): 1, priority 50, uuid 553b3dce
    next;
"""
ROUTER = """\
ingress(dp="r", inport="s1/gateway")
"""


def journey(output: str) -> Journey:
    return read(output, SOURCE, DESTINATION, "e93777c9-48d5-40f3-99cd-e8f3c09ada80")


@pytest.mark.parametrize(
    ("lines", "verdict", "end", "reason"),
    [
        ('    /* output to "19bae0", type "" */', Verdict.DELIVERED, "19bae0", "It is delivered."),
        ('    /* output to "ext/vlan", type "localnet" */', Verdict.LEAVES, "ext/vlan", "goes out"),
        ('    /* output to "r/s1", type "patch" */', Verdict.DROPPED, "", "No flow lets it go further"),
        (f'{ROUTER}    /* output to "e93777", type "" */', Verdict.ANSWERED, "s1", "answers it itself"),
        (f"{ROUTER}13. lr_in_ip_routing: no match (implicit drop)", Verdict.DROPPED, "r", "no route to it; add one"),
        (
            f"{ROUTER}13. lr_in_ip_routing (northd.c:1): 1, priority 0, uuid 0000aaaa\n    drop;",
            Verdict.DROPPED,
            "r",
            "no route to it; add one",
        ),
        (f"{ROUTER}    /* No MAC binding. */", Verdict.DROPPED, "r", "next hop is not known"),
        (
            " 9. ls_in_acl_eval (northd.c:1): ip, priority 9, uuid 0000aaaa\n    drop;",
            Verdict.DROPPED,
            "s1",
            "A rule drops it",
        ),
        (
            " 1. ls_in_apply_port_sec (northd.c:1): reg0[15] == 1, priority 50, uuid 0000aaaa\n    drop;",
            Verdict.DROPPED,
            "s1",
            "Port security",
        ),
    ],
)
def test_every_end_is_told_with_its_reason(lines: str, verdict: Verdict, end: str, reason: str) -> None:
    found = journey(ENTERS + lines)
    assert (found.verdict, found.end) == (verdict, end)
    assert reason in found.reason


def test_the_question_for_the_next_hop_is_not_taken_for_the_packet() -> None:
    found = journey(
        ENTERS
        + ROUTER
        + "17. lr_in_arp_resolve (northd.c:12250): ip4, priority 1, uuid 418e46e0\n"
        + "    get_arp(outport, reg0);\n    /* No MAC binding. */\n    next;\n\n"
        + "arp\n---\n    arp.op = 1;\n    output;\n"
        + 'ingress(dp="internet", inport="r/internet")\n    /* output to "internet/vlan", type "localnet" */\n'
    )
    assert (found.verdict, found.end, [step.datapath for step in found.steps]) == (Verdict.DROPPED, "r", ["s1", "r"])
    assert "next hop is not known yet" in found.reason


def test_a_copy_that_is_lost_does_not_hide_one_that_arrives() -> None:
    arrived = '    /* output to "19bae0", type "" */\n'
    assert journey(f"{ENTERS}    drop;\n{arrived}").verdict is Verdict.DELIVERED
    assert journey(f"{ENTERS}{arrived}    drop;\n").verdict is Verdict.DELIVERED


def test_translations_and_routes_are_steps_with_their_flow_and_change_the_addresses() -> None:
    found = journey(
        ENTERS
        + ROUTER
        + "13. lr_in_ip_routing (northd.c:1): reg7 == 0 && ip4.dst == 0.0.0.0/0, priority 1, uuid 6512d236\n"
        + "    reg0 = 203.0.113.1;\n    reg1 = 203.0.113.10;\n"
        + "15. lr_in_policy (northd.c:1): 1, priority 0, uuid 48dedc32\n"
        + " 3. lr_out_snat (northd.c:1): ip && ip4.src == 10.1.0.2, priority 161, uuid 26f42e4a\n"
        + "    ct_snat_in_czone(203.0.113.11);\n"
        + " 7. lr_in_dnat (northd.c:1): ip && ip4.dst == 203.0.113.12, priority 100, uuid a3a19dc9\n"
        + "    ct_dnat(10.3.0.3);\n"
    )
    assert [(step.datapath, step.flow, step.action) for step in found.steps] == [
        ("s1", "", "enters"),
        ("r", "", "enters"),
        ("r", "6512d236", "routes 0.0.0.0/0 to 203.0.113.1"),
        ("r", "26f42e4a", "translates its source to 203.0.113.11"),
        ("r", "a3a19dc9", "translates its destination to 10.3.0.3"),
    ]
    assert (str(found.source), str(found.destination)) == ("203.0.113.11", "10.3.0.3")
