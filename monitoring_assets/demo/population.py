"""Applicants for credit: correlated characteristics, and who of them will default.

Two hidden traits move nearly everything: *wealth* and *strain* (how hard pressed a household is by
its debts). What a lender sees of them is noisy, skewed, rounded, capped and sometimes missing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Texts = NDArray[np.object_]
Columns = dict[str, NDArray[Any]]

# The characteristics that depend on the traits which a marketing push changes.
PUSHED_CHARACTERISTICS = (
    "income",
    "dti",
    "bureau_score",
    "utilisation",
    "inquiries_6m",
    "arrears_12m",
    "amount",
    "channel",
    "existing_customer",
)

REGIONS = {
    "london": 0.17,
    "south": 0.21,
    "midlands": 0.17,
    "north_west": 0.13,
    "north_east": 0.09,
    "scotland": 0.11,
    "wales": 0.07,
    "northern_ireland": 0.05,
}


@dataclass(frozen=True)
class Applications:
    """Some applications for one product.

    Parameters
    ----------
    table
        One row an application, one column a characteristic; what is missing is null.
    default
        Bool, shape (rows,): whether the applicant falls into arrears.
    """

    table: pa.Table
    default: Flags


class Crowd:
    """People who apply, before a lender asks them anything.

    Parameters
    ----------
    rng
        Source of all randomness.
    rows
        How many people.
    pushed
        Share of them, in [0, 1], who come because of a marketing push: poorer, harder pressed,
        sent by affiliates.
    """

    def __init__(self, rng: np.random.Generator, rows: int, pushed: float) -> None:
        self.rng = rng
        self.rows = rows
        self.pushed: Flags = rng.random(rows) < pushed
        # Real days are not independent draws from one population: each has a slight mood.
        mood = rng.normal(0, 0.02)
        self.wealth: Floats = mood + self.noise() - 0.6 * self.pushed
        self.strain: Floats = -0.35 * self.wealth + 0.94 * self.noise() + 0.7 * self.pushed
        self.age: Floats = np.clip(18 + rng.gamma(4, 6.5, rows), 18, 90)

    def noise(self) -> Floats:
        """Standard normal noise."""
        return self.rng.standard_normal(self.rows)

    def happens(self, probability: float | Floats) -> Flags:
        """Flags that are up with the given probability."""
        happened: Flags = self.rng.random(self.rows) < probability
        return happened

    def one_of(self, shares: dict[str, float]) -> Texts:
        """A category for each person, drawn by its share."""
        names = np.array(list(shares), dtype=object)
        return names[self.rng.choice(len(names), size=self.rows, p=list(shares.values()))]

    def income(self) -> Floats:
        """Yearly income in pounds: log-normal with a Pareto tail, in hundreds."""
        income: Floats = np.exp(10.35 + 0.5 * self.wealth + 0.25 * self.noise())
        income *= np.where(self.happens(0.01), 1 + self.rng.pareto(1.5, self.rows), 1)
        rounded: Floats = np.round(income, -2)
        return rounded

    def bureau_score(self) -> Floats:
        """Score of a credit bureau, 300 to 850; thin files have none."""
        score = np.rint(640 - 55 * self.strain + 25 * self.wealth + 35 * self.noise())
        return np.where(self.happens(0.06), np.nan, np.clip(score, 300, 850))

    def utilisation(self) -> Floats:
        """Share of the credit limits in use: often none, sometimes more than all."""
        used = 1.15 * _logistic(-0.7 + 0.95 * self.strain + 0.7 * self.noise())
        return np.where(self.happens(0.12), 0, np.round(used, 3))

    def revolving_balance(self) -> Floats:
        """Card balance carried over the month, in pounds: nothing, or anything."""
        balance = np.exp(7.2 + 0.5 * self.strain + 0.3 * self.wealth + 1.1 * self.noise())
        return np.where(self.happens(0.22), 0, np.round(balance))

    def age_of_oldest_account(self) -> Floats:
        """Months since the first account was opened; unknown for some."""
        months = np.rint((self.age - 17) * 12 * self.rng.beta(2, 3, self.rows))
        return np.where(self.happens(0.04), np.nan, months)

    def months_since_delinquency(self) -> Floats:
        """Months since the last missed payment: 0 while in arrears, missing where never."""
        months = np.minimum(np.rint(self.rng.exponential(22, self.rows)), 120)
        months = np.where(self.happens(0.15), 0, months)
        ever = self.happens(_logistic(-0.6 + 0.8 * self.strain))
        return np.where(ever, months, np.nan)

    def inquiries_6m(self) -> Ints:
        """Credit searches in six months."""
        return self.rng.poisson(np.exp(-0.1 + 0.45 * self.strain))

    def arrears_12m(self) -> Ints:
        """Missed payments in twelve months: mostly none."""
        return self.rng.poisson(np.exp(-2.4 + 0.8 * self.strain))

    def employment(self) -> Texts:
        """Kind of employment, by age; not stated by some."""
        kind = self.one_of(
            {"employed": 0.74, "self_employed": 0.15, "unemployed": 0.07, "other": 0.04}
        )
        kind[(self.age > 66) & self.happens(0.85)] = "retired"
        kind[(self.age < 23) & self.happens(0.4)] = "student"
        kind[self.happens(0.02)] = None
        return kind

    def channel(self, shares: dict[str, float]) -> Texts:
        """How the application came in; a marketing push works through affiliates."""
        return np.where(self.pushed & self.happens(0.75), "affiliate", self.one_of(shares))

    def existing_customer(self) -> Flags:
        """Whether the applicant banks here already."""
        return self.happens(np.where(self.pushed, 0.1, 0.38))

    def defaults(self, base: float, burden: Floats, employment: Texts) -> Flags:
        """Who will default, from the logistic truth.

        Parameters
        ----------
        base
            Log-odds of default of an average applicant.
        burden
            Shape (rows,): log-odds that the product's own terms add.
        employment
            Shape (rows,): kind of employment.
        """
        trapped = 0.5 * ((self.strain > 1.2) & (self.wealth < -0.5))
        jobless = 0.6 * (employment == "unemployed")
        return self.happens(
            _logistic(base + 0.9 * self.strain - 0.35 * self.wealth + trapped + jobless + burden)
        )


Draw = Callable[[np.random.Generator, int, float], Applications]


def cards(rng: np.random.Generator, rows: int, pushed: float = 0.0) -> Applications:
    """Draw applications for credit cards; the parameters are those of `Crowd`."""
    crowd = Crowd(rng, rows, pushed)
    income, employment = crowd.income(), crowd.employment()
    limit = np.round(np.clip(0.15 * income * np.exp(0.4 * crowd.noise()), 500, 25_000) / 250) * 250
    columns: Columns = {
        "income": _missing(crowd, income, 0.02),
        "bureau_score": crowd.bureau_score(),
        "utilisation": crowd.utilisation(),
        "revolving_balance": crowd.revolving_balance(),
        "age_of_oldest_account": crowd.age_of_oldest_account(),
        "months_since_delinquency": crowd.months_since_delinquency(),
        "inquiries_6m": crowd.inquiries_6m(),
        "requested_limit": limit,
        "employment": employment,
        "region": crowd.one_of(REGIONS),
        "channel": crowd.channel({"web": 0.42, "mobile": 0.38, "branch": 0.14, "affiliate": 0.06}),
        "product": crowd.one_of({"classic": 0.55, "gold": 0.25, "travel": 0.15, "student": 0.05}),
        "existing_customer": crowd.existing_customer(),
    }
    burden = 0.8 * np.clip(limit / income - 0.15, -0.2, 0.6)
    return Applications(_table(columns), crowd.defaults(-3.1, burden, employment))


def personal_loans(rng: np.random.Generator, rows: int, pushed: float = 0.0) -> Applications:
    """Draw applications for personal loans; the parameters are those of `Crowd`."""
    crowd = Crowd(rng, rows, pushed)
    income, employment = crowd.income(), crowd.employment()
    amount = np.round(np.clip(0.3 * income * np.exp(0.6 * crowd.noise()), 1_000, 50_000), -2)
    term = rng.choice([12, 24, 36, 48, 60], size=rows, p=[0.1, 0.2, 0.35, 0.15, 0.2])
    other_payments = 0.18 * income * np.exp(0.3 * crowd.strain + 0.4 * crowd.noise())
    dti = (other_payments + 12 * 1.1 * amount / term) / income
    columns: Columns = {
        "income": _missing(crowd, income, 0.02),
        "dti": _missing(crowd, np.round(dti, 3), 0.02),
        "bureau_score": crowd.bureau_score(),
        "utilisation": crowd.utilisation(),
        "age_of_oldest_account": crowd.age_of_oldest_account(),
        "inquiries_6m": crowd.inquiries_6m(),
        "arrears_12m": crowd.arrears_12m(),
        "amount": amount,
        "term_months": term,
        "employment": employment,
        "region": crowd.one_of(REGIONS),
        "channel": crowd.channel({"web": 0.44, "branch": 0.24, "mobile": 0.22, "affiliate": 0.1}),
        "purpose": crowd.one_of(
            {"car": 0.28, "home": 0.24, "debt_consolidation": 0.3, "wedding": 0.08, "other": 0.1}
        ),
        "existing_customer": crowd.existing_customer(),
    }
    burden = 1.2 * np.clip(dti - 0.35, -0.3, 0.8)
    return Applications(_table(columns), crowd.defaults(-3.0, burden, employment))


def auto(rng: np.random.Generator, rows: int, pushed: float = 0.0) -> Applications:
    """Draw applications for car finance; the parameters are those of `Crowd`."""
    crowd = Crowd(rng, rows, pushed)
    income, employment = crowd.income(), crowd.employment()
    is_new = crowd.happens(0.3)
    vehicle_age = np.where(is_new, 0, 1 + rng.poisson(4, rows))
    value = np.exp(9.9 + 0.3 * crowd.wealth + 0.3 * crowd.noise() - 0.1 * vehicle_age)
    value = np.round(np.clip(value, 1_500, 150_000), -2)
    deposit = np.where(crowd.happens(0.35), 0, np.round(rng.beta(2, 8, rows), 2))
    columns: Columns = {
        "income": _missing(crowd, income, 0.02),
        "bureau_score": crowd.bureau_score(),
        "months_since_delinquency": crowd.months_since_delinquency(),
        "inquiries_6m": crowd.inquiries_6m(),
        "vehicle_value": value,
        "vehicle_age": vehicle_age,
        "loan_amount": np.round(value * (1 - deposit)),
        "deposit_share": deposit,
        "term_months": rng.choice([24, 36, 48, 60], size=rows, p=[0.1, 0.3, 0.4, 0.2]),
        "employment": employment,
        "region": crowd.one_of(REGIONS),
        "channel": crowd.channel({"dealer": 0.62, "web": 0.26, "branch": 0.12}),
        "existing_customer": crowd.existing_customer(),
    }
    burden = 0.6 * np.clip(value / income - 0.4, -0.4, 1.5) - 1.5 * deposit
    return Applications(_table(columns), crowd.defaults(-3.0, burden, employment))


def mortgages(rng: np.random.Generator, rows: int, pushed: float = 0.0) -> Applications:
    """Draw applications for mortgages, as raw columns; the parameters are those of `Crowd`."""
    crowd = Crowd(rng, rows, pushed)
    income, employment = crowd.income(), crowd.employment()
    value = np.round(np.exp(12.4 + 0.35 * crowd.wealth + 0.35 * crowd.noise()), -3)
    # Many borrow as much as the product allows, so loans pile up at its limits.
    wanted = np.minimum(rng.beta(5, 2.2, rows), 0.95)
    loan_to_value = np.where(crowd.happens(0.25), rng.choice([0.75, 0.9], size=rows), wanted)
    other_payments = np.round(np.exp(5.2 + 0.4 * crowd.strain + 0.6 * crowd.noise()))
    first_time_buyer = crowd.happens(_logistic((34 - crowd.age) / 5))
    columns: Columns = {
        "monthly_income": _missing(crowd, np.round(income / 12), 0.02),
        "other_debt_payments": np.where(crowd.happens(0.45), 0, other_payments),
        "property_value": value,
        "loan_amount": np.round(value * loan_to_value, -2),
        "rate_percent": np.round(3.6 + 1.5 * loan_to_value + 0.3 * crowd.noise(), 2),
        "term_years": rng.choice([15, 20, 25, 30, 35], size=rows, p=[0.08, 0.2, 0.4, 0.22, 0.1]),
        "bureau_score": crowd.bureau_score(),
        "age_of_oldest_account": crowd.age_of_oldest_account(),
        "months_since_delinquency": crowd.months_since_delinquency(),
        "employment": employment,
        "region": crowd.one_of(REGIONS),
        "channel": crowd.channel({"broker": 0.66, "branch": 0.2, "web": 0.14}),
        "product": crowd.one_of({"fixed_2y": 0.4, "fixed_5y": 0.45, "tracker": 0.15}),
        "first_time_buyer": first_time_buyer,
    }
    burden = 2 * (loan_to_value - 0.7) + 0.1 * np.clip(value * loan_to_value / income - 5, -4, 8)
    return Applications(_table(columns), crowd.defaults(-3.3, burden, employment))


def overdrafts(rng: np.random.Generator, rows: int, pushed: float = 0.0) -> Applications:
    """Draw applications for overdrafts; the parameters are those of `Crowd`."""
    crowd = Crowd(rng, rows, pushed)
    income, employment = crowd.income(), crowd.employment()
    paid_in = np.round(income / 12 * np.exp(0.2 * crowd.noise()))
    lowest = np.round(paid_in * (0.5 - 0.35 * crowd.strain + 0.3 * crowd.noise()))
    limit = np.round(np.clip(0.6 * paid_in * np.exp(0.5 * crowd.noise()), 100, 5_000), -2)
    columns: Columns = {
        "monthly_paid_in": _missing(crowd, paid_in, 0.01),
        "lowest_balance_3m": lowest,
        "days_overdrawn_3m": rng.poisson(np.exp(0.6 + 0.6 * crowd.strain)),
        "returned_payments_6m": rng.poisson(np.exp(-1.6 + 0.7 * crowd.strain)),
        "bureau_score": crowd.bureau_score(),
        "utilisation": crowd.utilisation(),
        "inquiries_6m": crowd.inquiries_6m(),
        "requested_limit": limit,
        "employment": employment,
        "region": crowd.one_of(REGIONS),
        "channel": crowd.channel({"mobile": 0.58, "web": 0.27, "branch": 0.15}),
        "existing_customer": crowd.existing_customer(),
    }
    burden = 0.5 * np.clip(limit / paid_in - 0.6, -0.5, 1.5)
    return Applications(_table(columns), crowd.defaults(-2.6, burden, employment))


def _missing(crowd: Crowd, values: Floats, share: float) -> Floats:
    return np.where(crowd.happens(share), np.nan, values)


def _logistic(log_odds: Floats) -> Floats:
    odds: Floats = 1 / (1 + np.exp(-log_odds))
    return odds


def _table(columns: Columns) -> pa.Table:
    return pa.table({name: pa.array(v, from_pandas=True) for name, v in columns.items()})
