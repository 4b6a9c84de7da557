"""Tests for `twisted/plugins/stockticker.py`: what ``twistd`` knows before it loads anything of ours."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

from twisted.application.service import IServiceMaker
from twisted.plugin import IPlugin, getPlugins
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from twisted_ticker.tap import Options, makeService

PLUGIN = Path(__file__).resolve().parents[1] / "twisted" / "plugins" / "stockticker.py"


class PluginTests(SynchronousTestCase):
    """Tests for the plugin."""

    def test_twistd_finds_it(self) -> None:
        """There is one service maker of the name, which has the options and the service of our tap."""
        [plugin] = [plugin for plugin in getPlugins(IServiceMaker) if plugin.tapname == "stockticker"]
        verifyObject(IPlugin, plugin)
        verifyObject(IServiceMaker, plugin)
        self.assertEqual(plugin.module, "twisted_ticker.tap")
        self.assertIs(plugin.options, Options)
        self.assertIs(plugin.makeService, makeService)

    def test_it_imports_nothing_of_ours(self) -> None:
        """``twistd --help`` reads every plugin, and need not load a server for that."""
        imported = set()
        for node in ast.walk(ast.parse(PLUGIN.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom):
                imported.add(node.module)
            elif isinstance(node, ast.Import):
                imported.update(name.name for name in node.names)
        self.assertEqual(imported, {"twisted.application.service"})

    def test_the_plugin_directory_is_no_package(self) -> None:
        """Plugins lie beside Twisted's own, so there must be no package that hides those."""
        for directory in (PLUGIN.parent, PLUGIN.parents[1]):
            self.assertFalse((directory / "__init__.py").exists())
        self.assertNotEqual(Path(sys.modules["twisted"].__file__ or "").parent, PLUGIN.parents[1])
