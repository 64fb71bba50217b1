package deploy

import (
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	kubescheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

const chart = root + "/server/deploy/helm/consentd"

// release is a name and values that the chart is rendered for.
type release struct{ name, version, values string }

// render returns the documents of a release by file, as helm install would send them, or what helm refuses.
func (r release) render(t *testing.T) (map[string]string, error) {
	t.Helper()
	loaded, err := loader.Load(chart)
	must(t, err)
	if r.version != "" {
		loaded.Metadata.AppVersion = r.version
	}
	values := map[string]any{}
	must(t, yaml.Unmarshal([]byte(r.values), &values))
	options := common.ReleaseOptions{Name: r.name, Namespace: "consentd", Revision: 1, IsInstall: true}
	all, err := util.ToRenderValues(loaded, values, options, common.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	strict := engine.Engine{Strict: true} // a value that is not there is no empty one
	files, err := strict.RenderWithContext(t.Context(), loaded, all)
	maps.DeleteFunc(files, func(name, text string) bool {
		return path.Ext(name) != ".yaml" || strings.TrimSpace(text) == ""
	})
	return files, err
}

// objects are what a release puts into the cluster.
type objects struct {
	set       *apps.StatefulSet
	migrate   *batch.Job
	services  []*core.Service
	settings  *core.ConfigMap
	account   *core.ServiceAccount
	budget    *policy.PodDisruptionBudget
	network   *networking.NetworkPolicy
	monitor   *monitoring.ServiceMonitor
	documents []runtime.Object
}

// decode reads each document into its type; a field that the API does not have, or has twice, is a fault.
func (r release) decode(t *testing.T) (all objects) {
	t.Helper()
	files, err := r.render(t)
	must(t, err)
	scheme := runtime.NewScheme()
	must(t, kubescheme.AddToScheme(scheme))
	must(t, monitoring.AddToScheme(scheme))
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		for _, document := range documentsOf(files[name]) {
			object, _, err := decoder.Decode([]byte(document), nil, nil)
			if err != nil {
				t.Errorf("%s: %v\n%s", name, err, document)
				continue
			}
			all.add(t, object)
		}
	}
	return all
}

func documentsOf(text string) (all []string) {
	for document := range strings.SplitSeq(text, "\n---\n") {
		all = append(all, document)
	}
	return all
}

func (o *objects) add(t *testing.T, object runtime.Object) {
	t.Helper()
	o.documents = append(o.documents, object)
	switch is := object.(type) {
	case *apps.StatefulSet:
		o.set = is
	case *batch.Job:
		o.migrate = is
	case *core.Service:
		o.services = append(o.services, is)
	case *core.ConfigMap:
		o.settings = is
	case *core.ServiceAccount:
		o.account = is
	case *policy.PodDisruptionBudget:
		o.budget = is
	case *networking.NetworkPolicy:
		o.network = is
	case *monitoring.ServiceMonitor:
		o.monitor = is
	default:
		t.Errorf("%T: the tests do not look at it", object)
	}
}

// settingsOf returns the settings of a release, by name.
func (o objects) settingsOf(t *testing.T) (all map[string]string) {
	t.Helper()
	must(t, yaml.UnmarshalStrict([]byte(o.settings.Data["consentd.yaml"]), &all))
	return all
}

// refused is what helm says of values that it does not render.
func (r release) refused(t *testing.T) error {
	t.Helper()
	files, err := r.render(t)
	if err == nil {
		t.Fatalf("rendered, want it refused:\n%s", files)
	}
	return err
}
