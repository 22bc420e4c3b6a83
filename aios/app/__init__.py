"""The composition root: the only reader of environment, clock, randomness and configuration files.

Everything below gets what it needs handed in; how the pieces are stacked is read off `company.Company`. `process` is
this process and its machine, `new_company` makes a company.
"""

from aios.app.company import Company, Report, utc_now
from aios.app.new_company import found_company

__all__ = ["Company", "Report", "found_company", "utc_now"]
