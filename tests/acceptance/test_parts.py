"""A large CT on real parts: asked about before anything is sent, agreed to after a restart, opened from its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot import corridor
from commands.kit import large
from delivery.joined import joined
from delivery.received import grouped, parcels, received
from studies.synthetic import write_ct

if TYPE_CHECKING:
    import pytest

    from .conftest import Ward

SLICES = 40


async def test_a_large_ct_is_agreed_to_after_a_restart_and_opens_from_its_parts(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large, "UNASKED", 2_000_000)
    monkeypatch.setattr(corridor, "UNASKED", 2_000_000)
    write_ct(ward.studies, slices=SLICES, rows=256)
    with ward.config.open("a", encoding="utf-8") as settings:
        settings.write('[delivery]\npart_bytes = "2 MB"\n')
    async with ward.running():
        await ward.gather()
        question = await ward.ask("!share study")
        assert "Nothing is sent until you type a number:\n1. all of it: 40 images, 5." in question.body
    async with ward.running():
        receipt = await ward.share("1")
    assert all(one["verified"] for one in receipt.parcels)
    names = [str(one["file"]) for one in receipt.parcels]
    assert names == [f"DICOM_{number}_OF_{len(names)}.ZIP" for number in range(1, len(names) + 1)]
    [group] = grouped(map(received, parcels([receipt.out])))
    made = joined(group, ward.directory / "opened")
    assert (made.instances, made.missing) == (SLICES, ())
