"""What is configured, from the environment and from `.env` and `.env.local` beside the project.

The environment wins over `.env.local`, which wins over `.env`. A name that is set to nothing counts as not set,
and hides the same name in the files: `OPENAI_API_KEY= floyd up` rehearses the model whatever the files hold.

A vendor (Twilio, OpenAI, Google) whose base URL or endpoint is set is used there, whoever serves it; one with
neither key nor endpoint is rehearsed (see `rehearsed_vendors`).
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import MutableMapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

import phonenumbers
from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from worker.web.rtc.ice import read_host, read_servers

PROJECT_ROOT = Path(__file__).resolve().parents[1]
"""The folder that holds `convex/`, `embedded/` and the scripts."""

ENV_FILES = (PROJECT_ROOT / ".env", PROJECT_ROOT / ".env.local")

DEFAULT_ISSUER = "https://floyd.local"
"""`iss` of the tokens that Floyd signs itself; the same default stands in `convex/identity.ts`."""

NO_KEY_NEEDED = "none-needed"
"""Sent where an endpoint of one's own wants no key: the official clients refuse to start without one."""

# ITU-T E.164: a plus sign, a country code that does not begin with 0, at most 15 digits in all.
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_NUMBER_DECORATION = re.compile(r"[\s().\-]")


PRICED_UNITS = ("promptTokens", "completionTokens", "speechChars", "recognisedSeconds", "seconds")
"""What a call uses, as the deployment counts it."""


class Vendor(StrEnum):
    TWILIO = "twilio"
    OPENAI = "openai"
    GOOGLE = "google"


class SettingsError(Exception):
    """A setting is wrong or missing. One line per problem; each names the variable and the remedy."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def e164(number: str) -> str:
    """The number in E.164 form (`+14155550134`); spaces, dots, hyphens and brackets are dropped.

    Raises ValueError, with an example, for anything that is not a possible number."""
    compact = _NUMBER_DECORATION.sub("", number)
    example = 'write it in E.164 form, with the country code, like "+14155550134"'
    if not _E164.fullmatch(compact):
        raise ValueError(f'"{number}" is not a phone number; {example}')
    try:
        possible = phonenumbers.is_possible_number(phonenumbers.parse(compact, None))
    except phonenumbers.NumberParseException:
        possible = False
    if not possible:
        raise ValueError(f'"{number}" is not a number that exists in that country; {example}')
    return compact


def _http_url(value: str) -> str:
    parts = urlsplit(value.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f'"{value}" is not an address; write it like "https://example.com"')
    try:
        _ = parts.port
    except ValueError:
        raise ValueError(f'"{value}" has no valid port; write it like "http://127.0.0.1:3210"') from None
    return value.strip().rstrip("/")


def _origin(value: str) -> str:
    address = _http_url(value)
    parts = urlsplit(address)
    if f"{parts.scheme}://{parts.netloc}" != address or "@" in parts.netloc:
        raise ValueError(f'"{value}" is more than an origin; write it like "https://calls.example.com"')
    return address


def _issuer(value: str) -> str:
    """As it is written: with some providers the slash at the end belongs to it."""
    _http_url(value)
    return value.strip()


def _origins(value: str) -> str:
    """Tidied: `https://a.example,https://b.example`."""
    return ",".join(_http_url(part) for part in value.split(",") if part.strip())


def _host_and_port(value: str) -> str:
    host, _, port = value.strip().rpartition(":")
    if not host or "/" in host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f'"{value}" is not host:port; write it like "speech.googleapis.com:443"')
    return value.strip()


def _google_voice(value: str) -> str:
    if not re.fullmatch(r"[a-z]{2,3}-[A-Z]{2}-[\w-]{1,60}", value.strip()):
        raise ValueError(f'"{value}" is not the name of a voice; write it like "en-US-Chirp3-HD-Aoede"')
    return value.strip()


def _existing_file(value: Path) -> Path:
    expanded = value.expanduser()
    if not expanded.is_file():
        raise ValueError(f'"{value}" is not a file; give the path of the service account\'s JSON key')
    return expanded


def _ice_servers(value: SecretStr) -> SecretStr:
    read_servers(value.get_secret_value())
    return value


def _prices(value: str) -> str:
    """As `convex/pricing.ts` reads them; there a wrong one would be no price, without a word."""
    example = (
        f'write US dollars for one, like {{"promptTokens": 0.0000002}}; the units are {", ".join(PRICED_UNITS)}'
    )
    try:
        prices = json.loads(value)
    except ValueError:
        raise ValueError(f"it is not JSON; {example}") from None
    if not isinstance(prices, dict) or not prices.keys() <= set(PRICED_UNITS):
        raise ValueError(f"it names something else than units; {example}")
    for price in prices.values():
        if isinstance(price, bool) or not isinstance(price, int | float) or not 0 <= price < math.inf:
            raise ValueError(f'"{price}" is not a price; {example}')
    return value.strip()


def _absolute(value: Path) -> Path:
    return value.expanduser().absolute()


HttpUrl = Annotated[str, AfterValidator(_http_url)]
Origins = Annotated[str, AfterValidator(_origins)]
"""Several addresses in one variable; `listed` takes them apart."""
E164Number = Annotated[str, AfterValidator(e164)]


class Settings(BaseSettings):
    """Every setting is named as its environment variable, in lower case (but `worker_token`)."""

    model_config = SettingsConfigDict(env_file=ENV_FILES, extra="ignore", frozen=True, populate_by_name=True)

    convex_url: HttpUrl | None = Field(
        None, description="The deployment. Not set: the embedded one, which `floyd up` starts."
    )
    convex_site_url: HttpUrl | None = Field(
        None, description="Its HTTP actions (`POST /requests`). On Convex Cloud it follows from CONVEX_URL."
    )
    floyd_issuer: str = Field(
        DEFAULT_ISSUER,
        min_length=1,
        description="`iss` of Floyd's own tokens; the deployment must expect the same.",
    )
    worker_token: SecretStr | None = Field(
        None,
        validation_alias="FLOYD_WORKER_TOKEN",
        description="The worker's service token. Not set: made with the key in the data folder.",
    )

    floyd_data_dir: Annotated[Path, AfterValidator(_absolute)] = Field(
        PROJECT_ROOT / ".floyd",
        description="Key, embedded database, logs, rendered openings, recordings. Relative to the current folder.",
    )
    floyd_port: int = Field(3220, ge=0, le=65535, description="The worker's HTTP port; 0 takes any free one.")
    floyd_public_url: HttpUrl | None = Field(
        None,
        description="Where Twilio reaches the worker (a tunnel, or a host name). Needed with the real Twilio.",
    )
    floyd_web_convex_url: HttpUrl | None = Field(
        None, description="Where browsers reach the deployment, when that is not CONVEX_URL."
    )
    floyd_web_address: Annotated[str, AfterValidator(_origin)] | None = Field(
        None,
        description="Where browsers reach this worker. Needed with several: a call is heard where it is.",
    )
    floyd_web_origins: Origins = Field(
        "", description="Pages hosted elsewhere that may use this worker: their origins, separated by commas."
    )
    floyd_web_connect: Origins = Field(
        "", description="Further origins that the page may connect to: other workers, an identity provider."
    )
    floyd_rehearsed: str = Field(
        "", description="The vendors that stand-ins play, so that the page can say so; `floyd up` sets it."
    )
    floyd_oidc_issuer: Annotated[str, AfterValidator(_issuer)] | None = Field(
        None, description="Another identity provider, whose people may sign in; `floyd up` tells the deployment."
    )
    floyd_oidc_audience: str | None = Field(None, description="`aud` of its tokens for Floyd.")
    floyd_oidc_jwks: str | None = Field(
        None, description="Address of its keys, or a data: URI, when it has no discovery document."
    )
    floyd_oidc_algorithm: Literal["RS256", "ES256"] = Field("RS256", description="With FLOYD_OIDC_JWKS.")
    floyd_call_override: E164Number | None = Field(
        None, description="For development: every call goes to this number, whoever it is meant for."
    )
    floyd_drain_seconds: float = Field(
        60, ge=0, le=3600, description="How long calls may go on when the worker is told to stop."
    )
    floyd_conversation: Literal["cascade", "realtime"] = Field(
        "cascade",
        description="cascade: recogniser, language model and voice; realtime: OpenAI's speech-to-speech model.",
    )
    floyd_prices: Annotated[str, AfterValidator(_prices)] | None = Field(
        None,
        description="What a call's usage costs: a JSON object of US dollars per unit. Not set: none is shown.",
    )
    floyd_line: Literal["telephone", "browser"] = Field(
        "telephone",
        description="telephone: Twilio, or its rehearsal; browser: the page rings, and you are whoever is called.",
    )
    floyd_recognizer: Literal["google", "openai"] = Field(
        "google", description="Who recognises speech: google, or openai (then Google needs no key)."
    )
    floyd_voice: Literal["openai", "google"] = Field(
        "openai", description="Who speaks: openai, or google (Cloud Text-to-Speech)."
    )
    floyd_max_calls: int = Field(20, ge=1, le=1000, description="Calls that this worker makes at the same time.")

    floyd_ice_servers: Annotated[SecretStr, AfterValidator(_ice_servers)] | None = Field(
        None,
        description="STUN and TURN servers for audio between page and worker, as WebRTC has them: "
        '[{"urls": "turn:...", "username": "...", "credential": "..."}]. Not set: none.',
    )
    floyd_rtc_host: Annotated[str, AfterValidator(read_host)] | None = Field(
        None, description="The worker's IP address as browsers reach it, where it is not one of this machine's."
    )

    twilio_account_sid: str | None = Field(None, description="Twilio account (AC...).")
    twilio_auth_token: SecretStr | None = Field(
        None, description="Its auth token; also verifies the signatures of Twilio's webhooks."
    )
    twilio_phone_number: E164Number | None = Field(None, description="Your Twilio number, the caller's id.")
    twilio_api_base_url: HttpUrl | None = Field(None, description="In place of https://api.twilio.com.")

    openai_api_key: SecretStr | None = Field(
        None, description="Any text for a server of your own that wants none."
    )
    openai_base_url: HttpUrl | None = Field(
        None, description="In place of https://api.openai.com/v1: any server with the Chat Completions API."
    )
    openai_model: str = Field("gpt-4.1-mini", min_length=1, description="The language model.")
    openai_tts_model: str = Field("gpt-4o-mini-tts", min_length=1, description="The model that speaks.")
    openai_tts_voice: str = Field("alloy", min_length=1, description="Its voice.")
    openai_realtime_model: str = Field(
        "gpt-realtime-1.5",
        min_length=1,
        description="With FLOYD_CONVERSATION=realtime: the speech-to-speech model. Its voice is OPENAI_TTS_VOICE.",
    )
    openai_transcription_model: str = Field(
        "gpt-live-transcribe", min_length=1, description="With FLOYD_RECOGNIZER=openai: the model that listens."
    )

    google_application_credentials: Annotated[Path, AfterValidator(_existing_file)] | None = Field(
        None, description="The service account's JSON key, for Google's Speech-to-Text and Text-to-Speech."
    )
    google_speech_endpoint: Annotated[str, AfterValidator(_host_and_port)] | None = Field(
        None, description="host:port in place of speech.googleapis.com:443."
    )
    google_speech_plaintext: bool = Field(
        False, description="1: no TLS to GOOGLE_SPEECH_ENDPOINT; for loopback only."
    )
    google_tts_voice: Annotated[str, AfterValidator(_google_voice)] = Field(
        "en-US-Chirp3-HD-Aoede", description="With FLOYD_VOICE=google: one of the Chirp 3 HD voices, which stream."
    )
    google_tts_endpoint: Annotated[str, AfterValidator(_host_and_port)] | None = Field(
        None, description="host:port in place of texttospeech.googleapis.com:443."
    )
    google_tts_plaintext: bool = Field(False, description="1: no TLS to GOOGLE_TTS_ENDPOINT; for loopback only.")

    @model_validator(mode="before")
    @classmethod
    def _nothing_is_not_set(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        kept = {
            name: value for name, value in values.items() if not (isinstance(value, str) and not value.strip())
        }
        if "openai_base_url" in kept:
            kept.setdefault("openai_api_key", NO_KEY_NEEDED)
        return kept

    @model_validator(mode="after")
    def _vendors_are_whole(self) -> Self:
        # Half a configuration is a mistake, not a wish to rehearse: say which half is missing.
        if self.floyd_line == "telephone":
            self._twilio_is_whole()
        if (self.floyd_oidc_issuer is None) != (self.floyd_oidc_audience is None):
            missing, there = (
                ("FLOYD_OIDC_ISSUER", "FLOYD_OIDC_AUDIENCE")
                if self.floyd_oidc_issuer is None
                else ("FLOYD_OIDC_AUDIENCE", "FLOYD_OIDC_ISSUER")
            )
            raise ValueError(f"{there} is set without {missing}: set both, or neither")
        if self.floyd_oidc_issuer and self.floyd_oidc_issuer.rstrip("/") == self.floyd_issuer.rstrip("/"):
            raise ValueError("FLOYD_OIDC_ISSUER is Floyd's own FLOYD_ISSUER: give the other provider's")
        if self.google_speech_plaintext and self.google_speech_endpoint is None:
            raise ValueError(
                "GOOGLE_SPEECH_PLAINTEXT is set without GOOGLE_SPEECH_ENDPOINT: set that, or unset it"
            )
        if self.google_tts_plaintext and self.google_tts_endpoint is None:
            raise ValueError("GOOGLE_TTS_PLAINTEXT is set without GOOGLE_TTS_ENDPOINT: set that, or unset it")
        return self

    def _twilio_is_whole(self) -> None:
        sid, token = self.twilio_account_sid, self.twilio_auth_token
        if (sid is None) != (token is None):
            missing, there = (
                ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN")
                if sid is None
                else ("TWILIO_AUTH_TOKEN", "TWILIO_ACCOUNT_SID")
            )
            raise ValueError(f"{there} is set without {missing}: set both, or neither to rehearse the phone line")
        if self.twilio_api_base_url and sid is None:
            raise ValueError(
                "TWILIO_API_BASE_URL is set without TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN: set those that "
                "this server expects (the token also verifies its webhooks)"
            )
        if sid is not None and self.twilio_phone_number is None:
            raise ValueError("TWILIO_PHONE_NUMBER is not set: set it to the Twilio number that calls come from")
        if sid is not None and self.twilio_api_base_url is None and self.floyd_public_url is None:
            raise ValueError(
                "FLOYD_PUBLIC_URL is not set: Twilio must reach this worker; set it to the address of a tunnel "
                f"to port {self.floyd_port}, or of this host"
            )

    @property
    def public_url(self) -> str:
        """Where the carrier reaches the worker. A rehearsed carrier is on this machine."""
        return self.floyd_public_url or f"http://127.0.0.1:{self.floyd_port}"

    @property
    def site_url(self) -> str | None:
        """Where the deployment's HTTP actions are."""
        if self.convex_site_url or self.convex_url is None:
            return self.convex_site_url
        if self.convex_url.endswith(".convex.cloud"):
            return self.convex_url.removesuffix(".convex.cloud") + ".convex.site"
        return None


def rehearsed_vendors(settings: Settings) -> frozenset[Vendor]:
    """The vendors that are used, with neither key nor endpoint."""
    keys: dict[Vendor, tuple[object, object]] = {
        Vendor.OPENAI: (settings.openai_api_key, settings.openai_base_url),
    }
    if settings.floyd_line == "telephone":
        keys[Vendor.TWILIO] = (settings.twilio_account_sid, settings.twilio_api_base_url)
    listens = settings.floyd_recognizer == "google" and settings.floyd_conversation != "realtime"
    speaks = settings.floyd_voice == "google"
    if listens or speaks:
        endpoint = (listens and settings.google_speech_endpoint) or (speaks and settings.google_tts_endpoint)
        keys[Vendor.GOOGLE] = (settings.google_application_credentials, endpoint)
    return frozenset(vendor for vendor, (key, endpoint) in keys.items() if not key and not endpoint)


def listed(origins: str) -> list[str]:
    return [part for part in origins.split(",") if part]


def load_settings(env_files: tuple[Path, ...] | None = None, **values: Any) -> Settings:
    """The settings of this process. `values` come before the environment (by field name).

    Raises `SettingsError`."""
    files = ENV_FILES if env_files is None else env_files
    try:
        return Settings(**{"_env_file": files, **values})
    except ValidationError as error:
        raise SettingsError([_problem(dict(detail)) for detail in error.errors()]) from None


def environment_of(settings: Settings) -> dict[str, str]:
    """These settings as environment variables for another process of Floyd's. What is not set is empty, so that
    the other process does not find something else in the files. Holds secrets."""
    variables = {}
    for field, info in Settings.model_fields.items():
        value = getattr(settings, field)
        name = str(info.validation_alias or field).upper()
        match value:
            case None:
                variables[name] = ""
            case SecretStr():
                variables[name] = value.get_secret_value()
            case bool():
                variables[name] = "1" if value else ""
            case _:
                variables[name] = str(value)
    return variables


def forget_empty(environment: MutableMapping[str, str]) -> None:
    """Remove settings that are set to nothing from a process's environment, once they were read: the vendors'
    clients look there too, and take an empty address for an address."""
    for field, info in Settings.model_fields.items():
        name = str(info.validation_alias or field).upper()
        if not environment.get(name, "set").strip():
            del environment[name]


def _problem(detail: dict[str, Any]) -> str:
    """One line for one mistake. Values are not repeated but by our own validators, which see no secrets."""
    message = str(detail["msg"]).removeprefix("Value error, ")
    if not detail["loc"]:
        return message
    name = str(detail["loc"][0]).upper()
    source = "environment" if name in os.environ else "environment or .env.local"
    return f"{name}: {message} (set in the {source})"
