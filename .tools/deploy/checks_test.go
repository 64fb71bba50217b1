package deploy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

// checkNames: what the API would refuse of names and labels.
func (o objects) checkNames(t *testing.T) {
	t.Helper()
	seen := map[string]bool{}
	for _, document := range o.documents {
		m := document.(meta.Object)
		is := fmt.Sprintf("%T %s", document, m.GetName())
		if seen[is] {
			t.Errorf("%s is there twice", is)
		}
		seen[is] = true
		if m.GetNamespace() != "consentd" {
			t.Errorf("%s: namespace %q", is, m.GetNamespace())
		}
		if faults := validation.IsDNS1123Subdomain(m.GetName()); len(faults) > 0 {
			t.Errorf("%s: %v", is, faults)
		}
		checkLabels(t, is, m.GetLabels())
	}
	for _, s := range o.services {
		if faults := validation.IsDNS1035Label(s.Name); len(faults) > 0 {
			t.Errorf("service %s: %v", s.Name, faults)
		}
	}
	checkLabels(t, "the pod", o.set.Spec.Template.Labels)
	if n := len(o.set.Name); n > 52 { // its pods have its name, and a label of its name and ten letters more
		t.Errorf("the StatefulSet's name has %d characters: its pods could not be made", n)
	}
}

func checkLabels(t *testing.T, of string, all map[string]string) {
	t.Helper()
	for name, value := range all {
		if faults := append(validation.IsQualifiedName(name), validation.IsValidLabelValue(value)...); len(faults) > 0 {
			t.Errorf("%s: label %s: %q: %v", of, name, value, faults)
		}
	}
}

// checkPod: the restricted profile, as the admission of the cluster judges it, and what it says nothing about.
func (o objects) checkPod(t *testing.T) {
	t.Helper()
	template := o.set.Spec.Template
	checkSealed(t, template)
	if o.account != nil && (o.account.AutomountServiceAccountToken == nil || *o.account.AutomountServiceAccountToken) {
		t.Error("its account gives a token")
	}
	drain, err := time.ParseDuration(o.settingsOf(t)["drain-timeout"])
	must(t, err)
	if grace := time.Duration(*template.Spec.TerminationGracePeriodSeconds) * time.Second; grace < drain+15*time.Second {
		t.Errorf("killed %v after it is told to stop, and it drains for %v", grace, drain)
	}
}

// checkSealed: what holds for every pod.
func checkSealed(t *testing.T, template core.PodTemplateSpec) {
	t.Helper()
	pod, one := template.Spec, template.Spec.Containers[0]
	judge, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	must(t, err)
	judged := judge.EvaluatePod(api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}, &template.ObjectMeta, &pod)
	if result := policy.AggregateCheckResults(judged); !result.Allowed {
		t.Errorf("%s is not restricted: %s", one.Name, result.ForbiddenDetail())
	}
	if one.SecurityContext.ReadOnlyRootFilesystem == nil || !*one.SecurityContext.ReadOnlyRootFilesystem {
		t.Errorf("the root of %s can be written to", one.Name)
	}
	if pod.EnableServiceLinks == nil || *pod.EnableServiceLinks {
		t.Errorf("services put CONSENTD_ variables into %s", one.Name)
	}
	if pod.AutomountServiceAccountToken == nil || *pod.AutomountServiceAccountToken {
		t.Errorf("%s gets a token for the cluster's API", one.Name)
	}
	if one.Resources.Limits.Memory().IsZero() || one.Resources.Requests.Memory().IsZero() {
		t.Errorf("the memory of %s has no limit or no reserve", one.Name)
	}
}

// checkReferences: what names something names what is there.
func (o objects) checkReferences(t *testing.T) {
	t.Helper()
	pod, one := o.set.Spec.Template, o.set.Spec.Template.Spec.Containers[0]
	selected := func(of string, selector map[string]string) {
		if len(selector) == 0 || !labels.SelectorFromSet(selector).Matches(labels.Set(pod.Labels)) {
			t.Errorf("%s selects %v, the pod is %v", of, selector, pod.Labels)
		}
	}
	selected("the StatefulSet", o.set.Spec.Selector.MatchLabels)
	var names []string
	for _, s := range o.services {
		names = append(names, s.Name)
		selected("service "+s.Name, s.Spec.Selector)
		for _, p := range s.Spec.Ports {
			hasPort(t, one, p.TargetPort)
		}
	}
	if !slices.Contains(names, o.set.Spec.ServiceName) {
		t.Errorf("serviceName %s, services %v", o.set.Spec.ServiceName, names)
	}
	if o.budget != nil {
		selected("the disruption budget", o.budget.Spec.Selector.MatchLabels)
	}
	if o.network != nil {
		selected("the network policy", o.network.Spec.PodSelector.MatchLabels)
		for _, rule := range o.network.Spec.Ingress {
			for _, p := range rule.Ports {
				hasPort(t, one, *p.Port)
			}
			if len(rule.From) == 0 || len(o.network.Spec.PolicyTypes) != 2 {
				t.Error("the network policy lets everybody in, or out")
			}
		}
	}
	if o.monitor != nil {
		selected("the monitor's service", o.monitor.Spec.Selector.MatchLabels)
	}
	if o.account != nil && o.account.Name != pod.Spec.ServiceAccountName {
		t.Errorf("account %s, the pod's is %s", o.account.Name, pod.Spec.ServiceAccountName)
	}
	o.checkVolumes(t)
}

// checkMounts: what a pod mounts is among its volumes, and what it has as a volume it mounts.
func checkMounts(t *testing.T, pod core.PodSpec, claims []core.PersistentVolumeClaim) {
	t.Helper()
	kinds := map[string]core.VolumeSource{}
	for _, v := range pod.Volumes {
		kinds[v.Name] = v.VolumeSource
	}
	for _, claim := range claims {
		kinds[claim.Name] = core.VolumeSource{PersistentVolumeClaim: &core.PersistentVolumeClaimVolumeSource{}}
	}
	for _, m := range pod.Containers[0].VolumeMounts {
		kind, ok := kinds[m.Name]
		if !ok {
			t.Errorf("%s mounts %s, which is no volume", m.MountPath, m.Name)
		}
		if m.SubPath != "" || kind.PersistentVolumeClaim == nil && !m.ReadOnly {
			t.Errorf("%s: a part of a volume, which would not follow changes, or one to write to", m.MountPath)
		}
		delete(kinds, m.Name)
	}
	for name := range maps.Keys(kinds) {
		t.Errorf("volume %s is mounted nowhere", name)
	}
}

func hasPort(t *testing.T, c core.Container, port intstr.IntOrString) {
	t.Helper()
	if !slices.ContainsFunc(c.Ports, func(p core.ContainerPort) bool { return p.Name == port.String() }) {
		t.Errorf("no port of the container is named %s", port.String())
	}
}

// checkVolumes: each folder that the settings name is mounted, whole, and what holds secrets only for reading.
func (o objects) checkVolumes(t *testing.T) {
	t.Helper()
	pod := o.set.Spec.Template.Spec
	checkMounts(t, pod, o.set.Spec.VolumeClaimTemplates)
	var folders []string
	for _, m := range pod.Containers[0].VolumeMounts {
		folders = append(folders, m.MountPath+"/")
	}
	for name, value := range o.settingsOf(t) {
		in := func(folder string) bool { return strings.HasPrefix(value, folder) }
		if strings.HasPrefix(value, "/") && !slices.ContainsFunc(folders, in) {
			t.Errorf("%s: %s is in none of the folders %v", name, value, folders)
		}
	}
}

// checkProbes: by the protocol that the server speaks, and a disk that refuses writes restarts nothing unless asked to.
func (o objects) checkProbes(t *testing.T, restart bool) {
	t.Helper()
	one, scheme := o.set.Spec.Template.Spec.Containers[0], core.URISchemeHTTPS
	if o.settingsOf(t)["tls-cert"] == "" {
		scheme = core.URISchemeHTTP
	}
	alive := "/healthz"
	if restart {
		alive = "/readyz?service=consent.v1.ConsentService"
	}
	for _, p := range []struct {
		probe *core.Probe
		want  string
	}{{one.StartupProbe, "/healthz"}, {one.LivenessProbe, alive}, {one.ReadinessProbe, "/readyz"}} {
		if got := p.probe.HTTPGet; got.Path != p.want || got.Scheme != scheme {
			t.Errorf("probe %s by %s, want %s by %s", got.Path, got.Scheme, p.want, scheme)
		}
		hasPort(t, one, p.probe.HTTPGet.Port)
	}
	if o.monitor != nil && (*o.monitor.Spec.Endpoints[0].Scheme == "https") != (scheme == core.URISchemeHTTPS) {
		t.Errorf("the monitor reads by %v", o.monitor.Spec.Endpoints[0].Scheme)
	}
}
