"""
The cases of the Autobahn|Testsuite, told anew: what a WebSocket client sends, and what a server has to do then.

Their numbers are the suite's, so that a failure here and one there can be compared; ``tools/websocket_suite.py`` runs
the suite itself. One module has the cases of one or more of its sections; :mod:`.client` carries them out.

Where SignalR has a rule of its own, it stands in the place of an echo: binary messages are refused with 1003, and what
comes back is an envelope around the text.
"""
