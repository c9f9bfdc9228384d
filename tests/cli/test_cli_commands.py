"""Commands against a real deployment: what they print, and what bad input is told."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cli_process import Here, environment, floyd
from deployment_process import DeploymentProcess

from worker.keys import load_key

COMMANDS = [
    "up", "backend", "worker", "rehearse", "ask", "watch", "show", "list", "answer", "hint", "cancel", "me",
    "token", "doctor", "facts list", "facts add", "facts remove", "facts accept", "facts reject", "facts import",
    "contacts list", "contacts add", "contacts remove",
]  # fmt: skip


@pytest.fixture
def env(deployment: DeploymentProcess) -> dict[str, str]:
    return environment(deployment.folder, {"CONVEX_URL": deployment.url})


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], env: dict[str, str]) -> Here:
    return Here(monkeypatch, capsys, env)


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Here:
    """Without a deployment."""
    return Here(monkeypatch, capsys, environment(tmp_path))


def new_person(here: Here, name: str) -> tuple[str, ...]:
    """A person of the test's own; the options that name them."""
    person = ("--person", name)
    done = here("me", *person, "--name", name.title())
    assert done.code == 0, done.err
    return person


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str, nowhere: Here) -> None:
    done = nowhere(*name.split(), "--help")
    assert done.code == 0, done.err
    assert f"Usage: floyd {name}" in " ".join(done.out.split())
    assert "Examples:" in done.out
    assert f"floyd {name}" in done.out.split("Examples:")[1]
    assert "--json" in done.out


def test_a_request_is_filed_listed_shown_and_cancelled(here: Here) -> None:
    person = new_person(here, "filer")
    asked = here("ask", "Ask whether they are open on Sunday", "--to", "+1 415 555 0142", *person, "--json")
    assert asked.code == 0, asked.err
    assert asked.json.keys() == {"requestId"}
    request_id = asked.json["requestId"]

    listed = here("list", *person, "--json").json["requests"]
    assert [request["_id"] for request in listed] == [request_id]

    cancelled = here("cancel", request_id, *person, "--json")
    assert cancelled.json == {"requestId": request_id, "status": "cancelled"}

    shown = here("show", request_id, *person, "--json").json
    assert shown.keys() == {"request", "calls", "transcript", "turns", "questions", "disclosures"}
    assert shown["request"]["status"] == "cancelled"
    assert shown["request"]["toNumber"] == "+14155550142"

    read = here("show", request_id, *person)
    assert "Ask whether they are open on Sunday" in read.out
    assert "cancelled" in read.out


def test_a_request_from_standard_input(here: Here, env: dict[str, str]) -> None:
    person = new_person(here, "piper")
    asked = floyd("ask", "-", *person, env=env, stdin="Order two dozen tulips\n")
    assert asked.code == 0, asked.err
    request_id = asked.out.strip()
    assert f"floyd watch {request_id}" in asked.err
    assert here("cancel", request_id, *person).code == 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["ask", "  "], "text: the request is empty"),
        (["ask", "x" * 20_000], "text: the request has 20,000 characters; the limit is 4,000"),
        (["ask", "hello", "--to", "555 0134"], "--to: "),
        (["ask", "hello", "--to", "+1 900 555 0123"], "premium"),
        (["ask", "hello", "--person", "nobody-here"], 'Floyd knows no person "nobody-here"'),
        (["ask", "hello", "--person", "not a name"], "is not a name for a person"),
        (["show", "abc"], '"abc" is not an id'),
        (["watch", "jh79fzmty4m8ypbpx1tjzxh4h9ra1mcz"], "has no request"),
        (["cancel", "jh79fzmty4m8ypbpx1tjzxh4h9ra1mcz"], "has no request"),
        (["answer", "jh79fzmty4m8ypbpx1tjzxh4h9ra1mcz", " "], "text: the answer is empty"),
        (["contacts", "add", "Florist", "12345"], "phone: "),
        (["facts", "add", ""], "text: the fact is empty"),
        (["facts", "import", "no-such-file.txt"], "cannot be read"),
        (["token", "--hours", "100000"], "hours"),
        (["token", "--worker", "--jwks"], "different things"),
        (["list", "--limit", "many"], "--limit"),
        (["call"], "No such command"),
    ],
)
def test_bad_input_is_named_in_a_line_without_a_traceback(
    here: Here, arguments: list[str], complaint: str
) -> None:
    done = here(*arguments)
    assert done.code == 2, done.err
    assert complaint in " ".join(done.err.split())
    assert "Traceback" not in done.err
    assert done.out == ""


def test_a_request_of_somebody_else_is_not_there(here: Here) -> None:
    one, other = new_person(here, "one"), new_person(here, "other")
    request_id = here("ask", "Mine alone", *one).out.strip()
    done = here("show", request_id, *other)
    assert done.code == 2
    assert "has no request" in done.err
    assert "Mine alone" not in done.out + done.err
    here("cancel", request_id, *one)


def test_facts_are_added_imported_once_listed_and_removed(here: Here, tmp_path: Path) -> None:
    person = new_person(here, "knower")
    fact_id = here("facts", "add", "We live at 12 Elm Street", "--sharing", "never", *person).out.strip()
    file = tmp_path / "facts.txt"
    file.write_text("Mara is in class 4B\nWe live at 12 Elm Street\nMara is in class 4B\n")
    imported = here("facts", "import", str(file), *person, "--json").json
    assert imported == {"read": 3, "added": 1}
    facts = here("facts", "list", *person, "--json").json["facts"]
    assert {(fact["text"], fact["sharing"]) for fact in facts} == {
        ("We live at 12 Elm Street", "never"),
        ("Mara is in class 4B", "free"),
    }
    assert here("facts", "remove", fact_id, *person).code == 0
    assert "Elm Street" not in here("facts", "list", *person).out


def test_what_was_learnt_is_turned_down_or_kept_by_its_owner_alone(here: Here) -> None:
    person, other = new_person(here, "learner"), new_person(here, "stranger")
    fact_id = here("facts", "add", "The office opens at seven", "--sharing", "ask", *person).out.strip()
    assert "no such fact" in here("facts", "reject", fact_id, *other).err
    assert here("facts", "reject", fact_id, *person).code == 0
    assert "(rejected)" in here("facts", "list", *person).out
    assert here("facts", "accept", fact_id, "--sharing", "free", *person, "--json").json["accepted"]
    (fact,) = here("facts", "list", *person, "--json").json["facts"]
    assert (fact["status"], fact["sharing"]) == ("accepted", "free")


def test_contacts_are_added_listed_and_removed(here: Here) -> None:
    person = new_person(here, "caller")
    added = here("contacts", "add", "Fernwood Florist", "+1 415-555-0142", "--alias", "florist", *person)
    contact_id = added.out.strip()
    (contact,) = here("contacts", "list", *person, "--json").json["contacts"]
    assert (contact["_id"], contact["phone"], contact["aliases"]) == (contact_id, "+14155550142", ["florist"])
    assert here("contacts", "remove", contact_id, *person).code == 0
    assert here("contacts", "list", *person, "--json").json["contacts"] == []


def test_a_person_changes_what_floyd_has_noted(here: Here) -> None:
    person = new_person(here, "changer")
    done = here("me", *person, "--name", "Sam Rivera", "--timezone", "Europe/Berlin", "--max-spend", "60")
    assert done.code == 0, done.err
    user = here("me", *person, "--json").json["user"]
    assert (user["name"], user["timezone"], user["limits"]["maxSpendUsd"]) == ("Sam Rivera", "Europe/Berlin", 60)
    wrong = here("me", *person, "--timezone", "Berlin")
    assert wrong.code == 2
    assert "timezone" in wrong.err


def test_call_hours_are_noted_kept_to_and_lifted(here: Here) -> None:
    person = new_person(here, "sleeper")
    # Whenever this test runs, it is outside a quarter of an hour that has just gone by.
    now = datetime.now(UTC)
    begin, end = (now - timedelta(minutes=minutes) for minutes in (20, 5))
    done = here("me", *person, "--timezone", "UTC", "--call-hours", f"{begin:%H:%M}-{end:%H:%M}")
    assert done.code == 0, done.err
    assert f"{begin:%H:%M} to {end:%H:%M}" in done.out
    request_id = here("ask", "Ask about the lease", "--to", "+14155550142", *person, "--json").json["requestId"]
    request = here("show", request_id, *person, "--json").json["request"]
    assert request["notBefore"] / 1000 == pytest.approx((begin + timedelta(days=1)).timestamp(), abs=60)
    assert "call hours" in here("show", request_id, *person).out
    assert "callHours" not in here("me", *person, "--call-hours", "any", "--json").json["user"]
    request = here("show", request_id, *person, "--json").json["request"]
    assert "movedFrom" not in request
    assert here("cancel", request_id, *person).code == 0
    for wrong in ("9-17", "09:00", "-", "25:00-26:00", "09:00-09:00"):
        done = here("me", *person, "--call-hours", wrong)
        assert done.code == 2, done.err
        assert "call" in done.err


def test_a_hint_needs_a_call_and_words(here: Here) -> None:
    person = new_person(here, "whisperer")
    request_id = here("ask", "Ask about the lease", "--to", "+14155550142", *person, "--json").json["requestId"]
    done = here("hint", request_id, "Friday would do", *person)
    assert done.code == 1
    assert "going on" in done.err
    assert here("hint", request_id, "  ", *person).code == 2
    assert here("hint", "nonsense", "Friday would do", *person).code == 2
    assert here("cancel", request_id, *person).code == 0


def test_a_token_opens_the_deployment(here: Here, deployment: DeploymentProcess) -> None:
    plain, full = here("token"), here("token", "--hours", "2", "--json").json
    assert plain.out.count(".") == 2
    assert (full["subject"], full["issuer"]) == ("person:owner", "https://floyd.local")
    jwks = here("token", "--jwks")
    assert f"npx convex env set FLOYD_JWKS '{deployment.key.jwks_uri}'" in jwks.out
    assert here("token", "--jwks", "--json").json["jwks"] == deployment.key.jwks_uri


def test_a_stranger_is_told_how_to_be_let_in(deployment: DeploymentProcess, tmp_path: Path) -> None:
    load_key(tmp_path)  # another data folder, so another key
    done = floyd("list", env=environment(tmp_path, {"CONVEX_URL": deployment.url}))
    assert done.code == 1
    assert "floyd token --jwks" in done.err


def test_nothing_runs(nowhere: Here) -> None:
    done = nowhere("list")
    assert done.code == 1
    assert "Nothing is running" in done.err
    assert "floyd up" in done.err


def test_the_deployment_is_down(nowhere: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as silent:  # bound and not listening: connections are refused
        silent.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setenv("CONVEX_URL", url)
        for arguments in (["list"], ["ask", "hello", "--wait"], ["watch", "jh79fzmty4m8ypbpx1tjzxh4h9ra1mcz"]):
            done = nowhere(*arguments)
            assert done.code == 1
            assert "does not answer" in done.err
            assert "floyd up" in done.err
            assert "Traceback" not in done.err


def test_a_wrong_setting_stops_a_command(nowhere: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOYD_CALL_OVERRIDE", "911")
    done = nowhere("list")
    assert done.code == 2
    assert "FLOYD_CALL_OVERRIDE" in done.err


def test_debug_shows_where(tmp_path: Path) -> None:
    assert "Traceback" in floyd("list", "--debug", env=environment(tmp_path)).err


def test_the_worker_alone_needs_a_deployment_and_all_vendors(tmp_path: Path) -> None:
    done = floyd("worker", env=environment(tmp_path))
    assert (done.code, "CONVEX_URL is not set" in done.err) == (2, True)
    done = floyd("worker", env=environment(tmp_path, {"CONVEX_URL": "http://127.0.0.1:1"}))
    assert (done.code, "google, openai, twilio" in done.err) == (2, True)


@pytest.mark.parametrize("text", ["", "x" * 20_000])
def test_up_refuses_a_bad_request_before_it_starts_anything(nowhere: Here, tmp_path: Path, text: str) -> None:
    done = nowhere("up", text)
    assert done.code == 1
    assert "text: the request" in done.err
    assert not (tmp_path / "logs").exists()


class TestDoctor:
    def test_a_fresh_machine(self, tmp_path: Path) -> None:
        done = floyd("doctor", "--json", env=environment(tmp_path))
        assert done.code == 0, done.out
        states = {check["name"]: check["state"] for check in done.json["checks"]}
        assert states["Python"] == states["Node"] == states["data folder"] == "ok"
        assert states["deployment"] == states["worker"] == "off"
        assert states["twilio"] == states["openai"] == states["google"] == "rehearsed"

    def test_a_deployment_that_takes_our_tokens(self, env: dict[str, str]) -> None:
        states = {check["name"]: check["state"] for check in floyd("doctor", "--json", env=env).json["checks"]}
        assert states["deployment"] == states["sign-in"] == "ok"

    def test_what_is_configured_and_away_is_a_failure_without_the_secret(self, tmp_path: Path) -> None:
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            away = f"127.0.0.1:{silent.getsockname()[1]}"
            variables = {
                "CONVEX_URL": f"http://{away}",
                "OPENAI_API_KEY": "sk-hush",
                "OPENAI_BASE_URL": f"http://{away}/v1",
                "TWILIO_API_BASE_URL": f"http://{away}",
                "TWILIO_ACCOUNT_SID": "AC1",
                "TWILIO_AUTH_TOKEN": "hush-hush",
                "TWILIO_PHONE_NUMBER": "+14155550199",
                "GOOGLE_SPEECH_ENDPOINT": away,
                "GOOGLE_SPEECH_PLAINTEXT": "1",
            }
            done = floyd("doctor", "--json", env=environment(tmp_path, variables))
        assert done.code == 1
        checks = {check["name"]: check for check in done.json["checks"]}
        for name in ("deployment", "twilio", "openai", "google"):
            assert checks[name]["state"] == "failed", checks[name]
            assert checks[name]["remedy"]
        assert "hush" not in done.out + done.err

    def test_who_listens(self, tmp_path: Path) -> None:
        def recogniser(**variables: str) -> dict[str, str]:
            done = floyd("doctor", "--json", env=environment(tmp_path, variables))
            return {check["name"]: check for check in done.json["checks"]}["recogniser"]

        assert recogniser()["detail"].startswith("google")
        rehearsed = recogniser(FLOYD_RECOGNIZER="openai", OPENAI_TRANSCRIPTION_MODEL="gpt-realtime-whisper")
        assert (rehearsed["state"], "openai: gpt-realtime-whisper" in rehearsed["detail"]) == ("ok", True)
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
            away = recogniser(FLOYD_RECOGNIZER="openai", OPENAI_API_KEY="sk-hush", OPENAI_BASE_URL=url)
        assert away["state"] == "failed"
        assert "FLOYD_RECOGNIZER=google" in away["remedy"]
        assert "hush" not in str(away)

    def test_wrong_settings_are_listed(self, tmp_path: Path) -> None:
        done = floyd(
            "doctor", "--json", env=environment(tmp_path, {"FLOYD_PORT": "x", "TWILIO_AUTH_TOKEN": "hush"})
        )
        assert done.code == 1
        failed = [check["detail"] for check in done.json["checks"] if check["state"] == "failed"]
        assert any("FLOYD_PORT" in detail for detail in failed)
        assert "hush" not in done.out
