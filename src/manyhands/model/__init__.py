"""Values that every layer shares: states, identifiers, records, events, errors and options."""
