"""Stripe: customers, invoices and payments are read, invoices are drafted and sent."""
