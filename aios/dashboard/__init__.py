"""The company as static pages: what waits, runs, records, decisions, memory, connectors, cost, and the event log.

Made from projections and the log. Plain files that work from a disk or any server, without a request to anywhere else;
without its one script everything but the search is there.
"""
