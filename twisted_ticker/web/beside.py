"""
Putting resources together: some names are ours, and all others are somebody else's, whatever he is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from twisted.web.resource import IResource
from twisted.web.server import Request
from zope.interface import implementer

__all__ = ["Beside", "child_of"]


def child_of(resource: Any, name: bytes, request: Request) -> IResource:
    """
    Who serves a request, of those below *resource*, as if that were the root.

    Args:
        resource: a resource, perhaps a leaf.
        name: the first segment of the path.
        request: the request, which has just been asked for that segment.
    """
    if resource.isLeaf:
        # It has no children to be asked for, and finds the whole path where it would be as the root.
        prepath, postpath = cast("list[bytes]", request.prepath), cast("list[bytes]", request.postpath)
        postpath.insert(0, prepath.pop())
        return cast(IResource, resource)
    return cast(IResource, resource.getChildWithDefault(name, request))


@implementer(IResource)
class Beside:
    """
    A root with some children of its own, beside all that another root serves.

    Args:
        resource: the other root, perhaps a leaf.
        children: by name; they are leaves, so what lies below their names is the other root's as well.
    """

    isLeaf = False

    def __init__(self, resource: IResource, children: Mapping[str, IResource]) -> None:
        self._resource: Any = resource
        self._children = {name.encode("ascii"): child for name, child in children.items()}

    def getChildWithDefault(self, name: bytes, request: Request) -> IResource:
        """Find who serves a request."""
        child = None if request.postpath else self._children.get(name)
        return child_of(self._resource, name, request) if child is None else child

    def putChild(self, path: bytes, child: IResource) -> None:
        """Put another child beside those of the other root."""
        self._resource.putChild(path, child)

    def render(self, request: Request) -> object:
        """Serve the root itself, where it is not asked for a child."""
        return self._resource.render(request)
