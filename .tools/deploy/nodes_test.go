package deploy

import (
	"strings"
	"testing"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// manyNodes are the values of the manifest for several nodes.
const manyNodes = `{replicas: 3, store: {existingSecret: consentd-store}, persistence: {size: 1Gi},
	networkPolicy: {egress: [{ports: [{port: 5432}]}]}}`

// secretOfVariable is where a variable of a container comes from; nil: it has none of that name.
func secretOfVariable(c core.Container, name string) *core.SecretKeySelector {
	for _, v := range c.Env {
		if v.Name == name && v.ValueFrom != nil {
			return v.ValueFrom.SecretKeyRef
		}
	}
	return nil
}

// checkNodes: several pods share a database, which they are told of by a Secret alone; one pod has a store of its own.
func (o objects) checkNodes(t *testing.T) {
	t.Helper()
	pod := o.set.Spec.Template.Spec
	store, replicas := secretOfVariable(pod.Containers[0], "CONSENTD_STORE"), *o.set.Spec.Replicas
	if replicas > 1 && store == nil {
		t.Errorf("%d replicas of an embedded store", replicas)
	}
	for _, name := range []string{"store", "read-replicas"} {
		if value, ok := o.settingsOf(t)[name]; ok {
			t.Errorf("%s is in the settings, which are no Secret: %s", name, value)
		}
	}
	if store != nil && o.network != nil && len(o.network.Spec.Egress) == 0 {
		t.Error("the network policy keeps nodes from their database")
	}
	if o.migrate != nil {
		o.checkMigration(t)
	}
	if replicas == 1 {
		return
	}
	if o.budget != nil && o.budget.Spec.MaxUnavailable.IntValue() >= int(replicas) {
		t.Error("all nodes may be taken at once")
	}
	if len(pod.TopologySpreadConstraints) != 2 {
		t.Error("all nodes may be on one machine, or in one zone")
	}
	for _, c := range pod.TopologySpreadConstraints {
		if selector, err := meta.LabelSelectorAsSelector(c.LabelSelector); err != nil ||
			selector.Empty() || !selector.Matches(labels.Set(o.set.Spec.Template.Labels)) {
			t.Errorf("it spreads %v, %v; the pod is %v", selector, err, o.set.Spec.Template.Labels)
		}
	}
}

// checkMigration: it is sealed as nodes are, ends, runs before them, and gets none of their calls.
func (o objects) checkMigration(t *testing.T) {
	t.Helper()
	template := o.migrate.Spec.Template
	checkSealed(t, template)
	checkMounts(t, template.Spec, nil)
	if template.Spec.RestartPolicy != core.RestartPolicyNever && template.Spec.RestartPolicy != core.RestartPolicyOnFailure {
		t.Errorf("restart policy %q: a Job needs one under which it ends", template.Spec.RestartPolicy)
	}
	if hooks := o.migrate.Annotations["helm.sh/hook"]; hooks != "pre-install,pre-upgrade" {
		t.Errorf("it runs at %q, want before pods are made or replaced", hooks)
	}
	if secretOfVariable(template.Spec.Containers[0], "CONSENTD_STORE") == nil {
		t.Error("it is not told of the database")
	}
	if template.Spec.Containers[0].Image != o.set.Spec.Template.Spec.Containers[0].Image {
		t.Error("it brings the database to the form of another version")
	}
	for _, s := range o.services {
		if labels.SelectorFromSet(s.Spec.Selector).Matches(labels.Set(template.Labels)) {
			t.Errorf("service %s sends it calls", s.Name)
		}
	}
}

// TestSeveralNodes: what the values for them come to.
func TestSeveralNodes(t *testing.T) {
	for name, test := range map[string]struct {
		values                    string
		migrates                  bool
		store, replicas, migrator string
		unavailable               int
	}{
		"as in the manifest": {values: manyNodes, migrates: true, store: "consentd-store/url", migrator: "consentd-store/url", unavailable: 1},
		"one, on a database": {
			values:   `{store: {existingSecret: db, key: uri}, networkPolicy: {enabled: false}}`,
			migrates: true, store: "db/uri", migrator: "db/uri",
		},
		"replicas that answer reads": {
			values: `{replicas: 2, store: {existingSecret: db, readReplicasKey: replicas}, networkPolicy: {enabled: false},
				podDisruptionBudget: {maxUnavailable: 0}}`,
			migrates: true, store: "db/url", replicas: "db/replicas", migrator: "db/url",
		},
		"another role for tables": {
			values: `{replicas: 5, store: {existingSecret: db, migrate: {existingSecret: owner, key: uri}}, networkPolicy: {enabled: false},
				files: {database: database-ca}}`,
			migrates: true, store: "db/url", migrator: "owner/uri", unavailable: 1,
		},
		"tables by hand": {
			values: `{replicas: 2, store: {existingSecret: db, migrate: {enabled: false}}, networkPolicy: {enabled: false}}`,
			store:  "db/url", unavailable: 1,
		},
		"an embedded store": {values: `{}`},
	} {
		t.Run(name, func(t *testing.T) {
			all := release{name: "consentd", values: test.values}.decode(t)
			all.checkNodes(t)
			node := all.set.Spec.Template.Spec.Containers[0]
			wantSecret(t, node, "CONSENTD_STORE", test.store)
			wantSecret(t, node, "CONSENTD_READ_REPLICAS", test.replicas)
			if (all.migrate != nil) != test.migrates {
				t.Errorf("a Job that migrates: %v, want %v", all.migrate != nil, test.migrates)
			}
			if all.migrate != nil {
				wantSecret(t, all.migrate.Spec.Template.Spec.Containers[0], "CONSENTD_STORE", test.migrator)
			}
			if got := all.budget.Spec.MaxUnavailable.IntValue(); got != test.unavailable {
				t.Errorf("%d may be unavailable, want %d", got, test.unavailable)
			}
		})
	}
}

func wantSecret(t *testing.T, c core.Container, variable, want string) {
	t.Helper()
	got := ""
	if s := secretOfVariable(c, variable); s != nil {
		got = s.Name + "/" + s.Key
	}
	if got != want {
		t.Errorf("%s of %s is from %q, want %q", variable, c.Name, got, want)
	}
}

// TestStoreIsNamedBySecretsAlone: a URL in the values would end up in what everybody may read.
func TestStoreIsNamedBySecretsAlone(t *testing.T) {
	for _, name := range []string{"store", "read-replicas"} {
		err := release{name: "consentd", values: `{settings: {` + name + `: "postgres://a:secret@b/c"}}`}.refused(t)
		if text := err.Error(); !strings.Contains(text, "store.existingSecret") || strings.Contains(text, "secret@") {
			t.Errorf("want the value that names a Secret, and no password: %v", err)
		}
	}
}
