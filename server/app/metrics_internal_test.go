package app

import (
	"testing"
)

// Every method of every service that is registered is counted from the start, health and reflection among them.
func TestEveryMethodIsCounted(t *testing.T) {
	a, err := New(Config{GRPCAddr: "127.0.0.1:0", HTTPAddr: "127.0.0.1:0", DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}()
	families, err := a.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counted := map[string]string{}
	for _, family := range families {
		if family.GetName() != "grpc_server_started_total" {
			continue
		}
		for _, m := range family.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			counted[labels["grpc_service"]+"/"+labels["grpc_method"]] = labels["grpc_type"]
		}
	}
	registered := 0
	for service, info := range a.grpc.GetServiceInfo() {
		for _, method := range info.Methods {
			registered++
			want := map[[2]bool]string{
				{}: "unary", {true, false}: "client_stream", {false, true}: "server_stream", {true, true}: "bidi_stream",
			}[[2]bool{method.IsClientStream, method.IsServerStream}]
			if got := counted[service+"/"+method.Name]; got != want {
				t.Errorf("%s/%s is counted as %q, want %q", service, method.Name, got, want)
			}
		}
	}
	if len(counted) != registered {
		t.Errorf("%d methods are counted, %d registered", len(counted), registered)
	}
}
