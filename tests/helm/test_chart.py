"""The Helm chart, rendered by Helm itself and checked against Kubernetes' own schemas."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import helm_python
import kubernetes_validate
import pytest
import yaml
from cloudcoil.models.keda import v1alpha1 as keda
from cloudcoil.models.prometheus_operator import v1 as operator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline import metrics
from pipeline.settings import Settings, load

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "voc"
VERSIONS = ("1.27", "1.30", "1.33")
OPERATORS = {
    "PodMonitor": operator.PodMonitor,
    "ServiceMonitor": operator.ServiceMonitor,
    "PrometheusRule": operator.PrometheusRule,
    "ScaledObject": keda.ScaledObject,
}
"""Kinds that Kubernetes itself has no schema of."""

EVERYTHING: dict[str, Any] = {
    "kafka": {
        "securityProtocol": "sasl_ssl",
        "username": "voc",
        "passwordSecret": "kafka-password",
        "tlsSecret": "kafka-tls",
        "clientCertificate": True,
    },
    "clickhouse": {
        "passwordSecret": "clickhouse-password",
        "secure": True,
        "tlsSecret": "ch-tls",
        "cluster": "main",
    },
    "image": {"pullSecrets": ["registry"]},
    "model": {"existingClaim": "models"},
    "worker": {
        "autoscaling": {"enabled": True},
        "extraEnv": [{"name": "A", "value": "b"}],
        "extraVolumes": [{"name": "x", "emptyDir": {}}],
        "extraVolumeMounts": [{"name": "x", "mountPath": "/x"}],
        "nodeSelector": {"a": "b"},
        "tolerations": [{"key": "a", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "podAnnotations": {"a": "b"},
    },
    "watcher": {"holidays": ["2026-12-25"], "zone": "Asia/Seoul"},
    "gateway": {
        "tokensSecret": "tokens",
        "ingress": {"enabled": True, "host": "voc.example.com", "tlsSecret": "tls"},
        "autoscaling": {"enabled": True},
    },
    "networkPolicy": {
        "enabled": True,
        "metricsFrom": [{"namespaceSelector": {}}],
        "gatewayFrom": [{"podSelector": {"matchLabels": {"app": "shop"}}}],
    },
    "monitoring": {
        "podMonitor": {"enabled": True, "labels": {"release": "prom"}},
        "rules": {"enabled": True, "runbookBase": "https://example.com/runbooks"},
        "dashboards": {"enabled": True},
    },
    "settings": {"VOC_LOG__LEVEL": "debug", "VOC_WORKER__BLOCK_ROWS": 256},
    "commonLabels": {"team": "cx"},
}


def render(values: dict[str, Any]) -> list[dict[str, Any]]:
    """The objects of a release, hooks included."""
    with helm_python.Chart.load(str(CHART)) as chart:
        files = chart.render(values, name="demo", namespace="prod")
    texts = [text for name, text in files.items() if not name.endswith(".txt")]
    return [each for text in texts for each in yaml.safe_load_all(text) if each]


def one(objects: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    (found,) = [o for o in objects if o["kind"] == kind and o["metadata"]["name"] == name]
    return found


def pods(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The pod specs of everything that runs."""
    templates = [o["spec"]["template"]["spec"] for o in objects if "template" in o.get("spec", {})]
    return templates + [o["spec"] for o in objects if o["kind"] == "Pod"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("values", [{}, EVERYTHING, {"worker": {"keda": {"enabled": True}}}])
def test_every_object_is_valid_in_kubernetes(version: str, values: dict[str, Any]) -> None:
    objects = render(values)
    assert len(objects) >= 8
    for each in objects:
        if each["kind"] not in OPERATORS:
            kubernetes_validate.validate(each, version, strict=True)


@pytest.mark.parametrize("values", [EVERYTHING, {"worker": {"keda": {"enabled": True}}}])
def test_operators_objects_fit_their_definitions(values: dict[str, Any]) -> None:
    found = [each for each in render(values) if each["kind"] in OPERATORS]
    assert found
    for each in found:
        model = OPERATORS[each["kind"]].model_validate(each)
        kept = model.model_dump(mode="json", by_alias=True, exclude_none=True)["spec"]
        assert _shape(each["spec"]) <= _shape(kept), "a field that the definition does not know"


def _shape(value: Any, path: str = "") -> set[str]:
    """The paths of all fields in a value."""
    if isinstance(value, dict):
        inner = [_shape(each, f"{path}.{name}") for name, each in value.items()]
        return {path}.union(*inner)
    if isinstance(value, list):
        return {path}.union(*[_shape(each, f"{path}[]") for each in value])
    return {path}


def test_lint_finds_nothing_worse_than_a_missing_icon() -> None:
    found = helm_python.lint(str(CHART))
    assert found["errors"] == []
    assert [m["error"] for m in found["messages"]] == ["icon is recommended"]


@pytest.mark.parametrize("values", [{}, EVERYTHING])
def test_pods_keep_to_the_restricted_standard(values: dict[str, Any]) -> None:
    specs = pods(render(values))
    assert len(specs) == 5
    for spec in specs:
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in spec["containers"]:
            security = container["securityContext"]
            assert security["readOnlyRootFilesystem"] is True
            assert security["allowPrivilegeEscalation"] is False
            assert security["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["limits"]["memory"]


def test_no_secret_is_written_out() -> None:
    text = yaml.safe_dump_all(render(EVERYTHING))
    assert "kind: Secret\n" not in text
    for name in ("VOC_PRIVACY__SECRET", "VOC_KAFKA__PASSWORD", "VOC_WAREHOUSE__PASSWORD"):
        (first, *_) = re.findall(rf"name: {name}\n\s+(\w+):", text)
        assert first == "valueFrom"


@pytest.mark.parametrize("values", [{}, EVERYTHING])
def test_the_product_accepts_the_settings_it_is_given(
    values: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    given = one(render(values), "ConfigMap", "demo-voc")["data"]
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("VOC_KAFKA__PASSWORD", "x" if "VOC_KAFKA__USERNAME" in given else "")
    monkeypatch.setenv("VOC_PRIVACY__SECRET", "x" * 32)
    loaded = load()
    assert isinstance(loaded, Settings)
    assert loaded.kafka.bootstrap == "kafka:9092"
    assert loaded.watch.port == 9102


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"worker": {"replicas": "two"}}, "replicas"),
        ({"worker": {"replica": 2}}, "replica"),
        ({"kafka": {"bootstrap": "kafka"}}, "bootstrap"),
        ({"kafka": {"securityProtocol": "tls"}}, "securityProtocol"),
        ({"privacy": {"secretName": ""}}, "secretName"),
        ({"settings": {"LOG": "x"}}, "VOC_"),
        ({"image": {"digest": "abc"}}, "digest"),
        ({"worker": {"drainSeconds": 55}}, "terminationGracePeriodSeconds"),
        ({"worker": {"autoscaling": {"enabled": True}, "keda": {"enabled": True}}}, "exclude"),
        ({"worker": {"keda": {"enabled": True, "maxReplicas": 20}}}, "kafka.partitions"),
        ({"worker": {"autoscaling": {"enabled": True, "minReplicas": 9}}}, "minReplicas"),
        ({"kafka": {"securityProtocol": "sasl_ssl"}}, "passwordSecret"),
        ({"kafka": {"username": "voc"}}, "not a sasl one"),
        ({"kafka": {"clientCertificate": True}}, "tlsSecret"),
        ({"kafka": {"tlsSecret": "x"}}, "use ssl or sasl_ssl"),
        (
            {
                "kafka": {
                    "tlsSecret": "x",
                    "securityProtocol": "sasl_plaintext",
                    "username": "voc",
                    "passwordSecret": "x",
                }
            },
            "use ssl or sasl_ssl",
        ),
        ({"clickhouse": {"tlsSecret": "x"}}, "clickhouse.secure"),
        ({"gateway": {"ingress": {"enabled": True}}}, "ingress.host"),
    ],
)
def test_wrong_values_are_refused_by_name(values: dict[str, Any], message: str) -> None:
    with pytest.raises(Exception, match=re.escape(message)):
        render(values)


def test_the_grace_period_outlasts_the_drain() -> None:
    objects = render({"worker": {"drainSeconds": 100, "terminationGracePeriodSeconds": 120}})
    spec = one(objects, "Deployment", "demo-voc-worker")["spec"]["template"]["spec"]
    drain = one(objects, "ConfigMap", "demo-voc")["data"]["VOC_WORKER__DRAIN"]
    assert spec["terminationGracePeriodSeconds"] >= int(drain) + 10


@pytest.mark.parametrize("migrating", [True, False])
def test_the_settings_of_the_release_are_no_hook(migrating: bool) -> None:
    # As a hook, `helm rollback` kept the new settings, and `migrate.enabled` could not be switched.
    objects = render({"migrate": {"enabled": migrating}})
    settings = one(objects, "ConfigMap", "demo-voc")
    assert "annotations" not in settings["metadata"]
    hooks = [o for o in objects if "helm.sh/hook" in o["metadata"].get("annotations", {})]
    wanted = {"demo-voc-test"} | ({"demo-voc-migrate"} if migrating else set())
    assert {o["metadata"]["name"] for o in hooks} == wanted
    for name in ("worker", "watcher", "gateway"):
        assert _settings_of(one(objects, "Deployment", f"demo-voc-{name}")) == "demo-voc"


def test_the_migration_has_the_same_settings_earlier() -> None:
    objects = render(EVERYTHING)
    job = one(objects, "Job", "demo-voc-migrate")
    own = one(objects, "ConfigMap", _settings_of(job))
    assert own["data"] == one(objects, "ConfigMap", "demo-voc")["data"]
    weights = [int(o["metadata"]["annotations"]["helm.sh/hook-weight"]) for o in (own, job)]
    assert weights == sorted(weights)
    assert own["metadata"]["name"] != "demo-voc"


def _settings_of(made: dict[str, Any]) -> str:
    (container,) = made["spec"]["template"]["spec"]["containers"]
    (source,) = container["envFrom"]
    return str(source["configMapRef"]["name"])


def test_the_test_pod_reaches_the_gateway_through_the_policy() -> None:
    objects = render(EVERYTHING)
    labels = one(objects, "Pod", "demo-voc-test")["metadata"]["labels"]
    gateway = one(objects, "Deployment", "demo-voc-gateway")["spec"]["template"]["metadata"]
    policy = one(objects, "NetworkPolicy", "demo-voc")["spec"]
    assert _reaches(policy["egress"], "to", 8080, gateway["labels"])
    assert _reaches(policy["ingress"], "from", 8080, labels)
    assert _reaches(policy["ingress"], "from", 8080, {"app": "shop"})
    assert not _reaches(policy["ingress"], "from", 8080, {"app": "other"})
    assert not _reaches(policy["egress"], "to", 8080, {"app": "other"})


def _reaches(rules: list[dict[str, Any]], side: str, port: int, labels: dict[str, str]) -> bool:
    """Whether a rule of a network policy admits pods with these labels, of its own namespace."""
    peers = [rule.get(side) for rule in rules if port in [p["port"] for p in rule["ports"]]]
    wanted = [each["podSelector"]["matchLabels"] for some in peers for each in some or ()]
    return None in peers or any(selector.items() <= labels.items() for selector in wanted)


@pytest.mark.parametrize("program", ["worker", "watcher"])
def test_who_reads_the_model_has_it(program: str) -> None:
    # Without it the watcher took owners from the shipped taxonomy: none for the model's own topics.
    objects = render({"model": {"existingClaim": "mine", "subPath": "tuned"}})
    path = one(objects, "ConfigMap", "demo-voc")["data"]["VOC_MODEL__PATH"]
    spec = one(objects, "Deployment", f"demo-voc-{program}")["spec"]["template"]["spec"]
    (mount,) = [m for m in spec["containers"][0]["volumeMounts"] if m["name"] == "models"]
    assert path == f"{mount['mountPath']}/tuned"
    (volume,) = [v for v in spec["volumes"] if v["name"] == "models"]
    assert volume["persistentVolumeClaim"]["claimName"] == "mine"


def test_an_upgrade_without_changes_changes_nothing() -> None:
    assert render(EVERYTHING) == render(json.loads(json.dumps(EVERYTHING)))


def test_a_changed_setting_restarts_the_pods() -> None:
    def checksum(values: dict[str, Any]) -> str:
        worker = one(render(values), "Deployment", "demo-voc-worker")
        return str(worker["spec"]["template"]["metadata"]["annotations"]["checksum/config"])

    assert checksum({}) == checksum({"worker": {"replicas": 5}})
    assert checksum({}) == checksum({"migrate": {"enabled": False}})
    assert checksum({}) != checksum({"settings": {"VOC_LOG__LEVEL": "debug"}})


_replicas = st.integers(0, 8)
_values = st.fixed_dictionaries(
    {},
    optional={
        "fullnameOverride": st.from_regex(r"[a-z][a-z0-9-]{0,60}[a-z0-9]", fullmatch=True),
        "worker": st.fixed_dictionaries(
            {},
            optional={
                "replicas": _replicas,
                "topologySpread": st.booleans(),
                "pdb": st.fixed_dictionaries({"minAvailable": st.integers(0, 2)}),
            },
        ),
        "watcher": st.fixed_dictionaries({"enabled": st.booleans()}),
        "gateway": st.fixed_dictionaries({"enabled": st.booleans()}),
        "migrate": st.fixed_dictionaries({"enabled": st.booleans(), "topics": st.booleans()}),
        "serviceAccount": st.fixed_dictionaries({"create": st.booleans()}),
        "networkPolicy": st.fixed_dictionaries({"enabled": st.booleans()}),
    },
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_values)
def test_any_combination_of_switches_is_valid(values: dict[str, Any]) -> None:
    names = set()
    for each in render(values):
        if each["kind"] not in OPERATORS:
            kubernetes_validate.validate(each, "1.30", strict=True)
        key = each["kind"], each["metadata"]["name"]
        assert key not in names, f"{key} is there twice"
        assert len(each["metadata"]["name"]) <= 63
        names.add(key)


def test_the_generated_files_are_up_to_date() -> None:
    run = subprocess.run([sys.executable, ROOT / "helm" / "generate.py", "--check"], check=False)
    assert run.returncode == 0, "run: python helm/generate.py"


def test_every_value_is_described() -> None:
    def leaves(schema: dict[str, Any], path: str = "") -> list[str]:
        if schema.get("description"):
            return []
        if "properties" not in schema:
            return [path]
        inner = schema["properties"].items()
        return [p for name, each in inner for p in leaves(each, f"{path}.{name}")]

    assert leaves(json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))) == []


def rules() -> list[dict[str, Any]]:
    """The rules, as the chart ships them."""
    document = yaml.safe_load((CHART / "rules" / "voc.yaml").read_text(encoding="utf-8"))
    return [rule for group in document["groups"] for rule in group["rules"]]


def test_rules_use_metrics_that_exist() -> None:
    known = {each.name for each in metrics.describe()}
    known |= {f"{n}_{s}" for n in known for s in ("bucket", "sum", "count")}
    known |= {rule["record"] for rule in rules() if "record" in rule}
    used = {name for rule in rules() for name in re.findall(r"\bvoc[_:][a-z0-9_:]+", rule["expr"])}
    assert used - known == set()
    assert len(used) > 15


def test_every_alert_says_what_it_means_and_where_to_go() -> None:
    alerts = [rule for rule in rules() if "alert" in rule]
    pages = {path.stem for path in (ROOT / "docs" / "runbooks").glob("*.md")}
    assert {rule["alert"] for rule in alerts} == pages
    for rule in alerts:
        assert rule["labels"]["severity"]
        assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
        assert rule["annotations"]["runbook_url"].endswith(f"/{rule['alert']}.md")


def test_the_chart_carries_the_rules_with_its_own_runbook_address() -> None:
    rule = one(render(EVERYTHING), "PrometheusRule", "demo-voc")
    urls = re.findall(r"https://\S+\.md", yaml.safe_dump(rule, width=1000))
    assert urls
    assert all(url.startswith("https://example.com/runbooks/") for url in urls)


@pytest.mark.prometheus
def test_promtool_agrees_with_the_rules(tmp_path: Path) -> None:
    for path in (CHART / "rules" / "voc.yaml", Path(__file__).parent / "rules_test.yaml"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    run = subprocess.run(
        ["promtool", "test", "rules", tmp_path / "rules_test.yaml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
