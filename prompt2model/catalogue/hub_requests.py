"""Reading from the hub with patience: paced, slowed down when it asks for that, tried again when it breaks down.

Requests go through the session of `huggingface_hub`, so its endpoint, proxy, token and offline mode count. Its own
retries are not used: they end after half a minute, wait without a limit where the hub says so, and have no time limit.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from prompt2model.errors import HubError, connection_failed
from prompt2model.teacher.openai_errors import retry_after
from prompt2model.teacher.throttle import RetryPolicy

T = TypeVar("T")

FIRST_TRIES = RetryPolicy(attempts=4, first_wait=0.5, patience=900.0)
"""As long as the hub has not answered once: a wrong address is told within seconds."""
LATER_TRIES = RetryPolicy(attempts=12, first_wait=0.5, patience=900.0)
"""Afterwards: an outage of a few minutes ends no crawl."""

FEW_TRIES = RetryPolicy(attempts=4, first_wait=0.5, patience=900.0)
"""For what the crawl can do without."""

_TIMES = (10.0, 60.0, 60.0, 60.0)
"""Seconds to connect, to wait for some bytes, to send some, and to wait for a free connection."""
_MAY_PASS = {408, 429, 500, 502, 503, 504}
_WORTH_SAYING = 2.0


class BrokenAnswerError(HubError):
    """The hub is there and gives no answer to one request that makes sense."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the hub sent: at most as many bytes as were wanted; `cut` where there were more."""

    status: int
    content: bytes
    cut: bool
    next_query: str | None
    """The query of the `next` link (RFC 8288), where the answer is one page of several."""


class Pace:
    """When the next request may go out. Thread-safe.

    The gap between requests doubles with each "too many requests" and shrinks by a tenth with each answer; a wait that
    the hub asks for holds for all.
    """

    _SMALLEST, _LARGEST = 0.05, 5.0

    def __init__(self) -> None:
        self._gap = 0.0
        self._next = float("-inf")
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Wait for this request's turn."""
        with self._lock:
            now = time.monotonic()
            start = max(now, self._next)
            self._next = start + self._gap
        if start > now:
            time.sleep(start - now)

    def too_many(self, pause: float) -> None:
        """The hub refused one; nothing goes out for `pause` seconds."""
        with self._lock:
            self._gap = min(max(2 * self._gap, self._SMALLEST), self._LARGEST)
            self._next = max(self._next, time.monotonic() + pause)

    def answered(self, pause: float = 0.0) -> None:
        """The hub answered; `pause` seconds are left of a window whose requests are used up."""
        with self._lock:
            self._gap = 0.9 * self._gap if self._gap > self._SMALLEST / 2 else 0.0
            if pause:
                self._next = max(self._next, time.monotonic() + pause)


class HubRequests:
    """GET requests to one kind of address of the hub, at one pace. Thread-safe.

    `say` takes a line for the person who waits; `tries` is the policy once the hub has answered.
    """

    def __init__(self, say: Callable[[str], None], tries: RetryPolicy = LATER_TRIES) -> None:
        self._say = say
        self._tries = tries
        self._pace = Pace()
        self._jitter = random.Random()
        self._answered = False

    def get(
        self,
        url: str,
        params: Sequence[tuple[str, str]],
        what: str,
        most: int,
        read: Callable[[Answer], T],
    ) -> T:
        """What `read` makes of the answer, of at most `most` bytes.

        An answer for which `read` raises ValueError counts as a breakdown. `what` names what is asked for. Raises
        BrokenAnswerError when it breaks down again and again, HubError when it does not answer at all or asks for more
        patience than there is.
        """
        started, breakdowns, waits = time.monotonic(), 0, 0
        while True:
            policy = self._tries if self._answered else FIRST_TRIES
            self._pace.wait()
            trouble, asked, lost = "", None, False
            try:
                answer, asked = self._once(url, params, most)
                if answer.status not in _MAY_PASS:
                    result = read(answer)
                    self._answered = True
                    return result
                trouble = f"answers with status {answer.status}"
            except HubError:
                raise
            except ValueError as error:
                trouble = f"sends what makes no sense ({error})"
            except Exception as error:
                trouble, lost = _lost_connection(error, what), True
            told_to_wait = trouble.endswith(" 429")
            breakdowns += not told_to_wait
            wait = policy.wait(waits, asked, self._jitter.random())
            waits += 1
            if told_to_wait:
                self._pace.too_many(wait)
            late = time.monotonic() - started + wait > policy.patience
            if late or breakdowns >= policy.attempts:
                kind = HubError if lost or told_to_wait else BrokenAnswerError
                raise kind(_given_up(trouble, what, url, wait if told_to_wait else None))
            if wait > _WORTH_SAYING:
                self._say(f"  the hub {trouble} for {what}; trying again in {wait:.0f} s")
            if not told_to_wait:
                time.sleep(wait)

    def _once(self, url: str, params: Sequence[tuple[str, str]], most: int) -> tuple[Answer, float | None]:
        """(answer, seconds that the hub asks to wait). Lets the errors of the HTTP library through."""
        from huggingface_hub import utils

        client: Any = utils
        with client.get_session().stream(
            "GET", url, params=list(params) or None, headers=client.build_hf_headers(), timeout=_TIMES
        ) as response:
            content, cut = _at_most(response, most)
        window = client.parse_ratelimit_headers(response.headers)
        left = float(window.reset_in_seconds) if window is not None and window.remaining == 0 else None
        if response.status_code not in _MAY_PASS:
            self._pace.answered(left or 0.0)
        asked = retry_after(response.headers)
        link = response.links.get("next", {}).get("url")
        answer = Answer(response.status_code, content, cut, urlsplit(link).query if link else None)
        return answer, left if asked is None else asked


def _at_most(response: Any, most: int) -> tuple[bytes, bool]:
    content = bytearray()
    for part in response.iter_bytes():
        content += part
        if len(content) > most:
            return bytes(content[:most]), True
    return bytes(content), False


def _lost_connection(error: Exception, what: str) -> str:
    """What to say of a connection that failed. Raises whatever is another error, or that trying again cannot help."""
    from huggingface_hub.errors import OfflineModeIsEnabled

    if isinstance(error, OfflineModeIsEnabled):
        raise HubError(f"HF_HUB_OFFLINE is set, so {what} cannot be read from the hub; unset it") from error
    if connection_failed(error):
        return f"does not answer ({type(error).__name__})"
    # An address that cannot be one, a redirect without end, bytes that cannot be unpacked.
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    raise HubError(f"{what} cannot be read from the hub: {reason}; check HF_ENDPOINT") from error


def _given_up(trouble: str, what: str, url: str, told_to_wait: float | None) -> str:
    place = f"{urlsplit(url).scheme}://{urlsplit(url).netloc}"
    if told_to_wait is not None:
        return f"{place} asks to be left alone for {told_to_wait:.0f} s more (status 429) for {what}; go on later"
    return f"{place} {trouble} for {what}, again and again; check the network and HF_ENDPOINT, or go on later"
