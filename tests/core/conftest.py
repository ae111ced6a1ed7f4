"""The tests in ``lint_suite`` are material for ``promptecho lint``; nobody runs them."""

collect_ignore = ["lint_suite"]
