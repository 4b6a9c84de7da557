"""Tests for the modules in `twisted/plugins`: what ``twistd`` knows before it loads anything of ours."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

from twisted.application.service import IServiceMaker
from twisted.plugin import IPlugin, getPlugins
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from twisted_ticker import signalr_tap, tap

PLUGINS = Path(__file__).resolve().parents[1] / "twisted" / "plugins"
TAPS = {"stockticker": tap, "signalr": signalr_tap}


class PluginTests(SynchronousTestCase):
    """Tests for the plugins."""

    def test_twistd_finds_them(self) -> None:
        """There is one service maker of each name, which has the options and the service of its tap."""
        for name, module in TAPS.items():
            [plugin] = [plugin for plugin in getPlugins(IServiceMaker) if plugin.tapname == name]
            verifyObject(IPlugin, plugin)
            verifyObject(IServiceMaker, plugin)
            self.assertEqual(plugin.module, module.__name__)
            self.assertIs(plugin.options, module.Options)
            self.assertIs(plugin.makeService, module.makeService)

    def test_each_is_a_module(self) -> None:
        """Of the name of its command; there are no others."""
        self.assertEqual({path.stem for path in PLUGINS.glob("*.py")}, set(TAPS))

    def test_they_import_nothing_of_ours(self) -> None:
        """``twistd --help`` reads every plugin, and need not load a server for that."""
        for path in PLUGINS.glob("*.py"):
            imported = set()
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.ImportFrom):
                    imported.add(node.module)
                elif isinstance(node, ast.Import):
                    imported.update(name.name for name in node.names)
            self.assertEqual(imported, {"twisted.application.service"}, path)

    def test_the_plugin_directory_is_no_package(self) -> None:
        """Plugins lie beside Twisted's own, so there must be no package that hides those."""
        for directory in (PLUGINS, PLUGINS.parent):
            self.assertFalse((directory / "__init__.py").exists())
        self.assertNotEqual(Path(sys.modules["twisted"].__file__ or "").parent, PLUGINS.parent)
