from __future__ import annotations

from itertools import count

from bot.matrix.events import RawEvent
from bot.matrix.waiting import ALL, EACH, Waiting, WaitingRoom

_numbers = count()


def waiting(sender: str = "@anna:a.example", size: int = 0, since: str = "s1", until: float = 10.0) -> Waiting:
    event = RawEvent(f"${next(_numbers)}", "!r:a.example", sender, "m.room.encrypted", {"ciphertext": "x" * size}, 0)
    return Waiting(event, since, until, "no key")


def test_what_waits_is_in_order_and_holds_the_token_of_the_oldest() -> None:
    room = WaitingRoom()
    first, second = waiting(since="s1", until=12), waiting(since="s2", until=11)
    room.enter(first)
    room.enter(second)
    assert room.all() == [first, second]
    assert (room.token, room.next_until) == ("s1", 11)
    room.leave(first)
    assert room.token == "s2"
    room.clear()
    assert not room.all()
    assert len(room) == 0


def test_an_event_that_comes_again_keeps_its_time() -> None:
    room, one = WaitingRoom(), waiting(until=10)
    room.enter(one)
    room.enter(Waiting(one.event, "later", 99, "no key"))
    assert room.all() == [one]


def test_one_person_cannot_fill_it_and_others_still_wait() -> None:
    room = WaitingRoom()
    for _ in range(50):
        room.enter(waiting("@eve:evil.example", size=60_000))
    honest = waiting()
    room.enter(honest)
    patient = [one for one in room.all() if one.until > 0]
    assert sum(one.size for one in patient if one.event.sender != honest.event.sender) <= EACH
    assert honest in patient


def test_many_people_together_cannot_fill_more_than_all_of_it() -> None:
    room = WaitingRoom()
    for number in range(400):
        room.enter(waiting(f"@eve{number}:evil.example", size=60_000))
    assert sum(one.size for one in room.all() if one.until > 0) <= ALL


def test_who_has_left_gives_room_to_others() -> None:
    room, large = WaitingRoom(), waiting(size=900_000)
    room.enter(large)
    room.leave(large)
    again = waiting(size=900_000)
    room.enter(again)
    assert room.all() == [again]
