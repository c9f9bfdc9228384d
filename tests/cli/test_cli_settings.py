"""What is configured, what is rehearsed, and what a wrong setting is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from worker.cli.supervise.admin import deployment_environment
from worker.settings import (
    NO_KEY_NEEDED,
    Settings,
    SettingsError,
    Vendor,
    e164,
    environment_of,
    forget_empty,
    load_settings,
    rehearsed_vendors,
)

ALL = {Vendor.TWILIO, Vendor.OPENAI, Vendor.GOOGLE}
TWILIO = {
    "TWILIO_ACCOUNT_SID": "AC0123456789",
    "TWILIO_AUTH_TOKEN": "not-a-real-token",
    "TWILIO_PHONE_NUMBER": "+14155550199",
    "FLOYD_PUBLIC_URL": "https://floyd.example.com",
}


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without any of Floyd's settings."""
    for name, info in Settings.model_fields.items():
        monkeypatch.delenv(str(info.validation_alias or name).upper(), raising=False)
    return monkeypatch


def load(variables: pytest.MonkeyPatch, values: dict[str, str], *files: Path) -> Settings:
    for name, value in values.items():
        variables.setenv(name, value)
    return load_settings(files)


@pytest.mark.parametrize(
    ("values", "rehearsed"),
    [
        ({}, ALL),
        (TWILIO, {Vendor.OPENAI, Vendor.GOOGLE}),
        ({**TWILIO, "TWILIO_API_BASE_URL": "http://127.0.0.1:1"}, {Vendor.OPENAI, Vendor.GOOGLE}),
        ({"OPENAI_API_KEY": "a-key"}, {Vendor.TWILIO, Vendor.GOOGLE}),
        ({"OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}, {Vendor.TWILIO, Vendor.GOOGLE}),
        ({"GOOGLE_SPEECH_ENDPOINT": "127.0.0.1:1"}, {Vendor.TWILIO, Vendor.OPENAI}),
        ({"FLOYD_RECOGNIZER": "openai"}, {Vendor.TWILIO, Vendor.OPENAI}),
        ({"FLOYD_RECOGNIZER": "openai", "OPENAI_API_KEY": "a-key"}, {Vendor.TWILIO}),
        ({"FLOYD_RECOGNIZER": "openai", "FLOYD_VOICE": "google"}, ALL),
        (
            {"FLOYD_RECOGNIZER": "openai", "FLOYD_VOICE": "google", "GOOGLE_TTS_ENDPOINT": "127.0.0.1:1"},
            {Vendor.TWILIO, Vendor.OPENAI},
        ),
        ({"OPENAI_API_KEY": "", "OPENAI_BASE_URL": "  "}, ALL),
        ({"OPENAI_MODEL": "another", "TWILIO_PHONE_NUMBER": "+14155550199"}, ALL),
    ],
)
def test_a_vendor_without_key_and_endpoint_is_rehearsed(
    variables: pytest.MonkeyPatch, values: dict[str, str], rehearsed: set[Vendor]
) -> None:
    assert rehearsed_vendors(load(variables, values)) == rehearsed


def test_googles_key_is_a_file(variables: pytest.MonkeyPatch, tmp_path: Path) -> None:
    key = tmp_path / "key.json"
    with pytest.raises(SettingsError, match=r"GOOGLE_APPLICATION_CREDENTIALS: .*is not a file"):
        load(variables, {"GOOGLE_APPLICATION_CREDENTIALS": str(key)})
    key.write_text("{}")
    settings = load(variables, {"GOOGLE_APPLICATION_CREDENTIALS": str(key)})
    assert Vendor.GOOGLE not in rehearsed_vendors(settings)


def test_a_recogniser_that_nobody_knows_is_refused_with_those_there_are(variables: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match=r"FLOYD_RECOGNIZER: .*'google' or 'openai'"):
        load(variables, {"FLOYD_RECOGNIZER": "ears"})


def test_prices_go_to_the_deployment_as_they_are_written(variables: pytest.MonkeyPatch, tmp_path: Path) -> None:
    prices = '{"promptTokens": 2.5e-7, "seconds": 0}'
    settings = load(variables, {"FLOYD_PRICES": f" {prices} ", "FLOYD_DATA_DIR": str(tmp_path)})
    assert deployment_environment(settings)["FLOYD_PRICES"] == prices


def test_an_endpoint_that_wants_no_key_gets_a_placeholder(variables: pytest.MonkeyPatch) -> None:
    settings = load(variables, {"OPENAI_BASE_URL": "http://127.0.0.1:11434/v1/"})
    assert settings.openai_api_key is not None
    assert settings.openai_api_key.get_secret_value() == NO_KEY_NEEDED
    assert settings.openai_base_url == "http://127.0.0.1:11434/v1"


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"TWILIO_PHONE_NUMBER": "911"}, "TWILIO_PHONE_NUMBER: .*E.164"),
        ({"FLOYD_CALL_OVERRIDE": "0800 123"}, "FLOYD_CALL_OVERRIDE: .*E.164"),
        ({"FLOYD_CALL_OVERRIDE": "+1"}, "FLOYD_CALL_OVERRIDE: .*E.164"),
        ({"FLOYD_PORT": "http"}, "FLOYD_PORT: .*integer"),
        ({"FLOYD_PORT": "70000"}, "FLOYD_PORT: .*65535"),
        ({"FLOYD_MAX_CALLS": "0"}, "FLOYD_MAX_CALLS: "),
        ({"CONVEX_URL": "happy-animal"}, "CONVEX_URL: .*is not an address"),
        ({"CONVEX_URL": "http://127.0.0.1:99999"}, "CONVEX_URL: .*no valid port"),
        ({"GOOGLE_SPEECH_ENDPOINT": "https://speech.example.com"}, "GOOGLE_SPEECH_ENDPOINT: .*host:port"),
        ({"GOOGLE_SPEECH_PLAINTEXT": "1"}, "without GOOGLE_SPEECH_ENDPOINT"),
        ({"GOOGLE_TTS_ENDPOINT": "tts.example.com"}, "GOOGLE_TTS_ENDPOINT: .*host:port"),
        ({"GOOGLE_TTS_PLAINTEXT": "1"}, "without GOOGLE_TTS_ENDPOINT"),
        ({"GOOGLE_TTS_VOICE": "Aoede"}, "GOOGLE_TTS_VOICE: .*en-US-Chirp3-HD-Aoede"),
        ({"FLOYD_WEB_ADDRESS": "calls.example.com"}, "FLOYD_WEB_ADDRESS: .*not an address"),
        ({"FLOYD_WEB_ADDRESS": "https://example.com/floyd"}, "FLOYD_WEB_ADDRESS: .*more than an origin"),
        ({"FLOYD_WEB_ADDRESS": "https://me@example.com"}, "FLOYD_WEB_ADDRESS: .*more than an origin"),
        ({"FLOYD_PRICES": "0.1"}, "FLOYD_PRICES: .*names something else"),
        ({"FLOYD_PRICES": '{"seconds": 0.1'}, "FLOYD_PRICES: .*not JSON.*promptTokens"),
        ({"FLOYD_PRICES": '{"minutes": 0.1}'}, "FLOYD_PRICES: .*recognisedSeconds"),
        ({"FLOYD_PRICES": '{"seconds": "0.1"}'}, "FLOYD_PRICES: .*not a price"),
        ({"FLOYD_PRICES": '{"seconds": -1}'}, "FLOYD_PRICES: .*not a price"),
        ({"FLOYD_PRICES": '{"seconds": NaN}'}, "FLOYD_PRICES: .*not a price"),
        ({"FLOYD_PRICES": '{"seconds": true}'}, "FLOYD_PRICES: .*not a price"),
        ({"FLOYD_VOICE": "mine"}, "FLOYD_VOICE: .*'openai' or 'google'"),
        ({"TWILIO_ACCOUNT_SID": "AC1"}, "TWILIO_ACCOUNT_SID is set without TWILIO_AUTH_TOKEN"),
        ({"TWILIO_AUTH_TOKEN": "x"}, "TWILIO_AUTH_TOKEN is set without TWILIO_ACCOUNT_SID"),
        ({"TWILIO_API_BASE_URL": "http://127.0.0.1:1"}, "TWILIO_API_BASE_URL is set without"),
        ({**TWILIO, "TWILIO_PHONE_NUMBER": ""}, "TWILIO_PHONE_NUMBER is not set"),
        ({**TWILIO, "FLOYD_PUBLIC_URL": ""}, "FLOYD_PUBLIC_URL is not set.*tunnel"),
    ],
)
def test_a_wrong_setting_is_named(variables: pytest.MonkeyPatch, values: dict[str, str], complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        load(variables, values)


def test_every_wrong_setting_is_named_at_once(variables: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError) as caught:
        load(variables, {"FLOYD_PORT": "x", "CONVEX_URL": "y"})
    assert len(caught.value.problems) == 2


def test_the_environment_wins_over_the_files_even_when_empty(
    variables: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shared, local = tmp_path / ".env", tmp_path / ".env.local"
    shared.write_text("FLOYD_PORT=1111\nFLOYD_MAX_CALLS=7\nUNRELATED=1\n")
    local.write_text("FLOYD_PORT=2222\nOPENAI_API_KEY=from-the-file\n")
    settings = load(variables, {}, shared, local)
    assert (settings.floyd_port, settings.floyd_max_calls) == (2222, 7)
    assert rehearsed_vendors(settings) == {Vendor.TWILIO, Vendor.GOOGLE}
    settings = load(variables, {"FLOYD_PORT": "3333", "OPENAI_API_KEY": ""}, shared, local)
    assert settings.floyd_port == 3333
    assert rehearsed_vendors(settings) == ALL


def test_secrets_are_not_shown(variables: pytest.MonkeyPatch) -> None:
    settings = load(variables, {**TWILIO, "OPENAI_API_KEY": "sk-hush", "FLOYD_WORKER_TOKEN": "hush-token"})
    shown = repr(settings) + str(settings)
    for secret in ("not-a-real-token", "sk-hush", "hush-token"):
        assert secret not in shown


def test_a_wrong_setting_does_not_show_the_secret_beside_it(variables: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError) as caught:
        load(variables, {**TWILIO, "OPENAI_API_KEY": "sk-hush", "FLOYD_PUBLIC_URL": ""})
    assert "sk-hush" not in str(caught.value)
    assert "not-a-real-token" not in str(caught.value)


def test_settings_survive_the_way_through_an_environment(variables: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = load(
        variables,
        {
            **TWILIO,
            "FLOYD_DATA_DIR": str(tmp_path),
            "FLOYD_WORKER_TOKEN": "a-token",
            "GOOGLE_SPEECH_ENDPOINT": "127.0.0.1:9",
            "GOOGLE_SPEECH_PLAINTEXT": "1",
            "FLOYD_PORT": "0",
        },
    )
    other = load(variables, environment_of(settings))
    assert other == settings


def test_empty_settings_are_taken_out_of_the_environment() -> None:
    environment = {"OPENAI_BASE_URL": "", "OPENAI_API_KEY": "kept", "FLOYD_WORKER_TOKEN": " ", "OTHER": ""}
    forget_empty(environment)
    assert environment == {"OPENAI_API_KEY": "kept", "OTHER": ""}


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("+1 (415) 555-0134", "+14155550134"),
        ("+1.415.555.0134", "+14155550134"),
        ("+49 30 901820", "+4930901820"),
    ],
)
def test_numbers_are_brought_into_one_form(written: str, number: str) -> None:
    assert e164(written) == number


@pytest.mark.parametrize(
    "written", ["", "911", "415 555 0134", "+0123456789", "+1415555013a", "+" + "9" * 16, "+999"]
)
def test_what_is_no_number_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"E\.164"):
        e164(written)


def test_the_site_of_a_cloud_deployment_follows_from_its_address(variables: pytest.MonkeyPatch) -> None:
    settings = load(variables, {"CONVEX_URL": "https://happy-animal-123.convex.cloud/"})
    assert settings.site_url == "https://happy-animal-123.convex.site"
