"""Everything that knows matrix-nio."""
