"""Tells ``twistd`` of the ``stockticker`` command; imports nothing of ours: ``twistd --help`` stays fast."""

from twisted.application.service import ServiceMaker

stockticker = ServiceMaker(
    "twisted_ticker stock ticker",
    "twisted_ticker.tap",
    "A live stock ticker for ASP.NET SignalR 2 clients.",
    "stockticker",
)
