package clientprom_test

import (
	"context"
	"fmt"
	"log"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/consentd/consentd/client"
	"github.com/consentd/consentd/client/clientprom"
)

func ExampleMetrics_Hook() {
	registry := prometheus.NewRegistry()
	m, err := clientprom.New(registry)
	if err != nil {
		log.Fatal(err)
	}
	// A client calls the hook by itself: client.Dial(addr, client.WithHook(m.Hook)).
	_, done := m.Hook(context.Background(), client.NewCheck("example", "user-42", "marketing_email"))
	done(client.Decision{Allowed: true}, nil)

	families, err := registry.Gather()
	if err != nil {
		log.Fatal(err)
	}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			if metric.GetCounter() != nil {
				fmt.Println(family.GetName(), metric.GetLabel()[1].GetValue(), metric.GetCounter().GetValue())
			}
		}
	}
	// Output:
	// consentd_client_checks_total allow 1
}
