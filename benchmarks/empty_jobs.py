"""Jobs that do nothing, with as many steps as a day of a model: the cost of the machinery alone."""

import dagster as dg
from dagster_k8s import k8s_job_executor

STEPS = 11
ACCOUNT = {
    "dagster-k8s/config": {
        "pod_spec_config": {
            "service_account_name": "monitoring-run-steps",
            "automount_service_account_token": True,
        }
    }
}


def _step(number: int) -> dg.AssetsDefinition:
    @dg.asset(name=f"step_{number}", deps=[f"step_{number - 1}"] if number else [])
    def step() -> None:
        pass

    return step


defs = dg.Definitions(
    assets=[_step(number) for number in range(STEPS)],
    jobs=[
        dg.define_asset_job("one_process", "*", executor_def=dg.in_process_executor),
        dg.define_asset_job("step_pods", "*", executor_def=k8s_job_executor, tags=ACCOUNT),
    ],
)
