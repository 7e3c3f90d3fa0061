from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import chain

KEY = b"k" * 32


def built(payloads: list[bytes]) -> tuple[list[chain.Link], chain.Head]:
    head, links = chain.start(KEY), []
    for payload in payloads:
        link, head = chain.append(head, payload)
        links.append(link)
    return links, head


def problems(links: list[chain.Link], head: chain.Head, *anchors: chain.Anchor) -> list[str]:
    return list(chain.problems(links, KEY, head, anchors))


@given(st.lists(st.binary(max_size=40), max_size=12))
def test_an_untouched_chain_has_no_problems(payloads: list[bytes]) -> None:
    assert problems(*built(payloads)) == []


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=12), st.data())
def test_any_changed_bit_of_any_entry_is_found(payloads: list[bytes], data: st.DataObject) -> None:
    links, head = built(payloads)
    place = data.draw(st.integers(0, len(links) - 1))
    field = data.draw(st.sampled_from(["payload", "digest", "mac"]))
    value: bytes = getattr(links[place], field) or b"\0"
    bit = data.draw(st.integers(0, len(value) * 8 - 1))
    changed = bytearray(value)
    changed[bit // 8] ^= 1 << bit % 8
    links[place] = replace(links[place], **{field: bytes(changed)})
    if links[place].payload == payloads[place] and field == "payload":
        return
    assert problems(links, head)


@given(st.lists(st.binary(max_size=40), min_size=2, max_size=12, unique=True), st.data())
def test_any_other_order_is_found(payloads: list[bytes], data: st.DataObject) -> None:
    links, head = built(payloads)
    shuffled = data.draw(st.permutations(links))
    assert bool(problems(shuffled, head)) == (shuffled != links)


def test_one_fault_is_reported_where_it_is() -> None:
    links, head = built([b"a", b"b", b"c", b"d"])
    links[1] = replace(links[1], payload=b"B")
    assert problems(links, head) == ["entry 2 was changed"]


def test_todays_key_cannot_write_yesterdays_entries() -> None:
    """Threat: somebody takes over the running bot and wants to clean the past."""
    _, head = built([b"a", b"b", b"c"])
    forged, forged_head = [], chain.Head(0, chain.BEGINNING, head.key)
    for payload in (b"a", b"harmless", b"c"):
        link, forged_head = chain.append(forged_head, payload)
        forged.append(link)
    assert "entry 2 was not written by this bot at its turn" in problems(forged, forged_head)


def test_cut_off_entries_are_found_even_with_todays_key() -> None:
    links, head = built([b"a", b"b", b"c"])
    shorter = chain.Head(2, links[1].digest, head.key)
    assert problems(links[:2], shorter) == ["the head's key does not belong to this chain"]


def test_an_old_copy_shows_only_against_an_anchor_kept_elsewhere() -> None:
    old, old_head = built([b"a", b"b"])
    links, head = built([b"a", b"b", b"c"])
    assert problems(old, old_head) == []
    assert problems(old, old_head, chain.Anchor(3, links[2].digest)) == ["entry 3, noted elsewhere, is missing"]
    other, other_head = built([b"a", b"b", b"C"])
    assert problems(other, other_head, chain.Anchor(3, links[2].digest)) == [
        "entry 3 differs from what was noted elsewhere"
    ]
    assert problems(links, head, chain.Anchor(3, links[2].digest), chain.Anchor(0, chain.BEGINNING)) == []


@pytest.mark.parametrize("size", [0, 1, 5])
def test_the_head_counts_the_entries(size: int) -> None:
    links, head = built([b"x"] * size)
    assert head.seq == size == len(links)
