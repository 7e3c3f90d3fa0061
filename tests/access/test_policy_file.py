from __future__ import annotations

from pathlib import Path

import pytest

import config
from access.policy import Policy
from access.policy_file import load_policy
from config.wrong import ConfigurationWrong

EXAMPLE = Path(config.__file__).parent / "policy.toml"


def write(directory: Path, text: str) -> Path:
    path = directory / "policy.toml"
    path.write_text(text, "utf-8")
    return path


def test_the_example_is_the_default() -> None:
    assert load_policy(EXAMPLE, "a.example") == Policy.of("a.example")


def test_the_commented_line_of_the_example_works(tmp_path: Path) -> None:
    text = EXAMPLE.read_text("utf-8").replace("\nforeign_servers = []", "")
    text = text.replace("# foreign_servers =", "foreign_servers =")
    policy = load_policy(write(tmp_path, text), "a.example")
    assert policy.welcomes("@x:matrix.hospital-b.example")
    assert policy.welcomes("@x:pacs.trust-c.example")
    assert not policy.welcomes("@x:trust-c.example")


def test_an_empty_file_is_the_default(tmp_path: Path) -> None:
    assert load_policy(write(tmp_path, ""), "a.example") == Policy.of("a.example")


def test_a_rule_without_rooms_is_for_every_room(tmp_path: Path) -> None:
    policy = load_policy(write(tmp_path, '[[rules]]\npeople = ["@anna:a.example"]\nmay = ["find"]\n'), "a.example")
    assert policy.grants("@anna:a.example", "!any:where") == {"find"}
    assert policy.grants("@ben:a.example", "!any:where") == frozenset()


def test_programs_are_named_by_the_operator(tmp_path: Path) -> None:
    text = 'bots = ["@clerk*"]\nknown_bots = ["@clerk-1:a.example"]\n'
    policy = load_policy(write(tmp_path, text), "a.example")
    assert policy.suspects("@clerk-2:b.example")
    assert not policy.suspects("@clerk-1:a.example")
    assert not policy.suspects("@some-bot:b.example")


def test_the_commented_lists_of_programs_work(tmp_path: Path) -> None:
    text = EXAMPLE.read_text("utf-8").replace("# bots =", "bots =").replace("# known_bots =", "known_bots =")
    policy = load_policy(write(tmp_path, text), "a.example")
    assert policy.suspects("@a-bot:a.example")
    assert not policy.suspects("@carrierbag-bot:matrix.hospital-b.example")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            '[[rules]]\npeople = ["own"]\nmay = ["delete"]',
            'rules[1].may should be a list of "find", "share" and "admin"',
        ),
        ('[[rules]]\npeople = ["anna"]\nmay = ["find"]', "rules[1].people should be a list with"),
        ('[[rules]]\npeople = []\nmay = ["find"]', "rules[1].people should be"),
        ('[[rules]]\nmay = ["find"]', "rules[1].people should be"),
        ('[[rules]]\npeople = ["own"]\nrooms = ["#alias:x"]\nmay = ["find"]', "rules[1].rooms should be"),
        ('bots = ["clerk"]', 'bots should be a list of patterns like "@*-bot"'),
        ('known_bots = ["*"]', "known_bots should be a list of Matrix IDs"),
        ('known_bots = ["@clerk-bot"]', "known_bots should be a list of Matrix IDs"),
        ('foreign_servers = ["*"]', "foreign_servers should be a list of server names"),
        ('forein_servers = ["x"]', "forein_servers is not a setting. Did you mean foreign_servers?"),
        ("rules = 3", "rules should be one or more tables [[rules]]"),
    ],
)
def test_a_wrong_policy_is_refused_with_what_it_should_be(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigurationWrong) as refusal:
        load_policy(write(tmp_path, text), "a.example")
    assert words in refusal.value.sentence
