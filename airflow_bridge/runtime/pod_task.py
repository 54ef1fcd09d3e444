"""A task whose pod makes an asset's partition and records it in Dagster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator

from .compat import AirflowException
from .day import day_of
from .lineage import HasLineage
from .tags import dag_run_tags, run_tags

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DAGSTER_HOME = "/opt/dagster/home"
WRITABLE = {"tmp": "/tmp", "dagster-home": DAGSTER_HOME}


class MonitoringPod(HasLineage, KubernetesPodOperator):  # type: ignore[misc]
    """Run the ``monitoring`` command in a pod, for the day of the DAG run.

    A worker that is restarted finds the pod again (the provider's ``reattach_on_restart``, which
    is its default and in Airflow 3.3 is called ``durable``). A failed pod is kept for
    inspection.

    Parameters
    ----------
    command
        What to do, up to the day: the words after ``monitoring``.
    model, kubernetes
        A model version and Kubernetes' settings, as in the bundle's manifest.
    **kwargs
        Airflow's.
    """

    # The pod has texts of a team's manifest. Airflow would render them, and take one that ends in
    # .json for the name of a template.
    template_fields = tuple(
        name for name in KubernetesPodOperator.template_fields if name != "pod_template_dict"
    )

    def __init__(
        self,
        *,
        command: Sequence[str],
        model: Mapping[str, Any],
        kubernetes: Mapping[str, Any],
        **kwargs: Any,
    ) -> None:
        super().__init__(
            namespace=kubernetes["namespace"],
            kubernetes_conn_id=kubernetes["connection"],
            in_cluster=True if kubernetes["connection"] is None else None,
            pod_template_dict=pod_of(model, kubernetes),
            deferrable=kubernetes["deferrable"],
            get_logs=True,
            on_finish_action="delete_succeeded_pod",
            # The error of a failed task ends with the end of the pod's log, not with the pod's
            # whole specification.
            termination_message_policy="FallbackToLogsOnError",
            log_pod_spec_on_failure=False,
            **kwargs,
        )
        self.command = list(command)
        self.model = model

    def render_template_fields(self, context: Any, jinja_env: Any = None) -> None:
        """Complete the arguments, which Airflow then shows as they are run."""
        super().render_template_fields(context, jinja_env)
        self.arguments = [
            *self.command,
            "--date",
            str(day_of(context, self.model["timezone"])),
            *(word for tag in self.tags(context).items() for word in ("--tag", "=".join(tag))),
        ]

    def tags(self, context: Any) -> dict[str, str]:
        """Tags of the run that the pod records."""
        return run_tags(context, self.model["run_tags"])


class ChecksPod(MonitoringPod):
    """Judge the runs of the DAG run by the checks that they recorded."""

    def tags(self, context: Any) -> dict[str, str]:
        """Tags by which these runs are found."""
        return dag_run_tags(context)

    def cleanup(self, *args: Any, **kwargs: Any) -> None:
        """End the pod; if it failed, remember why for the DAG run's note.

        Raises
        ------
        AirflowException
            If it failed.
        """
        try:
            super().cleanup(*args, **kwargs)
        except AirflowException as error:
            if kwargs.get("context"):
                said = str(error)  # which pod failed, then the end of its log
                why = said.partition("\n")[2] or said
                kwargs["context"]["ti"].xcom_push(key="why", value=why)
            raise


def pod_of(model: Mapping[str, Any], kubernetes: Mapping[str, Any]) -> dict[str, Any]:
    """The pod of a model version's tasks, in the words of Kubernetes.

    It is what the Pod Security Standard ``restricted`` asks for, and its files cannot be changed
    but for those below ``/tmp`` and ``DAGSTER_HOME``.
    """
    pod = model["pod"]
    requests = {name: pod[name] for name in ("cpu", "memory") if pod[name]}
    # A leak ends its own pod and no neighbour's; spare CPU may be used.
    limits = {name: value for name, value in requests.items() if name == "memory"}
    volumes = [*({"name": name, "emptyDir": {}} for name in WRITABLE), *kubernetes["volumes"]]
    mounts = [
        *({"name": name, "mountPath": path} for name, path in WRITABLE.items()),
        *kubernetes["volume_mounts"],
    ]
    env = [{"name": name, "value": value} for name, value in kubernetes["env"].items()]
    home = kubernetes["home_config_map"]
    if home:
        file = "dagster.yaml"
        volumes.append({"name": "dagster-instance", "configMap": {"name": home}})
        # The file alone, as Dagster wants to write beside it.
        path = f"{DAGSTER_HOME}/{file}"
        mounts.append({"name": "dagster-instance", "mountPath": path, "subPath": file})
        env.append({"name": "DAGSTER_HOME", "value": DAGSTER_HOME})
    container = {
        "name": "base",  # the provider's name of the container whose log it shows
        "image": kubernetes["image"],
        "imagePullPolicy": kubernetes["image_pull_policy"],
        "command": kubernetes["command"],
        "env": env,
        "envFrom": [
            *({"configMapRef": {"name": name}} for name in kubernetes["config_maps"]),
            *({"secretRef": {"name": name}} for name in kubernetes["secrets"]),
        ],
        "resources": {"requests": requests, "limits": limits},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": mounts,
    }
    security: dict[str, Any] = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    if kubernetes["run_as_user"] is not None:
        security["runAsUser"] = kubernetes["run_as_user"]
    spec: dict[str, Any] = {
        "containers": [container],
        "nodeSelector": pod["node_selector"],
        "restartPolicy": "Never",
        "securityContext": security,
        "tolerations": pod["tolerations"],
        "volumes": volumes,
    }
    if kubernetes["service_account"]:
        spec["serviceAccountName"] = kubernetes["service_account"]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"labels": kubernetes["labels"]},
        "spec": spec,
    }
