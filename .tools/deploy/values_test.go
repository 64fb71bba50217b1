package deploy

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/v2/lint"
	"helm.sh/helm/v4/pkg/chart/v2/lint/support"
	apps "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/equality"
)

// releases are those that every check is made for.
var releases = map[string]release{
	"as it is": {name: "consentd"},
	"plaintext in a mesh": {name: "c", values: `{tls: {secret: ""}, insecure: true,
		serviceMonitor: {enabled: true, labels: {release: prometheus}}}`},
	"mutual TLS": {name: "consentd", values: `{tls: {clientCA: {secret: clients}}}`},
	"API keys":   {name: "consentd", values: `{apiKeys: {secret: keys, key: keys.txt}}`},
	"grants":     {name: "consentd", values: `{apiKeys: {secret: keys}, access: {secret: grants}}`},
	"tokens": {name: "consentd", values: `{jwt: {issuer: "https://issuer.example", audience: consentd,
		jwks: {url: "https://issuer.example/jwks"}}, networkPolicy: {egress: [{ports: [{port: 443}]}]}}`},
	"tokens with keys from a file": {name: "consentd", values: `{jwt: {issuer: "https://issuer.example", audience: consentd,
		jwks: {secret: jwks}}}`},
	"all settings": {name: "consentd", values: `{settings: {cache-size: 512MiB, policies-keep: 10000, shadow-rate: 0,
		log-level: warn, policies: "https://bundles.example/consentd.tar.gz", policies-token-file: /etc/consentd/files/bundles/token},
		files: {bundles: consentd-bundles}}`},
	"a long name":      {name: "a-release-whose-name-has-as-many-letters-as-helm-lets-it-x.y", values: `{nameOverride: another}`},
	"a name with dots": {name: "privacy.eu"},
	"another user's choice": {name: "consentd", values: `{user: null, drainSeconds: 120, image: {digest: "sha256:` +
		strings.Repeat("a", 64) + `"}, imagePullSecrets: [{name: registry}], env: [{name: GOMEMLIMIT, value: 700MiB}],
		probes: {startSeconds: 33, restartOnRefusedWrites: true},
		persistence: {storageClass: fast, accessMode: ReadWriteOncePod, size: 100Gi},
		podDisruptionBudget: {maxUnavailable: 1}, priorityClassName: high, nodeSelector: {disk: nvme},
		tolerations: [{key: a, operator: Exists}], affinity: {nodeAffinity: {}}, podAnnotations: {a: b}, podLabels: {team: privacy},
		service: {type: LoadBalancer, grpcPort: 443, annotations: {a: b}}, serviceAccount: {annotations: {a: b}}}`},
	"guarded by others": {name: "consentd", values: `{podDisruptionBudget: {enabled: false}, networkPolicy: {enabled: false},
		serviceAccount: {create: false, name: theirs}}`},
	"several nodes": {name: "consentd", values: manyNodes},
	"several nodes, with all there is": {name: "c", values: `{replicas: 5, store: {existingSecret: db, key: uri, readReplicasKey: replicas,
		migrate: {existingSecret: owner}}, files: {database: database-ca}, env: [{name: CONSENTD_NODE_LEASE, value: 5s}],
		networkPolicy: {egress: [{ports: [{port: 5432}]}]}, imagePullSecrets: [{name: registry}], user: null,
		nodeSelector: {disk: nvme}, tolerations: [{key: a, operator: Exists}]}`},
	"a database, a long name": {name: "a-release-whose-name-has-as-many-letters-as-helm-lets-it-x.y",
		values: `{store: {existingSecret: db}, networkPolicy: {enabled: false}, nameOverride: another}`},
	"who may call": {name: "consentd", values: `{networkPolicy: {clients: [{namespaceSelector: {matchLabels: {a: b}}}],
		monitoring: [{podSelector: {}}]}, serviceMonitor: {enabled: true, tlsConfig: {insecureSkipVerify: true},
		authorization: {credentials: {name: scrape, key: token}}}}`},
}

// TestChart: what holds for each release.
func TestChart(t *testing.T) {
	for name, r := range releases {
		t.Run(name, func(t *testing.T) {
			all := r.decode(t)
			if t.Failed() {
				return
			}
			all.checkNames(t)
			all.checkPod(t)
			all.checkNodes(t)
			all.checkReferences(t)
			all.checkProbes(t, strings.Contains(r.values, "restartOnRefusedWrites: true"))
		})
	}
}

// takesSettings: the server has nothing to say against the settings of each release.
func takesSettings(t *testing.T, server string) {
	help, err := exec.CommandContext(t.Context(), server, "--help").Output()
	must(t, err)
	for name, r := range releases {
		t.Run(name, func(t *testing.T) {
			all := r.decode(t)
			for setting := range all.settingsOf(t) {
				if !strings.Contains(string(help), "--"+setting+" ") {
					t.Skipf("this server has no setting %s", setting)
				}
			}
			file := settingsFile(t, all.settings.Data["consentd.yaml"])
			validate := exec.CommandContext(t.Context(), server, "--validate", "--config", file)
			validate.Env = []string{}
			if secretOfVariable(all.set.Spec.Template.Spec.Containers[0], "CONSENTD_STORE") != nil {
				validate.Env = []string{"CONSENTD_STORE=postgres://consentd@database.example/consentd?sslmode=verify-full"}
			}
			if out, err := validate.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s\n%s", err, out, all.settings.Data["consentd.yaml"])
			}
		})
	}
}

// TestNumbersStayWhatTheyWere: Helm reads all numbers as floating point.
func TestNumbersStayWhatTheyWere(t *testing.T) {
	r := release{name: "consentd", values: `{settings: {a: 0.5, b: 123456789012, c: 0, d: true, e: "1e3", f: "007"}}`}
	got := r.decode(t).settingsOf(t)
	for name, want := range map[string]string{"a": "0.5", "b": "123456789012", "c": "0", "d": "true", "e": "1e3", "f": "007"} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
}

// TestWrongValuesAreRefused: with what is said of each.
func TestWrongValuesAreRefused(t *testing.T) {
	for values, says := range map[string][]string{
		`{tls: {secret: ""}}`: {"tls.secret", "plaintext", "insecure: true"},
		`{tls: {secret: "", clientCA: {secret: a}}, insecure: true}`: {"tls.clientCA.secret"},
		`{jwt: {issuer: a}}`: {"jwt", "audience"},
		`{jwt: {audience: a, issuer: b, jwks: {url: "https://a", secret: b}}}`: {"jwt.jwks", "keep one"},
		`{jwt: {audience: a, issuer: b, jwks: {url: "ftp://a"}}}`:              {"url"},
		`{replicas: 2}`:   {"replicas", "store.existingSecret"},
		`{replicas: 0}`:   {"replicas"},
		`{replicas: "3"}`: {"replicas"},
		`{replicas: 3, store: {existingSecret: a}}`:         {"networkPolicy.egress", "5432"},
		`{store: {readReplicasKey: a}}`:                     {"store.existingSecret"},
		`{store: {url: "postgres://a"}}`:                    {"store", "url"},
		`{store: {migrate: {existingSecret: a}}}`:           {"store.existingSecret"},
		`{settings: {grpc-addr: ":1"}}`:                     {"settings.grpc-addr", "remove it"},
		`{settings: {data-dir: /data}}`:                     {"settings.data-dir", "remove it"},
		`{settings: {cache_size: 1MiB}}`:                    {"settings", "cache_size"},
		`{settings: {cache-size: [1MiB]}}`:                  {"cache-size"},
		`{files: {"../tls": a}}`:                            {"files"},
		`{files: {a: ""}}`:                                  {"files"},
		`{user: 0}`:                                         {"user"},
		`{podDisruptionBudget: {maxUnavailable: "50%"}}`:    {"maxUnavailable"},
		`{resources: {limits: {memory: null}}}`:             {"memory"},
		`{persistence: {size: 10 GB}}`:                      {"size"},
		`{persistence: {accessMode: ReadWriteMany}}`:        {"accessMode"},
		`{image: {digest: abc}}`:                            {"digest"},
		`{image: {pullpolicy: Always}}`:                     {"pullpolicy"},
		`{service: {grpcPort: "443"}}`:                      {"grpcPort"},
		`{probes: {restartOnRefusedWrites: "no"}}`:          {"restartOnRefusedWrites"},
		`{drainSeconds: 0}`:                                 {"drainSeconds"},
		`{tls: {secret: "Not A Name"}}`:                     {"secret"},
		`{serviceMonitor: {enabled: true, interval: "30"}}`: {"interval"},
		`{networkPolicy: {clients: {podSelector: {}}}}`:     {"clients"},
		`{env: {GOMEMLIMIT: 1GiB}}`:                         {"env"},
	} {
		t.Run(values, func(t *testing.T) {
			err := release{name: "consentd", values: values}.refused(t)
			for _, text := range says {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("%q is not said in: %v", text, err)
				}
			}
		})
	}
}

// TestUpgradesChangeNothingImmutable: the API refuses an upgrade that changes any of it.
func TestUpgradesChangeNothingImmutable(t *testing.T) {
	before := release{name: "consentd"}.decode(t).set
	after := release{name: "consentd", version: "v9.0.0", values: `{image: {tag: v9}, settings: {cache-size: 1GiB},
		podLabels: {a: b}, apiKeys: {secret: keys}, user: 1000, nameOverride: ""}`}.decode(t).set
	if after.Spec.Template.Spec.Containers[0].Image != "consentd:v9" {
		t.Fatalf("the upgrade is none: %s", after.Spec.Template.Spec.Containers[0].Image)
	}
	if before.Spec.Template.Annotations["consentd.io/settings"] == after.Spec.Template.Annotations["consentd.io/settings"] {
		t.Error("other settings leave the pod as it is")
	}
	immutable := func(s *apps.StatefulSet) []any {
		return []any{s.Name, s.Spec.Selector, s.Spec.ServiceName, s.Spec.PodManagementPolicy, s.Spec.VolumeClaimTemplates}
	}
	for i, want := range immutable(before) {
		if got := immutable(after)[i]; !equality.Semantic.DeepEqual(got, want) {
			t.Errorf("changed from %+v to %+v", want, got)
		}
	}
}

// TestLint: what helm lint warns of.
func TestLint(t *testing.T) {
	linted := lint.RunAll(chart, map[string]any{}, "consentd", lint.WithKubeVersion(&common.DefaultCapabilities.KubeVersion))
	for _, m := range linted.Messages {
		if m.Severity > support.InfoSev {
			t.Errorf("%v", m)
		}
	}
}

// TestSchemaIsWhole: a reference to elsewhere would be fetched by whoever installs.
func TestSchemaIsWhole(t *testing.T) {
	schema, err := os.ReadFile(chart + "/values.schema.json")
	must(t, err)
	if strings.Contains(string(schema), "$ref") {
		t.Error("it refers to something")
	}
}
