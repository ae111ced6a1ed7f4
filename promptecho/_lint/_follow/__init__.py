"""Follows the code of a test suite, statement by statement, without running it.

It knows where a client of an SDK comes from (assignments, attributes, arguments, returns, closures), which calls are
made on it, and what stands around them. Each function is followed for the arguments it is given; what it comes to is a
``Summary`` that holds wherever the call stands, so it is remembered.
"""

from __future__ import annotations

from promptecho._lint._follow._attributes import Attributes
from promptecho._lint._follow._calls import Calls
from promptecho._lint._follow._covers import Covers
from promptecho._lint._follow._expressions import Expressions
from promptecho._lint._follow._following import TooMuch
from promptecho._lint._follow._functions import Functions
from promptecho._lint._follow._library import Library
from promptecho._lint._follow._names import Names
from promptecho._lint._follow._replacing import Replacing
from promptecho._lint._follow._statements import Statements
from promptecho._lint._follow._storing import Storing

__all__ = ["Follower", "TooMuch"]


class Follower(Names, Statements, Expressions, Attributes, Storing, Replacing, Covers, Calls, Functions, Library):
    """Follows functions of a project."""
