-- What the first mortgage model takes, from the application's raw columns.
select
    application_id,
    loan_amount / property_value as ltv,
    (
        other_debt_payments
        + loan_amount * (rate_percent / 1200) / (1 - pow(1 + rate_percent / 1200, -12 * term_years))
    ) / monthly_income as dti,
    loan_amount / (12 * monthly_income) as loan_to_income,
    term_years,
    bureau_score,
    age_of_oldest_account,
    months_since_delinquency,
    employment,
    region,
    channel,
    product,
    first_time_buyer
from batch
