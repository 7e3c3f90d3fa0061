from __future__ import annotations

import re
from pathlib import Path

import pytest

import config
from config.errors import Mistake, NotAllowed
from config.example import write_example
from config.settings import Settings, load_settings, read_secret
from config.wrong import ConfigurationWrong

EXAMPLE = Path(config.__file__).parent / "carrierbag.toml"
SECRET = "correct-horse-battery-staple"
GOOD = {
    "": 'policy_file = "policy.toml"',
    "matrix": 'homeserver = "https://m.example"\nuser_id = "@bot:example"\npassword_file = "password"',
    "state": 'directory = "state"',
    "sources": 'kind = "folder"\nname = "radiology"\npath = "studies"',
}


def write(directory: Path, **changed: str) -> Path:
    parts = GOOD | {"" if name == "top" else name: text for name, text in changed.items()}
    heads = {"": "", "sources": "[[sources]]\n"}
    text = "\n".join(heads.get(name, f"[{name}]\n") + part for name, part in parts.items())
    path = directory / "carrierbag.toml"
    path.write_text(text, "utf-8")
    return path


def faults(path: Path) -> tuple[str, ...]:
    with pytest.raises(ConfigurationWrong) as refusal:
        load_settings(path)
    assert SECRET not in str(refusal.value)
    return refusal.value.faults


def test_the_example_loads_and_its_comments_show_the_defaults(tmp_path: Path) -> None:
    settings = load_settings(EXAMPLE)
    assert settings.matrix.server == "example.org"
    assert settings.sources[0].path == EXAMPLE.parent / "studies"
    everything = re.sub(r"^# (\w+ = )", r"\1", EXAMPLE.read_text("utf-8"), flags=re.MULTILINE)
    shown = tmp_path / "carrierbag.toml"
    shown.write_text(re.sub(r"^access_token_file.*\n", "", everything, flags=re.MULTILINE), "utf-8")
    loaded = load_settings(shown)
    assert loaded.delivery == settings.delivery
    assert loaded.log == settings.log
    assert loaded.matrix.device_name == settings.matrix.device_name
    assert loaded.state.key_file == Path("/run/secrets/carrierbag-key")


def test_every_setting_stands_in_the_example() -> None:
    text = EXAMPLE.read_text("utf-8")
    sections = [Settings, *(field.annotation for field in Settings.model_fields.values() if field.annotation)]
    models = [one for one in sections if isinstance(one, type) and hasattr(one, "model_fields")]
    names = {field.alias or name for model in models for name, field in model.model_fields.items()}
    assert {name for name in names if not re.search(rf"\b{name}\b", text)} == set()


def test_paths_are_relative_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    settings = load_settings(write(tmp_path))
    assert settings.state.directory == tmp_path / "state"
    assert settings.policy_file == tmp_path / "policy.toml"
    assert settings.matrix.password_file == tmp_path / "password"


def test_a_home_and_an_absolute_path_are_taken_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/bot")
    settings = load_settings(write(tmp_path, state='directory = "~/state"\nkey_file = "/run/key"'))
    assert settings.state.directory == Path("/home/bot/state")
    assert settings.state.key_file == Path("/run/key")


def test_defaults(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path))
    assert settings.delivery.part_bytes == 50_000_000
    assert settings.delivery.spool_bytes == 20_000_000_000
    assert (settings.log.level, settings.log.as_json, settings.matrix.device_name) == ("info", False, "carrierbag")


@pytest.mark.parametrize(
    ("words", "size"),
    [
        ('"50 MB"', 50_000_000),
        ('"50MB"', 50_000_000),
        ('"1.5 GiB"', 1_610_612_736),
        ("2000000", 2_000_000),
        ('"2000000 B"', 2_000_000),
        ('"10 mib"', 10_485_760),
    ],
)
def test_sizes_are_written_as_people_write_them(tmp_path: Path, words: str, size: int) -> None:
    assert load_settings(write(tmp_path, delivery=f"part_bytes = {words}")).delivery.part_bytes == size


@pytest.mark.parametrize(
    "words", ['"50 quux"', '"-5 MB"', '"MB"', '""', "true", "1.5", '"1e9"', '"5 MB MB"', "10", '"9 GB"']
)
def test_a_wrong_size_is_refused(tmp_path: Path, words: str) -> None:
    [fault] = faults(write(tmp_path, delivery=f"part_bytes = {words}"))
    assert fault.startswith('delivery.part_bytes should be the largest attachment, from "1 MB" to "4 GB"')


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:8008",
        "http://localhost:1",
        "http://[::1]:8008",
        "https://m.example:8448",
        "https://m.example/",
    ],
)
def test_addresses_of_homeservers(tmp_path: Path, address: str) -> None:
    text = GOOD["matrix"].replace("https://m.example", address)
    assert load_settings(write(tmp_path, matrix=text)).matrix.homeserver == address.rstrip("/")


@pytest.mark.parametrize(
    "address",
    [
        "http://m.example",
        "m.example",
        "ftp://m.example",
        f"https://bot:{SECRET}@m.example",
        "https://",
        "https://m.example?x=1",
        "https://m.example:port",
        "http://127.0.0.1.evil.example",
        "",
    ],
)
def test_a_wrong_address_is_refused(tmp_path: Path, address: str) -> None:
    [fault] = faults(write(tmp_path, matrix=GOOD["matrix"].replace("https://m.example", address)))
    assert fault.startswith("matrix.homeserver should be the address of your homeserver, like")


@pytest.mark.parametrize(
    "user_id", ["bot", "@bot", "@bot:", "@:example", "bot:example", "@b ot:example", "@bot:exa mple"]
)
def test_a_wrong_matrix_id_is_refused(tmp_path: Path, user_id: str) -> None:
    [fault] = faults(write(tmp_path, matrix=GOOD["matrix"].replace("@bot:example", user_id)))
    assert fault.startswith("matrix.user_id should be the Matrix ID of the bot's own account, like")


@pytest.mark.parametrize("secrets", ["", 'password_file = "p"\naccess_token_file = "t"'])
def test_exactly_one_secret_is_named(tmp_path: Path, secrets: str) -> None:
    text = GOOD["matrix"].replace('password_file = "password"', secrets)
    assert faults(write(tmp_path, matrix=text)) == (
        "matrix should have exactly one of password_file and access_token_file.",
    )


def test_a_key_inside_of_the_state_directory_is_refused(tmp_path: Path) -> None:
    [fault] = faults(write(tmp_path, state='directory = "state"\nkey_file = "x/../state/key"'))
    assert fault.startswith("state.key_file should be a path outside of state.directory")


def test_an_unknown_setting_is_refused_and_the_near_one_named(tmp_path: Path) -> None:
    text = GOOD["matrix"].replace('password_file = "password"', f'pasword = "{SECRET}"\npassword_file = "p"')
    assert faults(write(tmp_path, matrix=text)) == (
        "matrix.pasword is not a setting. Did you mean matrix.password_file?",
    )
    assert faults(write(tmp_path, log="jsn = true")) == ("log.jsn is not a setting. Did you mean log.json?",)


def test_an_unknown_table_is_refused(tmp_path: Path) -> None:
    [fault] = faults(write(tmp_path, zzz="a = 1"))
    assert fault.startswith("zzz is not a setting. Known here: matrix, state, sources, ")


def test_a_missing_setting_is_named(tmp_path: Path) -> None:
    [fault] = faults(write(tmp_path, state=""))
    assert fault.startswith("state.directory should be the path of a directory of the bot's own")
    assert fault.endswith("; it is missing.")


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    found = faults(write(tmp_path, top="", log='level = "loud"', sources='kind = "disc"\nname = ""'))
    assert [fault.split(" ", 1)[0] for fault in found] == [
        "sources[1].kind",
        "sources[1].name",
        "sources[1].path",
        "policy_file",
        "log.level",
    ]


def test_two_sources_of_one_name_are_refused(tmp_path: Path) -> None:
    twice = GOOD["sources"] + "\n[[sources]]\n" + GOOD["sources"].replace("radiology", "Radiology")
    assert faults(write(tmp_path, sources=twice)) == ("sources should each have a name of their own.",)


def test_no_source_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path)
    path.write_text("sources = []\n" + path.read_text("utf-8").split("[[sources]]")[0], "utf-8")
    assert faults(path) == ("sources should be at least one table [[sources]] that says where studies are.",)


@pytest.mark.parametrize("text", [b"[matrix", b"\xff\xfe", b"a = 1\na = 2"])
def test_a_file_that_is_not_toml_is_refused(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "carrierbag.toml"
    path.write_bytes(text)
    [fault] = faults(path)
    assert "should be" in fault


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    [fault] = faults(tmp_path / "nowhere.toml")
    assert fault.endswith("cannot be read: No such file or directory.")


def test_settings_do_not_change(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path))
    with pytest.raises(ValueError, match="frozen"):
        settings.policy_file = tmp_path  # type: ignore[misc]


def test_a_secret_is_read_without_its_line_end_and_never_shown(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text(f"{SECRET}\n", "utf-8")
    path.chmod(0o600)
    secret = read_secret(path)
    assert secret.get_secret_value() == SECRET
    assert SECRET not in f"{secret!r} {secret}"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_secret_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "password"
    path.write_text(SECRET, "utf-8")
    path.chmod(mode)
    with pytest.raises(NotAllowed, match="chmod 600") as refusal:
        read_secret(path)
    assert SECRET not in str(refusal.value)


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff\xfe"])
def test_a_secret_that_is_none_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "password"
    if content is not None:
        path.write_bytes(content)
        path.chmod(0o600)
    with pytest.raises(ConfigurationWrong, match="password"):
        read_secret(path)


def test_init_writes_the_examples_and_never_overwrites(tmp_path: Path) -> None:
    directory = tmp_path / "new" / "bot"
    written = write_example(directory)
    assert [path.name for path in written] == ["carrierbag.toml", "policy.toml"]
    assert load_settings(written[0]).policy_file == written[1]
    written[0].unlink()
    written[1].write_text("mine", "utf-8")
    with pytest.raises(Mistake, match="exists already"):
        write_example(directory)
    assert written[1].read_text("utf-8") == "mine"
    assert not written[0].exists()


def test_init_into_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(Mistake, match="cannot be written"):
        write_example(tmp_path / "file")
