"""What `floyd doctor` looks at. Each check has a deadline, says what it found, and never shows a secret."""

from __future__ import annotations

import asyncio
import base64
import json
import platform
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import aiohttp

from worker.cli.failure import CliError
from worker.cli.options import OWNER
from worker.cli.session import connect
from worker.cli.supervise import programs
from worker.cli.supervise.ports import LOOPBACK, Port, is_free
from worker.cli.supervise.running import Running
from worker.deployment.client import DeploymentUnavailable, FunctionError
from worker.keys import KeyFileError, load_key
from worker.settings import Settings, Vendor, rehearsed_vendors

DEADLINE_S = 5.0
"""For one look at a vendor on the other side of the world."""

GOOGLE_SPEECH = "speech.googleapis.com:443"
GOOGLE_TTS = "texttospeech.googleapis.com:443"
TWILIO_API = "https://api.twilio.com"
OPENAI_API = "https://api.openai.com/v1"


class State(StrEnum):
    OK = "ok"
    REHEARSED = "rehearsed"
    OFF = "off"  # not there, and nothing says that it should be
    FAILED = "failed"


@dataclass(frozen=True)
class Check:
    name: str
    state: State
    detail: str
    remedy: str = ""


def check_python() -> Check:
    # A Python before 3.11 does not get this far: it cannot read the modules that brought it here.
    return Check("Python", State.OK, f"{platform.python_version()} ({sys.executable})")


async def check_node() -> Check:
    try:
        process = await asyncio.create_subprocess_exec(
            programs.node(), "--version", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        async with asyncio.timeout(DEADLINE_S):
            out, _ = await process.communicate()
    except (CliError, OSError, TimeoutError) as error:
        return Check("Node", State.FAILED, str(error) or "no answer", "Run scripts/setup, which brings it")
    return Check("Node", State.OK, out.decode().strip())


def check_data_folder(settings: Settings) -> Check:
    folder = settings.floyd_data_dir
    try:
        key = load_key(folder)
    except KeyFileError as error:
        return Check("data folder", State.FAILED, str(error), "Check the folder, or set FLOYD_DATA_DIR")
    return Check("data folder", State.OK, f"{folder} (signing key {key.public_jwk['kid'][:8]}…)")


def check_ports(settings: Settings, running: Running | None) -> Check:
    if running is not None:
        return Check("ports", State.OK, "in use by the running Floyd")
    wanted = {port.value for port in Port if port is not Port.WORKER} | {settings.floyd_port}
    taken = sorted(port for port in wanted if port and not is_free(port))
    if not taken:
        return Check("ports", State.OK, f"free: {', '.join(str(port) for port in sorted(wanted) if port)}")
    return Check(
        "ports", State.OFF, f"taken: {', '.join(map(str, taken))}", "`floyd up` takes others in their place"
    )


async def check_deployment(settings: Settings, running: Running | None) -> list[Check]:
    url = settings.convex_url or (running.url if running else None)
    if url is None:
        return [Check("deployment", State.OFF, "the embedded one, not running", "Start it with `floyd up`")]
    whose = "CONVEX_URL" if settings.convex_url else "embedded"
    async with connect(settings, url, OWNER, running) as connection:
        try:
            version = await connection.deployment.version()
        except DeploymentUnavailable as error:
            remedy = "Check CONVEX_URL" if settings.convex_url else "Start it anew with `floyd up`"
            return [Check("deployment", State.FAILED, str(error), remedy)]
        there = Check("deployment", State.OK, f"{url} ({whose}, version {version})")
        try:
            user = await connection.query("users:me")
        except (FunctionError, DeploymentUnavailable) as error:
            remedy = "`floyd token --jwks` prints what must be set there; `npx convex deploy` brings the functions"
            return [there, Check("sign-in", State.FAILED, str(error), remedy)]
    who = f"works for {user['name']}" if user else "knows nobody yet"
    return [there, Check("sign-in", State.OK, f"this data folder's tokens are accepted; Floyd {who}")]


async def check_worker(settings: Settings, running: Running | None) -> Check:
    if running is None and settings.convex_url is None:
        # Whoever answers on the usual port works for another data folder: this one's deployment is not running.
        return Check("worker", State.OFF, "not running", "Start it with `floyd up`")
    url = running.worker_url if running else f"http://{LOOPBACK}:{settings.floyd_port}"
    try:
        status, text = await _get(f"{url}/readyz")
    except _Unreachable as error:
        if running is None:
            return Check("worker", State.OFF, "not running", "Start it with `floyd up` or `floyd worker`")
        return Check("worker", State.FAILED, f"{url}: {error}", "Its log is logs/worker.log in the data folder")
    if status == 200:
        return Check("worker", State.OK, f"ready at {url}")
    if running is None and status != 503:
        return Check("worker", State.OFF, f"another program has port {settings.floyd_port}", "Set FLOYD_PORT")
    return Check("worker", State.FAILED, f"not ready ({status}): {text[:200]}", "Its log says why")


async def check_vendors(settings: Settings) -> list[Check]:
    rehearsed = rehearsed_vendors(settings)
    looks = {
        Vendor.TWILIO: _check_twilio,
        Vendor.OPENAI: _check_openai,
        Vendor.GOOGLE: _check_google,
    }
    if settings.floyd_voice != "google" and (
        settings.floyd_recognizer != "google" or settings.floyd_conversation == "realtime"
    ):
        del looks[Vendor.GOOGLE]  # nobody asks it
    if settings.floyd_line != "telephone":
        del looks[Vendor.TWILIO]
    checks = await asyncio.gather(*(look(settings) for vendor, look in looks.items() if vendor not in rehearsed))
    missing = {
        Vendor.TWILIO: "TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and TWILIO_PHONE_NUMBER",
        Vendor.OPENAI: "OPENAI_API_KEY",
        Vendor.GOOGLE: "GOOGLE_APPLICATION_CREDENTIALS",
    }
    return [
        *checks,
        *(
            Check(vendor.value, State.REHEARSED, f"{missing[vendor]} not set: a stand-in takes its place")
            for vendor in looks
            if vendor in rehearsed
        ),
        _check_line(settings),
        await _check_recognizer(settings, rehearsed),
        _check_voice(settings),
    ]


def _check_line(settings: Settings) -> Check:
    """What rings when Floyd calls somebody."""
    if settings.floyd_line == "telephone":
        return Check("line", State.OK, "telephone: twilio (FLOYD_LINE)")
    return Check("line", State.OK, "browser: the page rings, and nobody is called by telephone (FLOYD_LINE)")


async def _check_recognizer(settings: Settings, rehearsed: frozenset[Vendor]) -> Check:
    """Who listens. A server in OpenAI's place may have models and no transcription: so it is asked."""
    if settings.floyd_conversation == "realtime":
        return Check("recogniser", State.OFF, "the conversation's model hears for itself (FLOYD_CONVERSATION)")
    if settings.floyd_recognizer == "google":
        return Check("recogniser", State.OK, "google (FLOYD_RECOGNIZER)")
    who = f"openai: {settings.openai_transcription_model} (FLOYD_RECOGNIZER)"
    if Vendor.OPENAI in rehearsed:
        return Check("recogniser", State.OK, who)
    from worker.speech.openai_transcription import OpenAIRecognizer  # late: it takes a second to import
    from worker.speech.recognizer import RecognizerUnavailable

    recognizer = OpenAIRecognizer(settings)
    try:
        async with asyncio.timeout(DEADLINE_S):
            await recognizer.warm_up()
    except (RecognizerUnavailable, TimeoutError) as error:
        remedy = "Check OPENAI_API_KEY and OPENAI_BASE_URL, or set FLOYD_RECOGNIZER=google"
        return Check("recogniser", State.FAILED, str(error) or f"no answer in {DEADLINE_S:g} s", remedy)
    finally:
        await recognizer.close()
    return Check("recogniser", State.OK, who)


def _check_voice(settings: Settings) -> Check:
    """Who speaks. Whether they can be reached is found out with their vendor."""
    if settings.floyd_voice == "google":
        vendor, name = Vendor.GOOGLE, settings.google_tts_voice
    else:
        vendor, name = Vendor.OPENAI, f"{settings.openai_tts_model}, {settings.openai_tts_voice}"
    return Check("voice", State.OK, f"{vendor.value}: {name} (FLOYD_VOICE)")


async def check_public_url(settings: Settings) -> Check | None:
    if settings.floyd_public_url is None:
        return None
    try:
        status, _ = await _get(f"{settings.floyd_public_url}/healthz")
    except _Unreachable as error:
        return Check("public URL", State.FAILED, f"{settings.floyd_public_url}: {error}", "Is the tunnel running?")
    if status == 200:
        return Check("public URL", State.OK, f"{settings.floyd_public_url} leads to a worker")
    return Check(
        "public URL",
        State.FAILED,
        f"{settings.floyd_public_url}/healthz answers {status}",
        f"Lead it to port {settings.floyd_port}, and start the worker",
    )


async def _check_twilio(settings: Settings) -> Check:
    base = settings.twilio_api_base_url or TWILIO_API
    secret = settings.twilio_auth_token.get_secret_value() if settings.twilio_auth_token else ""
    pair = base64.b64encode(f"{settings.twilio_account_sid}:{secret}".encode()).decode()
    url = f"{base}/2010-04-01/Accounts/{settings.twilio_account_sid}.json"
    try:
        status, _ = await _get(url, {"Authorization": f"Basic {pair}"})
    except _Unreachable as error:
        return Check("twilio", State.FAILED, f"{base}: {error}", "Check the network, or TWILIO_API_BASE_URL")
    if status in (401, 403):
        return Check(
            "twilio", State.FAILED, f"{base} refuses the account", "Check TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN"
        )
    if status != 200:
        return Check("twilio", State.FAILED, f"{base} answers {status}", "Check TWILIO_ACCOUNT_SID")
    return Check("twilio", State.OK, f"{base}, calls come from {settings.twilio_phone_number}")


async def _check_openai(settings: Settings) -> Check:
    base = settings.openai_base_url or OPENAI_API
    key = settings.openai_api_key.get_secret_value() if settings.openai_api_key else ""
    try:
        status, _ = await _get(f"{base}/models", {"Authorization": f"Bearer {key}"})
    except _Unreachable as error:
        return Check("openai", State.FAILED, f"{base}: {error}", "Check the network, or OPENAI_BASE_URL")
    if status in (401, 403):
        return Check("openai", State.FAILED, f"{base} refuses the key", "Check OPENAI_API_KEY")
    if status >= 500:
        return Check("openai", State.FAILED, f"{base} answers {status}", "Try again later")
    # A server of one's own need not list its models.
    return Check("openai", State.OK, f"{base}, model {settings.openai_model}")


async def _check_google(settings: Settings) -> Check:
    """Speech-to-Text, and Text-to-Speech if that speaks."""
    if (path := settings.google_application_credentials) and (problem := _credentials_problem(path)):
        return Check("google", State.FAILED, problem, "Download the service account's JSON key anew")
    used = []
    if settings.floyd_recognizer == "google" and settings.floyd_conversation != "realtime":
        used.append(("SPEECH", settings.google_speech_endpoint or GOOGLE_SPEECH, settings.google_speech_plaintext))
    if settings.floyd_voice == "google":
        used.append(("TTS", settings.google_tts_endpoint or GOOGLE_TTS, settings.google_tts_plaintext))
    for service, endpoint, plaintext in used:
        if not await _is_reached(endpoint, plaintext):
            return Check(
                "google",
                State.FAILED,
                f"{endpoint}: no answer in {DEADLINE_S:g} s",
                f"Check the network, GOOGLE_{service}_ENDPOINT and GOOGLE_{service}_PLAINTEXT",
            )
    return Check("google", State.OK, ", ".join(endpoint for _, endpoint, _ in used))


async def _is_reached(endpoint: str, plaintext: bool) -> bool:
    import grpc  # late: it takes a second to import

    channel = (
        grpc.aio.insecure_channel(endpoint)
        if plaintext
        else grpc.aio.secure_channel(endpoint, grpc.ssl_channel_credentials())
    )
    try:
        async with asyncio.timeout(DEADLINE_S):
            await channel.channel_ready()
    except TimeoutError:
        return False
    finally:
        await channel.close()
    return True


def _credentials_problem(path: Path) -> str:
    try:
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        return f"{path} is not readable JSON: {error}"
    if not isinstance(content, dict) or "type" not in content:
        return f'{path} is not a Google credentials file: it has no "type"'
    return ""


class _Unreachable(Exception):
    pass


async def _get(url: str, headers: dict[str, str] | None = None) -> tuple[int, str]:
    timeout = aiohttp.ClientTimeout(total=DEADLINE_S)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as http, http.get(url, headers=headers) as reply:
            return reply.status, (await reply.content.read(10_000)).decode(errors="replace")
    except TimeoutError as error:
        raise _Unreachable(f"no answer in {DEADLINE_S:g} s") from error
    except (aiohttp.ClientError, OSError) as error:
        raise _Unreachable(str(error) or type(error).__name__) from error
