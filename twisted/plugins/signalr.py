"""Tells ``twistd`` of the ``signalr`` command; imports nothing of ours: ``twistd --help`` stays fast."""

from twisted.application.service import ServiceMaker

signalr = ServiceMaker(
    "twisted_ticker SignalR server",
    "twisted_ticker.signalr_tap",
    "Hubs and raw connections of your own for ASP.NET SignalR 2 clients.",
    "signalr",
)
