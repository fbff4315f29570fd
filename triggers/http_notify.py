"""Notification channels and overdue databases over HTTP."""

from __future__ import annotations

from holdfast.model.notice import of_test
from holdfast.model.overdue import Overdue
from holdfast.notify import Envelope, Undelivered, deliver
from triggers.routes import Call, Reply, page, route
from triggers.views import ChannelTest, ChannelView


@route("GET", "channels", "The configured notification channels, by name", gives=ChannelView, many=True)
def list_channels(call: Call) -> Reply:
    app, outbox = call.app, call.app.catalog.outbox
    channels = dict(sorted(app.settings.notification_channels.items()))
    policies = [stored.policy for stored in app.catalog.policies.list()]
    waiting, given_up = outbox.counts(list(channels)), [ended.channel for ended in outbox.ended(state="failed")]
    views = []
    for name, channel in channels.items():
        standing = outbox.standing(name).model_dump(mode="json", include={"last_sent_at", "last_failed_at", "failure"})
        views.append(
            {
                "name": name,
                "kind": channel.kind,
                "events": list(channel.events),
                "policies": [policy.name for policy in policies if name in policy.notify],
                "waiting": waiting[name],
                "given_up": given_up.count(name),
                **standing,
            }
        )
    return Reply(page(views, None))


@route("POST", "channels/{name}/test", "Sends a test notice at once and says what came of it", gives=ChannelTest)
def send_test(call: Call) -> Reply:
    """It goes past the outbox, so whoever asks hears the answer of the peer."""
    app, name = call.app, call.path["name"]
    channel, now = app.channel(name), app.clock.now()
    notice = of_test(name, now)
    envelope = Envelope(notice.id_for(name), notice, app.settings.installation, now)
    try:
        deliver(channel, envelope, app.read_secret)
    except Undelivered as error:
        app.catalog.outbox.record(name, error.detail)
        raise
    app.catalog.outbox.record(name)
    return Reply({"channel": name, "id": envelope.id, "delivered": True})


@route(
    "GET",
    "overdue",
    "Databases that have no point within what their policy promises, as the latest look found them",
    gives=Overdue,
    many=True,
)
def list_overdue(call: Call) -> Reply:
    return Reply(page([found.model_dump(mode="json") for found in call.app.catalog.promises.broken()], None))
