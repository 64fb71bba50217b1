package app_test

import (
	"strings"
	"testing"

	"github.com/consentd/consentd/server/app"
)

// TestFaultsOfTheStoreShowNoURL: it may hold a password, and faults go to the log and to screens.
func TestFaultsOfTheStoreShowNoURL(t *testing.T) {
	for _, url := range []string{
		"mysql://consentd:hunter2@database.example/consentd", "postgres//consentd:hunter2@database.example",
		"host=database.example password=hunter2", "postgres://consentd:hunter2@database.example:port/consentd",
		"postgres://consentd:hunter2%zz@database.example/consentd", " postgres://consentd:hunter2@database.example/consentd",
	} {
		c := app.StoreConfig{URL: url, ReadReplicas: []string{url}, Lease: 1}
		err := c.Validate()
		if err == nil {
			t.Errorf("%s: taken as the URL of a database", url)
			continue
		}
		for _, part := range []string{"hunter2", "database.example"} {
			if strings.Contains(err.Error(), part) {
				t.Errorf("%s: shown in the fault: %v", url, err)
			}
		}
		for _, part := range []string{"store: ", "read-replicas: ", "node-lease: "} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %s is not said in: %v", url, part, err)
			}
		}
	}
}
