"""Texts for the tests, written for them: an operator's notes and three outside articles on one subject."""

from __future__ import annotations

from tests.agents.company import source

REMINDERS = """# Reminders for late invoices

A reminder is a short message that names the invoice, the amount and the new date. Most customers pay within three days
of the first one. It works best when it leaves out every reproach.

## When to send a reminder

The first reminder goes out three days after the due date. Earlier reminders annoy customers whose bank is merely slow.
A second reminder follows after ten days, with a copy of the invoice attached.

For customers who pay by bank transfer, allow two more days. Transfers from abroad take longer than card payments.

## What a reminder says

A good reminder has four parts:

- the number of the invoice and its date
- the amount that is still open
- the new date by which it must be paid
- one sentence on how to pay

Leave out the history of earlier reminders. As shown above, it only delays the payment.
"""
FEES = """# Late fees

A late fee is a charge on an invoice that is paid after its due date. Late fees must be agreed in the contract before
the first invoice is sent. Many small companies never charge late fees, because the talk costs more than the fee.

## How much to charge

In most contracts the late fee is a fixed amount between 20 and 40 euros. A percentage of the invoice is harder to
explain to a customer. Businesses in the European Union may charge interest of eight points above the base rate.

## When to waive the fee

Waive the late fee for a customer's first late payment. A waived fee with a friendly note keeps more customers than any
discount. Write down each waiver, so that the same customer does not get a second one by accident.
"""
TERMS = """# Payment terms

Payment terms state when an invoice is due and how it can be paid. Short payment terms are the simplest remedy against
late invoices. Fourteen days have become usual for small companies; large customers often insist on thirty.

## Deposits

A deposit moves the risk of a late payment to the start of the project. Half of the price up front is common for
projects under five thousand euros. Larger projects are better split into three invoices, each tied to a milestone.

## Discounts for early payment

A discount of two percent for payment within a week speeds up most invoices. It costs less than the time that reminders
take. See the [calculator](tools/discount.html) for details.

```python
def early(amount: int, days: int) -> int:
    return amount * 98 // 100 if days <= 7 else amount
```

Copyright © 2024 Example Publishing. All rights reserved.
"""
COLLECTION = """# Collecting unpaid invoices

Collection begins when two reminders have brought no answer. A phone call before the formal notice settles about half of
the unpaid invoices. Keep a written record of each call, with the date and the name of the person.

## The formal notice

A formal notice is a letter that sets a last date and names the next step. It is sent by registered mail, so that its
arrival can be proven. A formal notice must name the invoice, the amount and the late fee, if one was agreed.

## Handing it over

An agency takes between ten and forty percent of the amount that it collects. For invoices under a hundred euros the
agency's fee often exceeds what is left. Courts offer a simplified procedure for undisputed invoices, which costs less
than an agency and takes about six weeks.
"""


def invoices(trust: str = "external") -> dict[str, str]:
    """Four sources on late invoices, and one on something else."""
    other = "# Sourdough bread\n\n"
    other += "A starter is a mixture of flour and water in which wild yeast lives. It is fed once a day."
    return {
        "state/sources/reminders.md": source("Reminders for late invoices", REMINDERS, trust=trust),
        "state/sources/late-fees.md": source("Late fees", FEES, trust=trust),
        "state/sources/payment-terms.md": source("Payment terms", TERMS, trust=trust),
        "state/sources/collection.md": source("Collecting unpaid invoices", COLLECTION, trust=trust),
        "state/sources/bread.md": source("Sourdough bread", other, trust=trust),
    }


GERMAN = {
    "state/sources/mahnungen.md": source(
        "Mahnungen schreiben",
        """# Mahnungen schreiben

Eine Mahnung ist eine kurze Nachricht, die Rechnung, Betrag und neues Datum nennt. Die meisten Kunden zahlen
innerhalb von drei Tagen nach der ersten Mahnung. Vorwürfe schaden dabei nur.

## Wann eine Mahnung fällig ist

Die erste Mahnung geht drei Tage nach dem Fälligkeitsdatum hinaus. Eine zweite Mahnung folgt nach zehn Tagen, z.
B. mit einer Kopie der Rechnung. Dies gilt auch für Stammkunden.

Überweisungen aus dem Ausland dauern länger als Kartenzahlungen. Für solche Rechnungen sind zwei Tage mehr
angemessen.
""",
    ),
    "state/sources/zinsen.md": source(
        "Verzugszinsen für Rechnungen",
        """# Verzugszinsen für Rechnungen

Verzugszinsen sind Zinsen auf eine Rechnung, die nach dem Fälligkeitsdatum bezahlt wird. Gegenüber Unternehmen
liegen sie neun Punkte über dem Basiszins. Viele kleine Firmen verlangen nie Verzugszinsen, weil das Gespräch
darüber mehr kostet als die Zinsen einbringen.

## Höhe der Zinsen bei späten Rechnungen

Der Basiszins wird zweimal im Jahr von der Bundesbank festgesetzt. Für Rechnungen an Verbraucher liegt der
Aufschlag bei fünf Punkten. Eine späte Rechnung über tausend Euro kostet den Kunden damit wenige Euro im Monat.

## Pauschale

Neben den Zinsen steht dem Gläubiger eine Pauschale von vierzig Euro zu. Die Pauschale wird auf spätere
Mahnkosten angerechnet. Verbraucher schulden diese Pauschale nicht.
""",
    ),
    "state/sources/ziele.md": source(
        "Rechnungen rechtzeitig bezahlt bekommen",
        """# Rechnungen rechtzeitig bezahlt bekommen

Kurze Zahlungsziele sind das einfachste Mittel gegen späte Rechnungen. Vierzehn Tage sind für kleine Firmen
üblich geworden; große Kunden bestehen oft auf dreißig.

## Anzahlungen

Eine Anzahlung verlagert das Risiko einer späten Zahlung an den Anfang des Projekts. Die Hälfte des Preises im
Voraus ist bei Rechnungen unter fünftausend Euro verbreitet. Größere Projekte werden besser in drei Rechnungen
geteilt.

## Zahlungserinnerungen am Telefon

Ein Anruf vor der zweiten Mahnung klärt etwa die Hälfte der offenen Rechnungen. Der Name der Gesprächspartnerin
und das Datum gehören in die Akte. Ein freundlicher Ton bringt mehr als jede Drohung mit dem Anwalt oder dem
Gericht.

## Skonto

Ein Skonto von zwei Prozent bei Zahlung innerhalb einer Woche beschleunigt die meisten Rechnungen. Dieser
Nachlass kostet weniger als die Zeit, die Mahnungen brauchen.
""",
    ),
}
