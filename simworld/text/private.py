"""What tells a person apart, or opens a door, found in a text and masked.

    masked("Call 555-867-5309 or write to ann@mail.org")      # ('Call <PHONE> or write to <EMAIL>', 2)

`<EMAIL>`, `<PHONE>`, `<IP>` (not private or loopback ones), `<CARD>` (the check digit must hold), `<IBAN>` (likewise),
`<SSN>`, `<KEY>` (keys and tokens of known forms, private key blocks, passwords in addresses). Names of persons and
addresses of houses are not found.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_address

_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}\b")
_EXAMPLES = re.compile(r"@(?:[\w-]+\.)*(?:example|test|invalid|localhost)(?:\.(?:com|org|net))?$", re.IGNORECASE)
_KEY = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|\b(?:sk|pk|rk)[-_](?:[A-Za-z]{2,8}[-_])?[A-Za-z0-9_-]{16,}\b|\bgh[pousr]_[A-Za-z0-9]{30,}\b|\bgithub_pat_\w{30,}\b"
    r"|\bglpat-[\w-]{20,}\b|\bhf_[A-Za-z0-9]{30,}\b|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bAIza[\w-]{35}\b|\bxox[abprs]-[\w-]{10,}\b"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}|\bSG\.[\w-]{16,}\.[\w-]{16,}",
    re.DOTALL,
)
_KEY_MARKS = (
    "PRIVATE KEY", "sk-", "sk_", "pk-", "pk_", "rk-", "rk_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_",
    "github_pat_", "glpat-", "hf_", "AKIA", "ASIA", "AIza", "xox", "eyJ", "SG.",
)  # fmt: skip
"""One of these stands in every key of a known form."""
_LABELLED = re.compile(
    r"(?i)(\b(?:api[_ -]?key|secret(?:[_ -]?key)?|(?:access|auth)[_ -]?token|password|passwd)\b[\"']?\s*[:=]\s*[\"']?)"
    r"(?=[^\s\"'<>]*\d)(?=[^\s\"'<>]*[A-Za-z])[^\s\"'<>(){}\[\],;]{12,}"
)
_LOGIN = re.compile(r"(\b[a-z][a-z0-9+.-]{1,20}://)[^\s/:@<>]+:[^\s/@<>]+@")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
_CARD = re.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-]|\.\d)")
_SSN = re.compile(r"(?<![\w-])(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])")
_IP4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)")
_IP6 = re.compile(r"(?<![\w:.])[23][0-9A-Fa-f]{3}:(?:[0-9A-Fa-f]{0,4}:){1,6}[0-9A-Fa-f]{1,4}(?![\w:])")
_PHONE = re.compile(r"(?<![\w.-])(?:1[ .-])?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?![\w-]|\.\d)")
_PLUS_PHONE = re.compile(r"(?<![\w.+-])\+\d{1,3}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d(?:[ .-]?\d){5,12}(?![\w-]|\.\d)")
_VERSION = re.compile(r"(?:\bv(?:ersion)?|\brelease|==|>=|<=|~=)\s*$", re.IGNORECASE)


def masked(text: str) -> tuple[str, int]:
    """The text with its secrets masked, and how many there were."""
    found = 0

    def put(pattern: re.Pattern[str], mask: str, holds: Callable[[re.Match[str]], bool] = lambda _: True) -> None:
        nonlocal text, found

        def one(match: re.Match[str]) -> str:
            nonlocal found
            if not holds(match):
                return match[0]
            found += 1
            return f"{match[1]}{mask}" if pattern.groups else mask

        text = pattern.sub(one, text)

    if any(mark in text for mark in _KEY_MARKS):
        put(_KEY, "<KEY>")
    if ":" in text or "=" in text:
        put(_LABELLED, "<KEY>")
    if "@" in text:
        put(_LOGIN, "<KEY>@")
        put(_EMAIL, "<EMAIL>", lambda match: not _EXAMPLES.search(match[0]))
    digits = sum(map(text.count, "0123456789"))
    if digits >= 13:
        put(_IBAN, "<IBAN>", lambda match: _iban_holds(match[0]))
        put(_CARD, "<CARD>", lambda match: _luhn_holds(match[0]))
    if digits >= 4 and text.count(".") >= 3:
        put(_IP4, "<IP>", lambda match: _is_public(match[0]) and not _VERSION.search(text, 0, match.start()))
    if digits >= 2 and ":" in text:
        put(_IP6, "<IP>", lambda match: _is_public(match[0]))
    if digits >= 7:
        put(_SSN, "<SSN>")
        put(_PHONE, "<PHONE>", lambda match: 8 <= sum(c.isdigit() for c in match[0]) <= 15)
        put(_PLUS_PHONE, "<PHONE>", lambda match: 8 <= sum(c.isdigit() for c in match[0]) <= 15)
    return text, found


def _luhn_holds(text: str) -> bool:
    digits = [int(c) for c in text if c.isdigit()]
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
    return len(set(digits)) > 1 and 13 <= len(digits) <= 19 and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _iban_holds(text: str) -> bool:
    plain = text.replace(" ", "")
    number = "".join(str(int(c, 36)) for c in plain[4:] + plain[:4])
    return 15 <= len(plain) <= 34 and int(number) % 97 == 1


def _is_public(text: str) -> bool:
    try:
        return ip_address(text).is_global
    except ValueError:
        return False
