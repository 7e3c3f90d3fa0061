"""The operator's policy file, read into a `Policy`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field, ValidationError

from access.globs import account_pattern, bot_pattern, people_pattern, room_pattern, server_pattern
from access.policy import BOTS, Policy
from config.settings import Section, read_toml
from config.wrong import ConfigurationWrong, faults

if TYPE_CHECKING:
    from pathlib import Path


def _people(glob: str) -> str:
    people_pattern(glob, "server")
    return glob


def _room(glob: str) -> str:
    room_pattern(glob)
    return glob


def _server(glob: str) -> str:
    server_pattern(glob)
    return glob


def _bot(glob: str) -> str:
    bot_pattern(glob)
    return glob


def _account(glob: str) -> str:
    account_pattern(glob)
    return glob


class RuleTable(Section):
    """One table [[rules]]."""

    people: tuple[Annotated[str, AfterValidator(_people)], ...] = Field(
        min_length=1, description='a list with "own", "*", or patterns of Matrix IDs like "@dr.*:example.org"'
    )
    rooms: tuple[Annotated[str, AfterValidator(_room)], ...] = Field(
        default=("*",), min_length=1, description='a list with "*", or patterns of room IDs like "!*:example.org"'
    )
    may: tuple[Literal["find", "share", "admin"], ...] = Field(
        min_length=1, description='a list of "find", "share" and "admin"'
    )


class PolicyTable(Section):
    """The whole file."""

    foreign_servers: tuple[Annotated[str, AfterValidator(_server)], ...] = Field(
        default=(), description='a list of server names like "hospital-b.example" or "*.trust-c.example", but not "*"'
    )
    rules: tuple[RuleTable, ...] = Field(
        default=(RuleTable(people=("own",), may=("find", "share")),), description="one or more tables [[rules]]"
    )
    bots: tuple[Annotated[str, AfterValidator(_bot)], ...] = Field(
        default=BOTS, description='a list of patterns like "@*-bot" or "@_*:example.org"'
    )
    known_bots: tuple[Annotated[str, AfterValidator(_account)], ...] = Field(
        default=(), description='a list of Matrix IDs, or patterns of them, like "@clerk-bot:hospital-b.example"'
    )


def load_policy(path: Path, own_server: str) -> Policy:
    """Read and check the file. Raises `ConfigurationWrong` with one sentence for each fault."""
    try:
        table = PolicyTable.model_validate(read_toml(path))
    except ValidationError as error:
        raise ConfigurationWrong(path.name, faults(PolicyTable, error)) from None
    return Policy.of(
        own_server,
        foreign_servers=table.foreign_servers,
        rules=[(rule.people, rule.rooms, rule.may) for rule in table.rules],
        bots=table.bots,
        known_bots=table.known_bots,
    )
