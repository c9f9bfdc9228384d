"""`floyd token --link`: what it prints, for whom, and that nothing but its hash is kept."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from cli_process import Here, environment
from deployment_process import DeploymentProcess

from worker.deployment.http import HttpDeployment
from worker.web.secret import hash_of

PAGE = "https://floyd.example.com"


@pytest.fixture
def here(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], deployment: DeploymentProcess
) -> Here:
    variables = {"CONVEX_URL": deployment.url, "FLOYD_PUBLIC_URL": PAGE}
    return Here(monkeypatch, capsys, environment(deployment.folder, variables))


async def _redeem(deployment: DeploymentProcess, link: str) -> dict[str, object]:
    functions: HttpDeployment = deployment.as_worker()
    try:
        used = {"codeHash": hash_of(link.partition("#")[2]), "secretHash": hash_of(link)}
        return dict(await functions.mutation("signIn:redeem", used))
    finally:
        await functions.close()


def redeemed(deployment: DeploymentProcess, link: str) -> dict[str, object]:
    """What the link begins, once it is used."""
    return asyncio.run(_redeem(deployment, link))


def test_it_prints_a_link_and_how_long_it_lasts(here: Here, deployment: DeploymentProcess) -> None:
    done = here("token", "--link")
    assert done.code == 0, done.err
    link = done.out.strip()
    assert link.startswith(f"{PAGE}/sign-in#")
    assert len(link.partition("#")[2]) == 43
    assert "once, within 15 minutes" in done.err
    begun = redeemed(deployment, link)
    assert (begun["kind"], begun["subject"]) == ("granted", "person:owner")
    # The machine's owner runs this Floyd.
    assert begun["operator"] is True
    assert link.partition("#")[2] not in "".join(deployment.log)


def test_a_link_for_somebody_new_says_so_and_is_no_operators(here: Here, deployment: DeploymentProcess) -> None:
    done = here("token", "--link", "--person", "newcomer", "--name", "Nina Comer")
    assert "does not know newcomer yet" in done.err
    begun = redeemed(deployment, done.out.strip())
    assert (begun["subject"], begun["operator"], begun["name"]) == ("person:newcomer", False, "Nina Comer")


def test_an_operators_link_is_made_when_asked_for(here: Here, deployment: DeploymentProcess) -> None:
    done = here("token", "--link", "--person", "newcomer", "--operator", "--json")
    assert done.json.keys() == {"url", "subject", "expiresAt"}
    assert 14 * 60 < done.json["expiresAt"] / 1000 - time.time() < 16 * 60
    assert redeemed(deployment, done.json["url"])["operator"] is True


def test_each_link_is_another(here: Here) -> None:
    assert here("token", "--link").out != here("token", "--link").out


def test_the_page_may_be_elsewhere(here: Here) -> None:
    made = here("token", "--link", "--page", "https://page.example.com/")
    assert made.out.startswith("https://page.example.com/sign-in#")
    wrong = here("token", "--link", "--page", "page.example.com")
    assert (wrong.code, wrong.out) == (2, "")
    assert "--page" in wrong.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--link", "--worker"], "--link"),
        (["--link", "--jwks"], "--link"),
        (["--name", "Nina"], "--name"),
        (["--link", "--person", "a b"], '"a b" is not a name'),
        (["--link", "--person", "nina", "--name", "x" * 500], "name"),
    ],
)
def test_what_makes_no_sense_is_refused(here: Here, arguments: list[str], said: str) -> None:
    done = here("token", *arguments)
    assert done.code in (1, 2)
    assert done.out == ""
    assert said in done.err


def test_without_a_page_it_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    alone = Here(monkeypatch, capsys, environment(tmp_path))
    assert "floyd up" in alone("token", "--link").err
    with_deployment = Here(monkeypatch, capsys, environment(tmp_path, {"CONVEX_URL": "http://127.0.0.1:9"}))
    assert "--page" in with_deployment("token", "--link").err
