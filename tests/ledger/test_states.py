from __future__ import annotations

import pytest

from ledger.states import MOVES, SENTENCES, UNFINISHED, ShareState, allowed

S = ShareState
ALLOWED = {
    (S.OPENED, S.PREVIEWING),
    (S.PREVIEWING, S.DELIVERING),
    (S.DELIVERING, S.DELIVERED),
    *((here, there) for here in (S.OPENED, S.PREVIEWING, S.DELIVERING) for there in (S.WAITING,)),
    *((S.WAITING, there) for there in (S.OPENED, S.PREVIEWING, S.DELIVERING)),
    *((here, there) for here in UNFINISHED for there in (S.CANCELLED, S.FAILED)),
}


@pytest.mark.parametrize("here", ShareState)
@pytest.mark.parametrize("there", ShareState)
def test_a_share_makes_only_the_moves_of_the_table(here: ShareState, there: ShareState) -> None:
    assert allowed(here, there) == ((here, there) in ALLOWED)


@pytest.mark.parametrize("state", ShareState)
def test_every_state_has_its_moves_and_a_sentence(state: ShareState) -> None:
    assert state in MOVES
    assert SENTENCES[state].endswith(".")
    assert state.finished == (state not in UNFINISHED)


def test_every_state_can_be_reached_and_every_unfinished_one_can_end() -> None:
    reached = {S.OPENED}.union(*MOVES.values())
    assert reached == set(S)
    assert all(MOVES[state] & {S.DELIVERED, S.CANCELLED, S.FAILED} for state in UNFINISHED)
