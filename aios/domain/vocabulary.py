"""The capabilities that workflows may count on by name, whichever connector offers them."""

from __future__ import annotations

from collections.abc import Mapping

# Name → does it act outside (else it reads)? Connectors may offer others besides.
VOCABULARY: Mapping[str, bool] = {
    "analytics.read": False,
    "cms.draft": True,
    "cms.list": False,
    "cms.publish": True,
    "cms.restore": True,
    "cms.unpublish": True,
    "cms.update": True,
    "customers.list": False,
    "invoices.discard": True,
    "invoices.draft": True,
    "invoices.list": False,
    "invoices.remind": True,
    "mail.read": False,
    "mail.send": True,
    "payments.list": False,
    "sources.read": False,
}
