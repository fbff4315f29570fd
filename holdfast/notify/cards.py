"""A notice as the bodies that webhooks take: our own JSON, a Teams card, a Slack message.

Names and error texts come from outside: a database may be named like a link or like `@channel`. So both cards carry them
in elements that show plain text as it is, never in those that read markup.
"""

from __future__ import annotations

import json
from typing import Any

from holdfast.model.clock import iso
from holdfast.model.notice import Notice, NoticeLine

_TEAMS_COLOUR = {"good": "good", "warning": "warning", "bad": "attention"}
_SLACK_SIGN = {"good": ":large_green_circle:", "warning": ":large_yellow_circle:", "bad": ":red_circle:"}
#: Teams takes about 28 KB a message.
_LARGEST_CARD = 24_000
#: Slack's limits: characters of a header and of a text, fields of a section.
_SLACK_HEADER, _SLACK_TEXT, _SLACK_FIELDS = 150, 3000, 10


def plain_json(message_id: str, notice: Notice, installation: str) -> bytes:
    """The webhook's own body: docs/how-to/notifications.md says what each field means."""
    body = {
        "id": message_id,
        "type": f"holdfast.{notice.event}",
        "timestamp": iso(notice.at),
        "installation": installation,
        "data": notice.model_dump(mode="json", exclude={"at", "about", "occasion"}),
    }
    return json.dumps(body, ensure_ascii=False).encode()


def teams_card(notice: Notice) -> bytes:
    """The message that a Teams workflow posts: an adaptive card, with as many lines as fit."""
    for shown in range(len(notice.lines), -1, -1):
        body = json.dumps(_teams(notice, shown)).encode()
        if len(body) <= _LARGEST_CARD:
            break
    return body


def _teams(notice: Notice, shown: int) -> dict[str, Any]:
    heading = _runs(notice.title, weight="bolder", size="medium", color=_TEAMS_COLOUR[notice.tone])
    blocks: list[dict[str, Any]] = [heading]
    blocks += [_runs(f"{name}: {value}", isSubtle=True) for name, value in notice.facts.items()]
    blocks += [_teams_line(line) for line in notice.lines[:shown]]
    left = notice.more + len(notice.lines) - shown
    blocks += [_runs(f"… and {left} more", isSubtle=True)] if left else []
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": blocks,
    }
    if notice.link:
        card["actions"] = [{"type": "Action.OpenUrl", "title": "Open the session", "url": notice.link}]
    kind = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": kind, "contentUrl": None, "content": card}]}


def _runs(text: str, **style: Any) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **style}]}


def _teams_line(line: NoticeLine) -> dict[str, Any]:
    head = [{"type": "TextRun", "text": f"{line.source}  ", "weight": "bolder"}] if line.source else []
    told = [{"type": "TextRun", "text": line.text + (f" ({line.code})" if line.code else "")}]
    aid = [{"type": "TextRun", "text": f"  {line.help}", "italic": True}] if line.help else []
    return {"type": "RichTextBlock", "spacing": "medium", "inlines": [*head, *told, *aid]}


def slack_message(notice: Notice) -> bytes:
    """Blocks, and a text for the places that show none."""
    blocks: list[dict[str, Any]] = [{"type": "header", "text": _plain(notice.title, _SLACK_HEADER)}]
    facts = [_plain(f"{name}: {value}", _SLACK_TEXT) for name, value in notice.facts.items()]
    blocks += [{"type": "section", "fields": facts[:_SLACK_FIELDS]}] if facts else []
    for line in notice.lines:
        head = f"{line.source}: " if line.source else ""
        code = f" ({line.code})" if line.code else ""
        aid = f"\n{line.help}" if line.help else ""
        blocks.append({"type": "section", "text": _plain(f"{head}{line.text}{code}{aid}", _SLACK_TEXT)})
    if notice.more:
        blocks.append({"type": "section", "text": _plain(f"… and {notice.more} more", _SLACK_TEXT)})
    if notice.link:
        link = f"<{notice.link}|Open the session>"
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": link}})
    escaped = notice.title.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return json.dumps({"text": f"{_SLACK_SIGN[notice.tone]} {escaped}", "blocks": blocks}).encode()


def _plain(text: str, most: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": text if len(text) <= most else text[: most - 1] + "…", "emoji": False}
