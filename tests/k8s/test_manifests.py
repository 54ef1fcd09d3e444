"""The manifests beside the chart: accounts, rights, networks, the migration."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.k8s import pod_security
from tests.k8s.conftest import FACTS, leaves, of_kind

# The oldest release that EKS supports, and the newest that the schemas know.
VERSIONS = ["1.31", "1.37"]
CALLS = {"read": "get", "list": "list", "create": "create", "delete": "delete"}
KINDS = {
    "job": "jobs",
    "job_status": "jobs/status",
    "pod": "pods",
    "pod_log": "pods/log",
    "event": "events",
}
Rights = set[tuple[str, str]]


def rights(role: dict[str, Any]) -> Rights:
    """Pairs of a resource and a verb that a Role grants."""
    rules = role["rules"]
    return {(kind, verb) for rule in rules for kind in rule["resources"] for verb in rule["verbs"]}


def calls_of(*sources: Path) -> Rights:
    """Pairs of a resource and a verb that Python sources ask Kubernetes for."""
    call = re.compile(rf"({'|'.join(CALLS)})_namespaced_({'|'.join(KINDS)})")
    nodes = [node for source in sources for node in ast.walk(ast.parse(source.read_text()))]
    names = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    found = {match for name in names if (match := call.fullmatch(name))}
    return {(KINDS[match[2]], CALLS[match[1]]) for match in found}


def dagster_k8s(*modules: str) -> list[Path]:
    """Sources of dagster-k8s."""
    import dagster_k8s

    return [Path(dagster_k8s.__file__).parent / f"{module}.py" for module in modules]


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_own_schemas_accept_every_object(objects, version) -> None:
    validate = pytest.importorskip("kubernetes_validate", reason="needs kubernetes-validate")
    for one in objects:
        validate.validate(one, version, strict=True)


def test_objects_are_of_the_namespace_and_named_once(objects) -> None:
    cluster_wide = {"Namespace", "PriorityClass"}
    for one in objects:
        expected = None if one["kind"] in cluster_wide else "monitoring"
        assert one["metadata"].get("namespace") == expected, one["metadata"]["name"]
    names = [(one["kind"], one["metadata"]["name"]) for one in objects]
    assert len(names) == len(set(names))


def test_the_namespace_takes_restricted_pods_only(objects) -> None:
    labels = of_kind(objects, "Namespace")["monitoring"]["metadata"]["labels"]
    for mode in ("enforce", "warn", "audit"):
        assert labels[f"pod-security.kubernetes.io/{mode}"] == "restricted"


def test_the_launcher_may_do_what_dagster_k8s_asks_for_and_nothing_else(objects) -> None:
    roles = of_kind(objects, "Role")
    jobs = calls_of(*dagster_k8s("client", "launcher", "executor"))
    assert rights(roles["monitoring-jobs"]) == jobs
    own = [file for file in Path("resources").rglob("*.py") if "namespaced" in file.read_text()]
    assert own
    assert rights(roles["monitoring-pods"]) == calls_of(*dagster_k8s("pipes"), *own) - jobs


def test_no_role_has_a_wildcard_or_reaches_a_secret(objects) -> None:
    assert of_kind(objects, "ClusterRole") == {}
    assert of_kind(objects, "ClusterRoleBinding") == {}
    for role in of_kind(objects, "Role").values():
        for rule in role["rules"]:
            assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
        granted = {kind for kind, _ in rights(role)}
        assert granted <= {"jobs", "jobs/status", "pods", "pods/log", "events"}


def test_who_may_start_pods(objects) -> None:
    bound = {
        (binding["roleRef"]["name"], subject["name"])
        for binding in of_kind(objects, "RoleBinding").values()
        for subject in binding["subjects"]
    }
    assert bound == {
        ("monitoring-jobs", "monitoring-dagster"),
        ("monitoring-jobs", "monitoring-run-steps"),
        ("monitoring-pods", "monitoring-run-steps"),
        ("airflow-tasks", "airflow-worker"),
    }


def test_bindings_name_what_there_is(objects) -> None:
    accounts, roles = of_kind(objects, "ServiceAccount"), of_kind(objects, "Role")
    for binding in of_kind(objects, "RoleBinding").values():
        assert binding["roleRef"]["name"] in roles
        for subject in binding["subjects"]:
            own = subject["namespace"] == "monitoring"
            assert subject["name"] in accounts if own else subject["namespace"] == "airflow"


def test_an_account_without_rights_has_no_token(objects) -> None:
    bound = {
        subject["name"]
        for binding in of_kind(objects, "RoleBinding").values()
        for subject in binding["subjects"]
    }
    for name, account in of_kind(objects, "ServiceAccount").items():
        assert account.get("automountServiceAccountToken", True) == (name in bound), name


def test_each_account_trusts_and_is_trusted_by_its_role(objects, policies, environment) -> None:
    """IRSA has two ends: the account's annotation, and the role's trust policy."""
    roles = {}
    for name, account in of_kind(objects, "ServiceAccount").items():
        arn = account["metadata"]["annotations"]["eks.amazonaws.com/role-arn"]
        prefix = f"arn:aws:iam::{FACTS['ACCOUNT_ID']}:role/model-monitoring-{environment}-"
        assert arn.startswith(prefix)
        roles.setdefault(arn.removeprefix(prefix), set()).add(
            f"system:serviceaccount:monitoring:{name}"
        )
    trusted = {}
    for name, document in policies.items():
        if not name.endswith(".trust"):
            continue
        (statement,) = document["Statement"]
        assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
        provider = FACTS["OIDC_PROVIDER"]
        assert statement["Principal"] == {
            "Federated": f"arn:aws:iam::{FACTS['ACCOUNT_ID']}:oidc-provider/{provider}"
        }
        condition = statement["Condition"]["StringEquals"]
        assert condition[f"{provider}:aud"] == "sts.amazonaws.com"
        trusted[name.removesuffix(".trust")] = set(condition[f"{provider}:sub"])
    assert roles == trusted


def allows(objects: list[dict[str, Any]], labels: dict[str, str], direction: str) -> set[str]:
    """Names of the policies that open a direction for pods with these labels."""

    def selected(selector: dict[str, Any]) -> bool:
        exact = selector.get("matchLabels", {}).items()
        one_of = selector.get("matchExpressions", [])
        assert all(rule["operator"] == "In" for rule in one_of)
        return all(labels.get(key) == value for key, value in exact) and all(
            labels.get(rule["key"]) in rule["values"] for rule in one_of
        )

    policies = of_kind(objects, "NetworkPolicy").items()
    return {
        name
        for name, policy in policies
        if direction in policy["spec"] and selected(policy["spec"]["podSelector"])
    }


@pytest.mark.parametrize(
    ("role", "out", "into"),
    [
        ("webserver", {"dns-and-https", "database", "definitions"}, {"webserver"}),
        ("daemon", {"dns-and-https", "database", "definitions"}, set()),
        ("code", {"dns-and-https", "database", "metrics"}, {"code-server"}),
        ("run", {"dns-and-https", "database", "metrics"}, set()),
        ("migrate", {"dns-and-https", "database"}, set()),
        (None, {"dns-and-https"}, set()),  # a model's own container
    ],
)
def test_who_reaches_whom(objects, role, out, into) -> None:
    labels = {} if role is None else {"monitoring/role": role}
    assert allows(objects, labels, "egress") == out
    assert allows(objects, labels, "ingress") == into


def test_what_is_not_allowed_is_denied_for_every_pod(objects) -> None:
    spec = of_kind(objects, "NetworkPolicy")["default-deny"]["spec"]
    assert spec == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for policy in of_kind(objects, "NetworkPolicy").values():
        for direction in ("ingress", "egress"):
            for rule in policy["spec"].get(direction, []):
                assert rule["ports"], "a rule without ports opens all of them"
                assert rule.get("to") or rule.get("from"), "a rule without peers opens to all"


def test_the_nodes_credentials_are_out_of_reach(objects) -> None:
    blocks = [
        (peer["ipBlock"], rule["ports"])
        for policy in of_kind(objects, "NetworkPolicy").values()
        for rule in policy["spec"].get("egress", [])
        for peer in rule["to"]
        if "ipBlock" in peer
    ]
    for block, ports in blocks:
        if block["cidr"] == "0.0.0.0/0":
            assert block["except"] == ["169.254.169.254/32"]
            assert ports == [{"protocol": "TCP", "port": 443}]


def test_the_migration_is_a_restricted_pod_of_the_released_image(objects) -> None:
    job = of_kind(objects, "Job")["monitoring-migrate"]["spec"]
    pod = job["template"]["spec"]
    assert list(pod_security.restricted(pod)) == []
    assert list(pod_security.ours(pod)) == []
    (container,) = pod["containers"]
    assert container["image"] == f"{FACTS['IMAGE']}@sha256:{FACTS['IMAGE_SHA256']}"
    assert container["command"] == ["dagster", "instance", "migrate"]
    assert pod["automountServiceAccountToken"] is False
    assert "serviceAccountName" not in pod  # no role in AWS either


def test_whatever_a_pod_leaves_open_gets_requests_and_limits(objects) -> None:
    (limit,) = of_kind(objects, "LimitRange")["containers"]["spec"]["limits"]
    assert limit["type"] == "Container"
    assert set(limit["defaultRequest"]) == {"cpu", "memory", "ephemeral-storage"}
    assert set(limit["default"]) == {"memory", "ephemeral-storage"}


def test_runs_give_way_to_the_platform_and_histories_to_runs(objects) -> None:
    classes = of_kind(objects, "PriorityClass")
    order = [classes[name]["value"] for name in ("monitoring-backfill", "monitoring-run")]
    assert order[0] < order[1] < 0  # 0: a pod without a class
    assert classes["monitoring-backfill"]["preemptionPolicy"] == "Never"
    assert not any(one.get("globalDefault") for one in classes.values())


def test_a_drain_is_never_blocked(objects) -> None:
    for budget in of_kind(objects, "PodDisruptionBudget").values():
        assert budget["spec"]["maxUnavailable"] == 1


def test_the_environment_is_read_by_the_product(objects) -> None:
    """A misspelt name would be an ignored setting."""
    data = of_kind(objects, "ConfigMap")["monitoring-env"]["data"]
    sources = "".join(file.read_text() for file in Path("resources").rglob("*.py"))
    for name in data.keys() - {"AWS_REGION"}:
        assert f'"{name}"' in sources, name
    assert data["MONITORING_REGISTRY"] == "s3://lender-artifacts/models"


def test_the_starters_account_may_start_pods(objects) -> None:
    data = of_kind(objects, "ConfigMap")["monitoring-env"]["data"]
    assert data["MONITORING_STARTER_ACCOUNT"] == "monitoring-run-steps"
    assert data["MONITORING_STARTER_ACCOUNT"] in of_kind(objects, "ServiceAccount")


def test_a_models_own_container_is_a_restricted_pod(objects, tmp_path, monkeypatch) -> None:
    from dagster_k8s.pipes import build_pod_body
    from kubernetes.client import ApiClient

    from resources.kubernetes.pod import Pod
    from resources.scorers.image import ImageScoring
    from resources.scorers.scoring_pod import scoring_pod_spec

    text = of_kind(objects, "ConfigMap")["monitoring-scoring-pod"]["data"]["scoring-pod.yaml"]
    file = tmp_path / "scoring-pod.yaml"
    file.write_text(text)
    monkeypatch.setenv("MONITORING_SCORING_POD", str(file))
    scoring = ImageScoring.model_validate(
        {
            "flavour": "image",
            "image": "registry.example/pd@sha256:" + "0" * 64,
            "command": ["score"],
        }
    )
    pod = Pod.model_validate({"memory": "2Gi"})
    body = build_pod_body(
        pod_name="model",
        image=scoring.image,
        command=["score"],
        env_vars={},
        base_pod_meta={},
        base_pod_spec=scoring_pod_spec(scoring, pod, None),
    )
    spec = ApiClient().sanitize_for_serialization(body)["spec"]
    assert list(pod_security.restricted(spec)) == []
    assert spec["serviceAccountName"] == "monitoring-model"
    assert spec["automountServiceAccountToken"] is False
    assert spec["priorityClassName"] in of_kind(objects, "PriorityClass")
    assert spec["containers"][0]["env"] == [{"name": "AWS_REGION", "value": "eu-west-1"}]
    assert spec["containers"][0]["resources"]["limits"] == {"memory": "2Gi"}


def test_airflows_instance_is_the_charts(objects, values) -> None:
    """Two descriptions of one database and one place for logs."""
    text = of_kind(objects, "ConfigMap")["monitoring-dagster-home"]["data"]["dagster.yaml"]
    instance = yaml.safe_load(text)
    chart = values["postgresql"]
    assert instance["storage"]["postgres"]["postgres_db"] == {
        "username": chart["postgresqlUsername"],
        "password": {"env": "DAGSTER_PG_PASSWORD"},
        "hostname": chart["postgresqlHost"],
        "db_name": chart["postgresqlDatabase"],
        "port": chart["service"]["port"],
        "scheme": chart["postgresqlScheme"],
        "params": chart["postgresqlParams"],
    }
    logs = values["computeLogManager"]["config"]["s3ComputeLogManager"]
    snake = {
        re.sub(r"([A-Z])", lambda m: f"_{m[1].lower()}", key): value for key, value in logs.items()
    }
    assert instance["compute_logs"]["config"] == snake


def test_dagster_accepts_the_instance(objects, tmp_path, monkeypatch) -> None:
    from dagster_postgres.utils import pg_url_from_config

    from resources.dagster_internals import InstanceRef

    monkeypatch.setenv("DAGSTER_PG_PASSWORD", "p@ss/word")
    text = of_kind(objects, "ConfigMap")["monitoring-dagster-home"]["data"]["dagster.yaml"]
    (tmp_path / "dagster.yaml").write_text(text)
    reference = InstanceRef.from_dir(str(tmp_path))
    assert reference.settings["telemetry"] == {"enabled": False}
    storage = reference.storage_data
    assert storage.class_name == "DagsterPostgresStorage"
    url = pg_url_from_config(yaml.safe_load(storage.config_yaml) | {"postgres_db": _given(storage)})
    assert url.startswith(
        "postgresql+psycopg2://dagster:p%40ss/word@db.internal.example:5432/dagster?"
    )
    assert "sslmode=require" in url


def _given(storage: Any) -> dict[str, Any]:
    """The settings of the database, its password taken from the environment as Dagster does."""
    settings = yaml.safe_load(storage.config_yaml)["postgres_db"]
    return settings | {"password": "p@ss/word"}


def test_no_secret_is_written_down(objects, values, policies) -> None:
    """Wherever a secret could stand there is nothing, or the name of a Secret."""
    assert of_kind(objects, "Secret") == {}
    secret = re.compile(r"password|secret|token|api_?key|routing_?key", re.I)
    names = {"dagster-postgresql", "monitoring-alerting", "DAGSTER_PG_PASSWORD"}
    for document in (objects, values, policies):
        for path, value in leaves(document):
            if secret.search(path.rpartition(".")[2]):
                assert isinstance(value, bool) or value in names | {"", "postgresql-password"}, path
