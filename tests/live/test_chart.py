"""The chart as Helm renders it, and as a real API server takes it.

KUBE_TEST_CONFIG names the kubeconfig of an API server for tests: a namespace is made there and removed, the rest are
dry runs.
"""

import copy
import json
import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.places import CHART, DEPLOY, EXAMPLE_VALUES, read_yaml

pytestmark = pytest.mark.live
Manifest = dict[str, Any]
KUBE_VERSION = "1.33.0"
OPERATOR = {"ServiceMonitor", "PrometheusRule"}  # kinds that a cluster knows with the Prometheus Operator alone
EVERYTHING = ("--set", "secrets.backendKey.name=backend", "--set", "settings.BACKEND_CLIENT_ID=trialhook")


def helm(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    if not shutil.which("helm"):
        pytest.skip("helm is not here")
    return subprocess.run(["helm", *map(str, arguments)], capture_output=True, text=True)


def rendered(*arguments: str) -> list[Manifest]:
    done = helm("template", "site", CHART, "-f", EXAMPLE_VALUES, "--kube-version", KUBE_VERSION, *arguments)
    assert done.returncode == 0, done.stderr
    return [manifest for manifest in yaml.safe_load_all(done.stdout) if manifest]


def of_kind(manifests: list[Manifest], kind: str) -> Manifest:
    [found] = [manifest for manifest in manifests if manifest["kind"] == kind]
    return found


@pytest.fixture(scope="module")
def manifests() -> list[Manifest]:
    return rendered(*EVERYTHING)


def pod_templates(manifests: list[Manifest]) -> dict[str, Manifest]:
    """The Pods of the service and of the screening."""
    job = of_kind(manifests, "CronJob")["spec"]["jobTemplate"]["spec"]
    return {"service": of_kind(manifests, "Deployment")["spec"]["template"], "screening": job["template"]}


# -- rendered


def test_the_chart_passes_lint() -> None:
    done = helm("lint", "--strict", CHART, "-f", EXAMPLE_VALUES)
    assert done.returncode == 0, done.stdout


def test_everything_is_there(manifests: list[Manifest]) -> None:
    assert sorted(manifest["kind"] for manifest in manifests) == [
        "ConfigMap",
        "CronJob",
        "Deployment",
        "HorizontalPodAutoscaler",
        "Ingress",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "Service",
        "ServiceAccount",
        "ServiceMonitor",
    ]


def matches(selector: dict[str, str], labels: dict[str, str]) -> bool:
    return selector.items() <= labels.items()


def test_every_selector_finds_what_it_should_and_nothing_else(manifests: list[Manifest]) -> None:
    service, screening = (pod_templates(manifests)[name]["metadata"]["labels"] for name in ("service", "screening"))
    for kind, path in {
        "Service": ("selector",),
        "Deployment": ("selector", "matchLabels"),
        "PodDisruptionBudget": ("selector", "matchLabels"),
    }.items():
        selector = of_kind(manifests, kind)["spec"]
        for step in path:
            selector = selector[step]
        assert matches(selector, service), kind
        assert not matches(selector, screening), kind
    everyone = of_kind(manifests, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"]
    assert matches(everyone, service)
    assert matches(everyone, screening)
    scraped = of_kind(manifests, "ServiceMonitor")["spec"]["selector"]["matchLabels"]
    assert matches(scraped, of_kind(manifests, "Service")["metadata"]["labels"])


def test_names_of_ports_are_those_of_the_container(manifests: list[Manifest]) -> None:
    [container] = pod_templates(manifests)["service"]["spec"]["containers"]
    assert [port["name"] for port in container["ports"]] == ["http"]
    probes = [container[name]["httpGet"]["port"] for name in ("startupProbe", "readinessProbe", "livenessProbe")]
    assert {*probes, of_kind(manifests, "Service")["spec"]["ports"][0]["targetPort"]} == {"http"}
    assert of_kind(manifests, "ServiceMonitor")["spec"]["endpoints"][0]["port"] == "http"


@pytest.mark.parametrize("name", ["service", "screening"])
def test_every_mount_has_its_volume(manifests: list[Manifest], name: str) -> None:
    spec = pod_templates(manifests)[name]["spec"]
    [container] = spec["containers"]
    mounted = [mount["name"] for mount in container["volumeMounts"]]
    assert sorted(mounted) == sorted(volume["name"] for volume in spec["volumes"])


@pytest.mark.parametrize("name", ["service", "screening"])
def test_pods_cannot_write_gain_rights_or_ask_the_cluster(manifests: list[Manifest], name: str) -> None:
    spec = pod_templates(manifests)[name]["spec"]
    [container] = spec["containers"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert "memory" in container["resources"]["limits"]


def test_the_network_policy_lets_out_to_the_named_servers_and_dns_only(manifests: list[Manifest]) -> None:
    policy = of_kind(manifests, "NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert all(rule["to"] and rule["ports"] for rule in policy["egress"])
    out = {(port["protocol"], port["port"]) for rule in policy["egress"] for port in rule["ports"]}
    assert out == {("UDP", 53), ("TCP", 53), ("TCP", 5432), ("TCP", 443)}


def test_no_secret_is_in_what_is_rendered(manifests: list[Manifest]) -> None:
    assert not [manifest for manifest in manifests if manifest["kind"] == "Secret"]
    for pod in pod_templates(manifests).values():
        names = [entry["name"] for entry in pod["spec"]["containers"][0]["env"]]
        assert not {"TRIALHOOK_DATABASE_URL", "TRIALHOOK_SECRET", "TRIALHOOK_BACKEND_KEY"} & set(names)
        assert len(names) == len(set(names))


def test_the_screening_is_given_no_secret_of_the_service(manifests: list[Manifest]) -> None:
    volumes = pod_templates(manifests)["screening"]["spec"]["volumes"]
    assert [v["secret"]["secretName"] for v in volumes if "secret" in v] == ["backend"]
    assert not [volume for volume in volumes if "projected" in volume]


@pytest.mark.parametrize(
    ("recorded", "expected"),
    [
        (("settings.DECISION_LOG=database", "secrets.decisionKey.name=decisions"), True),
        (("settings.AUDIT_EVENTS=database",), True),
        (("settings.AUDIT_EVENTS=https://audit.example.org/fhir", "secrets.auditToken.name=audit"), False),
    ],
    ids=["decisions in the database", "AuditEvents in the database", "AuditEvents on a server"],
)
def test_a_screening_that_is_recorded_in_the_database_reaches_it(recorded: tuple[str, ...], expected: bool) -> None:
    manifests = rendered(*(part for value in recorded for part in ("--set", value)))
    [container] = pod_templates(manifests)["screening"]["spec"]["containers"]
    given = {entry["name"] for entry in container["env"]}
    assert ("TRIALHOOK_DATABASE_URL_FILE" in given) is expected
    assert ("/run/secrets/trialhook" in {mount["mountPath"] for mount in container["volumeMounts"]}) is expected


def test_the_screening_runs_on_the_day_of_the_site(manifests: list[Manifest]) -> None:
    assert of_kind(manifests, "CronJob")["spec"]["timeZone"] == "Europe/Berlin"


def test_a_digest_replaces_the_tag() -> None:
    digest = f"sha256:{'0' * 64}"
    pods = pod_templates(rendered("--set", f"image.digest={digest}"))
    assert {pod["spec"]["containers"][0]["image"] for pod in pods.values()} == {f"trialhook@{digest}"}


def test_alerts_and_dashboard_are_installed_where_they_are_asked_for() -> None:
    asked = ("prometheusRule.enabled=true", "dashboard.enabled=true", "prometheusRule.labels.release=monitoring")
    manifests = rendered(*(part for value in asked for part in ("--set", value)))
    rule = of_kind(manifests, "PrometheusRule")
    assert rule["spec"] == read_yaml(DEPLOY / "alerts" / "trialhook.yaml")
    assert rule["metadata"]["labels"]["release"] == "monitoring"
    [board] = [m for m in manifests if m["metadata"]["name"].endswith("-dashboard")]
    assert board["metadata"]["labels"]["grafana_dashboard"] == "1"
    expected = json.loads((DEPLOY / "grafana" / "trialhook.json").read_text("utf-8"))
    assert json.loads(board["data"]["trialhook.json"]) == expected


def test_the_collector_of_traces_is_let_out_to() -> None:
    peer = ("networkPolicy.collector[0].peers[0].ipBlock.cidr=10.20.0.30/32", "networkPolicy.collector[0].port=4318")
    manifests = rendered(*(part for value in peer for part in ("--set", value)))
    out = of_kind(manifests, "NetworkPolicy")["spec"]["egress"]
    assert [rule for rule in out if rule["ports"] == [{"protocol": "TCP", "port": 4318}]]


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("publicUrl=", "publicUrl"),
        ("clients=null", "clients"),
        ("secrets.database.name=", "secrets.database.name"),
        ("secrets.sealing.name=", "secrets.sealing.name"),
        ("networkPolicy.fhir=null", "networkPolicy"),
        ("networkPolicy.database.peers=null", "networkPolicy"),
        ("ingress.tlsSecret=", "ingress.tlsSecret"),
        ("screening.outputClaim=", "screening.outputClaim"),
        ("screening.source=", "screening.source"),
    ],
)
def test_what_is_missing_is_named(missing: str, said: str) -> None:
    done = helm("template", "site", CHART, "-f", EXAMPLE_VALUES, "--kube-version", KUBE_VERSION, "--set", missing)
    assert done.returncode != 0
    assert said in done.stderr.replace("/", ".")


# -- a real API server


def kubectl(*arguments: str, given: str = "") -> "subprocess.CompletedProcess[str]":
    config = os.environ.get("KUBE_TEST_CONFIG")
    if not config or not shutil.which("kubectl"):
        pytest.skip("KUBE_TEST_CONFIG names no API server to test with, or kubectl is not here")
    command = ["kubectl", "--kubeconfig", config, *arguments]
    return subprocess.run(command, input=given, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def namespace() -> Iterator[str]:
    """A namespace that refuses Pods which are not restricted."""
    name = f"trialhook-{uuid.uuid4().hex[:8]}"
    label = {"pod-security.kubernetes.io/enforce": "restricted"}
    made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": label}}
    done = kubectl("create", "-f", "-", given=json.dumps(made))
    assert done.returncode == 0, done.stderr
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


def dry_run(namespace: str, manifests: list[Manifest]) -> "subprocess.CompletedProcess[str]":
    given = yaml.safe_dump_all(manifests)
    return kubectl("apply", "-n", namespace, "--dry-run=server", "--validate=strict", "-f", "-", given=given)


def check_taken(manifests: list[Manifest], namespace: str) -> None:
    """All of them, but of the Prometheus Operator's only those whose kind the server knows."""
    known = kubectl("api-resources", "--api-group=monitoring.coreos.com", "--no-headers").stdout
    taken = [manifest for manifest in manifests if manifest["kind"] not in OPERATOR or manifest["kind"] in known]
    done = dry_run(namespace, taken)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.count("(server dry run)") == len(taken) >= len(manifests) - len(OPERATOR)


def test_a_real_api_server_takes_every_manifest(manifests: list[Manifest], namespace: str) -> None:
    check_taken(manifests, namespace)


def peer(place: str, port: int) -> tuple[str, ...]:
    return (f"networkPolicy.{place}[0].peers[0].ipBlock.cidr=10.20.0.30/32", f"networkPolicy.{place}[0].port={port}")


WITH_RECORDS = (
    "settings.DECISION_LOG=database", "settings.DECISION_INPUTS=yes", "secrets.decisionKey.name=decisions",
    "settings.AUDIT_EVENTS=https://audit.example.org/fhir", "secrets.auditToken.name=audit", *peer("audit", 443),
)  # fmt: skip
WITH_MONITORING = (
    "serviceMonitor.labels.release=monitoring", "prometheusRule.enabled=true",
    "prometheusRule.labels.release=monitoring", "dashboard.enabled=true",
    "settings.OTLP_ENDPOINT=http://collector.monitoring:4318", *peer("collector", 4318),
)  # fmt: skip
WITH_PLACEMENT = (
    "autoscaling.enabled=false", "replicas=3", "image.pullSecrets[0]=registry", "nodeSelector.zone=a",
    "tolerations[0].operator=Exists", "podAnnotations.team=trials", *peer("keySets", 443),
)  # fmt: skip
SCREENING_A_SERVER = (
    "screening.source=https://ehr.example.org/fhir/r4", "screening.sourceClaim=", "screening.options[0]=--bulk",
    "screening.timeZone=Europe/Vienna",
)  # fmt: skip


@pytest.mark.parametrize(
    "values",
    [WITH_RECORDS, WITH_MONITORING, WITH_PLACEMENT, SCREENING_A_SERVER],
    ids=["records", "monitoring", "placement", "screening a server"],
)
def test_a_real_api_server_takes_what_is_off_unless_asked_for(values: tuple[str, ...], namespace: str) -> None:
    asked = rendered(*EVERYTHING, *(part for value in values for part in ("--set", value)))
    check_taken(asked, namespace)
    for template in pod_templates(asked).values():
        done = dry_run(namespace, [pod_of(template)])
        assert done.returncode == 0, done.stderr


def pod_of(template: Manifest) -> Manifest:
    """The Pod itself: where a Deployment breaks the rules of its namespace there is only a warning."""
    metadata = {"name": "probe", "labels": template["metadata"]["labels"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": copy.deepcopy(template["spec"])}


@pytest.mark.parametrize("name", ["service", "screening"])
def test_the_pods_are_restricted(manifests: list[Manifest], namespace: str, name: str) -> None:
    done = dry_run(namespace, [pod_of(pod_templates(manifests)[name])])
    assert done.returncode == 0, done.stderr


def test_the_api_server_would_refuse_a_pod_that_is_not(manifests: list[Manifest], namespace: str) -> None:
    pod = pod_of(pod_templates(manifests)["service"])
    pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    done = dry_run(namespace, [pod])
    assert done.returncode != 0
    assert "violates PodSecurity" in done.stderr
