"""The company as static pages: what waits, runs, records, decisions, memory, connectors, cost, and the event log. Made
from projections; nothing is loaded from elsewhere."""
