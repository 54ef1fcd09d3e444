-- The second mortgage model also asks what is left of the income if rates rise by three points.
with repayments as (
    select
        *,
        rate_percent / 1200 as monthly_rate,
        (rate_percent + 3) / 1200 as stressed_rate,
        -12 * term_years as periods
    from batch
)
select
    application_id,
    loan_amount / property_value as ltv,
    (
        other_debt_payments + loan_amount * monthly_rate / (1 - pow(1 + monthly_rate, periods))
    ) / monthly_income as dti,
    loan_amount / (12 * monthly_income) as loan_to_income,
    monthly_income
    - other_debt_payments
    - loan_amount * stressed_rate / (1 - pow(1 + stressed_rate, periods)) as stressed_surplus,
    bureau_score,
    age_of_oldest_account,
    months_since_delinquency,
    employment,
    region,
    channel,
    product,
    first_time_buyer
from repayments
