"""The operator's settings: one TOML file, read once at start, refused with a sentence for each thing that is wrong.

Secrets never stand in it: it names the files that hold them. Relative paths are relative to the file.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, model_validator

from config import values
from config.errors import NotAllowed
from config.trust import TrustLevel
from config.wrong import ConfigurationWrong, faults

FilePath = Annotated[Path, BeforeValidator(values.resolved_path)]
Size = Annotated[int, BeforeValidator(values.bytes_from_words)]
Level = Annotated[TrustLevel, BeforeValidator(TrustLevel.of)]
#: Of `delivery.speed.Way`: what needs a receiver that can open it.
Codings = tuple[Literal["jpeg-ls", "htj2k"], ...]


class Section(BaseModel):
    """One table of the file. Each field's description says what the setting should be: refusals quote it."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class MatrixSettings(Section):
    """Which account the bot uses on which homeserver."""

    homeserver: Annotated[str, BeforeValidator(values.homeserver_address)] = Field(
        description='the address of your homeserver, like "https://matrix.example.org" (http only for this machine)'
    )
    user_id: Annotated[str, BeforeValidator(values.matrix_id)] = Field(
        description='the Matrix ID of the bot\'s own account, like "@carrierbag:example.org"'
    )
    password_file: FilePath | None = Field(
        default=None, description="the path of a file, readable by the bot's user only, that holds the password"
    )
    access_token_file: FilePath | None = Field(
        default=None, description="the path of a file, readable by the bot's user only, that holds an access token"
    )
    device_name: Annotated[str, BeforeValidator(values.device_name)] = Field(
        default="carrierbag", description="the name others see for the bot's device, 1 to 100 characters"
    )

    @property
    def server(self) -> str:
        """The bot's own server name."""
        return self.user_id.partition(":")[2]

    @model_validator(mode="after")
    def _one_secret(self) -> Self:
        if (self.password_file is None) == (self.access_token_file is None):
            raise ValueError("matrix should have exactly one of password_file and access_token_file")
        return self


class StateSettings(Section):
    """What must outlive a restart."""

    directory: FilePath = Field(
        description="the path of a directory of the bot's own, which it makes and keeps private"
    )
    key_file: FilePath | None = Field(
        default=None, description="the path of the file for the bot's main key, outside of the state directory"
    )

    @model_validator(mode="after")
    def _key_elsewhere(self) -> Self:
        if self.key_file is not None and self.key_file.resolve().is_relative_to(self.directory.resolve()):
            raise ValueError(
                "state.key_file should be a path outside of state.directory: a thief of one lacks the other"
            )
        return self


class FolderSettings(Section):
    """A tree of DICOM files."""

    kind: Literal["folder"] = Field(description='the kind of source: "folder"')
    name: Annotated[str, BeforeValidator(values.source_name)] = Field(
        description="your users' word for this source, 1 to 40 characters"
    )
    path: FilePath = Field(description="the path of a folder with DICOM files")


class DeliverySettings(Section):
    """How studies are packed and sent."""

    part_bytes: Size = Field(
        default=50_000_000,
        ge=1_000_000,
        le=4_000_000_000,
        description='the largest attachment, from "1 MB" to "4 GB"; the server\'s own limit counts as well',
    )
    spool_bytes: Size = Field(
        default=20_000_000_000,
        ge=10_000_000,
        description='the most that encrypted attachments on their way may take on this disk, at least "10 MB"',
    )
    opens: Codings = Field(
        default=("jpeg-ls",),
        description='a list of the lossless compressions that receivers open, of "jpeg-ls" and "htj2k"; [] for none',
    )

    @model_validator(mode="after")
    def _two_parts_fit(self) -> Self:
        if self.spool_bytes < 2 * self.part_bytes:
            raise ValueError("delivery.spool_bytes should be at least twice delivery.part_bytes: one is sent, one made")
        return self


class DestinationSettings(Section):
    """What another organisation's server and workstations take. Nobody can ask them: it is what they told you."""

    server: Annotated[str, BeforeValidator(values.server_name)] = Field(
        description='the name of another server, as it stands behind the colon of its users, like "trust-b.example"'
    )
    part_bytes: Size | None = Field(
        default=None,
        ge=1_000_000,
        le=4_000_000_000,
        description='the largest attachment that server takes, from "1 MB" to "4 GB"',
    )
    opens: Codings | None = Field(
        default=None,
        description='a list of the lossless compressions that its workstations and PACS open, of "jpeg-ls" and '
        '"htj2k"; [] for none',
    )


class TrustSettings(Section):
    """Which devices of other people are believed, and which get our messages."""

    receive: Level = Field(
        default=TrustLevel.CROSS_SIGNED_TOFU,
        description='the least trust in a device whose commands are obeyed: "unverified", "cross-signed-untrusted", '
        '"cross-signed-tofu" or "cross-signed-verified"',
    )
    send: Level = Field(
        default=TrustLevel.CROSS_SIGNED_TOFU,
        description='the least trust in a device that gets messages: "unverified", "cross-signed-untrusted", '
        '"cross-signed-tofu" or "cross-signed-verified"',
    )


class AdminSettings(Section):
    """Where those who run the bot hear from it."""

    room: Annotated[str, BeforeValidator(values.room_id)] | None = Field(
        default=None, description='the ID of an encrypted room of your administrators, like "!AbCdEf:example.org"'
    )


class LogSettings(Section):
    """What the operator reads."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description='"debug", "info", "warning" or "error"'
    )
    as_json: bool = Field(default=False, alias="json", description="true (a line of JSON per event) or false")


class Settings(Section):
    """The whole file."""

    matrix: MatrixSettings = Field(description="a table [matrix] that says which account the bot uses")
    state: StateSettings = Field(description="a table [state] that says where the bot keeps its own things")
    sources: tuple[FolderSettings, ...] = Field(
        min_length=1, description="at least one table [[sources]] that says where studies are"
    )
    delivery: DeliverySettings = Field(default=DeliverySettings(), description="a table [delivery]")
    destinations: tuple[DestinationSettings, ...] = Field(
        default=(), description="tables [[destinations]] that say what other servers take"
    )
    policy_file: FilePath = Field(description='the path of the policy file, like "policy.toml"')
    trust: TrustSettings = Field(default=TrustSettings(), description="a table [trust]")
    admin: AdminSettings = Field(default=AdminSettings(), description="a table [admin]")
    log: LogSettings = Field(default=LogSettings(), description="a table [log]")

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [source.name.casefold() for source in self.sources]
        if len(set(names)) < len(names):
            raise ValueError("sources should each have a name of their own")
        return self

    @model_validator(mode="after")
    def _destinations_differ(self) -> Self:
        servers = [one.server for one in self.destinations]
        if len(set(servers)) < len(servers):
            raise ValueError("destinations should name each server once")
        return self


def load_settings(path: Path) -> Settings:
    """Read and check the file. Raises `ConfigurationWrong` with one sentence for each fault, and never a value."""
    table = read_toml(path)
    try:
        return Settings.model_validate(table, context={"base": path.absolute().parent})
    except ValidationError as error:
        raise ConfigurationWrong(path.name, faults(Settings, error)) from None


def read_toml(path: Path) -> dict[str, object]:
    """A TOML file as a table. Raises `ConfigurationWrong` when it cannot be read as one."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigurationWrong(path.name, [f"{path} cannot be read: {error.strerror}."]) from None
    except UnicodeDecodeError:
        raise ConfigurationWrong(path.name, [f"{path} should be a text file in UTF-8."]) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationWrong(path.name, [f"{path} should be TOML: {error}."]) from None


def read_secret(path: Path) -> SecretStr:
    """The content of a password or token file, without the line end. Refuses a file that others can read."""
    try:
        mode = path.stat().st_mode
        text = path.read_text("utf-8").strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ConfigurationWrong(path.name, [f"The secret in {path} cannot be read: {reason}."]) from None
    if mode & 0o077:
        raise NotAllowed(f"The secret in {path} can be read by others. Run: chmod 600 {path}", "S05")
    if not text:
        raise ConfigurationWrong(path.name, [f"{path} should hold a password or a token; it is empty."])
    return SecretStr(text)
