from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ledger import audit, finds
from ledger.audit import AuditKind
from tests.fakes import dicom
from tests.fakes.session import ANNA, ROOM

if TYPE_CHECKING:
    from tests.fakes.house import House


@pytest.fixture(autouse=True)
async def running(house: House) -> object:
    async with house.running():
        yield


async def queries(house: House) -> int:
    return sum(one.event.kind is AuditKind.QUERY for one in await audit.records(house.ledger))


async def looked(house: House) -> bool:
    """Whether the folder was ever looked at."""
    return house.source._scanned_at != float("-inf")


@pytest.mark.parametrize(
    "typed", ["999 000 0018", "9990000018", "999-000-0018", "999\u2011000\u20110018", "NHS 999 000 0018"]
)
async def test_a_patient_is_found_by_nhs_number_however_it_is_typed(house: House, typed: str) -> None:
    dicom.ankle(house.folder)
    [answer] = await house.ask(f"!find {typed}")
    assert answer.startswith("1. CR Ankle, 20 Nov 2026 · B**** A**, 1963, NHS *** *** 0018 · 3 images")


async def test_names_are_masked_and_two_identifiers_shown(house: House) -> None:
    dicom.ankle(house.folder)
    [answer] = await house.ask("!find XR26-1")
    assert "BROWN" not in answer.upper()
    assert "9990000018" not in answer.replace(" ", "")
    assert "1963" in answer
    assert "0018" in answer


async def test_a_wrong_check_digit_is_said_and_nothing_is_searched(house: House) -> None:
    [answer] = await house.ask("!find 999 000 0019")
    assert "check digit" in answer
    assert answer.endswith("[Q01]")
    assert not await looked(house)
    assert await queries(house) == 0


async def test_the_nobody_number_is_refused_although_its_check_digit_is_right(house: House) -> None:
    [answer] = await house.ask("!find 0000000000")
    assert "[Q02]" in answer
    assert not await looked(house)


async def test_what_is_not_there_is_said_with_what_to_do(house: House) -> None:
    dicom.ankle(house.folder)
    [answer] = await house.ask("!find 999 000 0026")
    assert answer == "No study found. Check the number, or search by family name and birth date. [Q20]"
    assert await queries(house) == 1


async def test_a_name_alone_is_not_searched(house: House) -> None:
    [answer] = await house.ask("!find Brown")
    assert "birth date" in answer
    assert not await looked(house)


async def test_by_name_at_most_five_are_shown(house: House) -> None:
    for number in range(7):
        dicom.ankle(house.folder, f"study {number}", views=1)
    [answer] = await house.ask("!find Brown 12/04/1963")
    assert sum(line[0].isdigit() for line in answer.splitlines()) == 5


@pytest.mark.parametrize(
    ("stored", "typed", "masked"),
    [
        ("Παπαδόπουλος^Άννα", "παπαδοπουλοσ", "Π**********"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "山田", "Y***** T****"),
        ("قباني^لنزار", "قباني", "ق****"),
    ],
)
async def test_names_of_other_scripts_are_found_and_shown(house: House, stored: str, typed: str, masked: str) -> None:
    dicom.ankle(house.folder, views=1, SpecificCharacterSet="ISO_IR 192", PatientName=stored)
    [answer] = await house.ask(f"!find {typed} 12/04/1963")
    assert masked in answer


async def test_a_found_list_is_kept_for_this_person_in_this_room(house: House) -> None:
    uid = dicom.ankle(house.folder)
    await house.ask("!find XR26-1")
    kept = await finds.recall(house.ledger, ROOM, ANNA, house.clock())
    assert kept is not None
    assert [(one["uid"], one["source"]) for one in kept.items] == [(uid, "radiology")]


async def test_a_search_without_result_takes_the_old_numbers_away(house: House) -> None:
    dicom.ankle(house.folder)
    await house.ask("!find XR26-1")
    await house.ask("!find XR26-9")
    assert await house.ask("1") == []


async def test_a_search_is_audited_without_what_was_searched(house: House) -> None:
    dicom.ankle(house.folder)
    await house.ask("!find 999 000 0018")
    [record] = [one.event for one in await audit.records(house.ledger) if one.event.kind is AuditKind.QUERY]
    assert (record.who, record.device_id, record.room_id) == (ANNA, "PHONE", ROOM)
    assert (record.patient, record.detail) == ("", "")


async def test_the_folder_gone_is_said_and_nothing_is_lost(house: House) -> None:
    house.folder.rmdir()
    [answer] = await house.ask("!find XR26-1")
    assert "radiology" in answer
    house.folder.mkdir()


async def test_find_without_words_says_what_to_type(house: House) -> None:
    [answer] = await house.ask("!find")
    assert "Type: !find <what>" in answer
