package grpcapi

import (
	"fmt"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
	"github.com/consentd/consentd/server/consent"
	places "github.com/consentd/consentd/server/place"
)

// placeFaults returns the faults of the places that a batch of events names. They say more than the patterns of the
// proto files, so they come before those.
func placeFaults(batch []*consentv1.Event) (faults []consent.Violation) {
	for i, e := range batch {
		path := fmt.Sprintf("events[%d].", i)
		if p := e.GetProfile(); p != nil {
			faults = appendFault(faults, path+"profile.jurisdiction", places.Check(p.GetJurisdiction()))
		}
		for j, code := range e.GetConsent().GetCountries() {
			faults = appendFault(faults, fmt.Sprintf("%sconsent.countries[%d]", path, j), places.CheckCountry(code))
		}
	}
	return faults
}

// countryFaults returns the fault of the country that a check names, if there is one.
func countryFaults(r *consentv1.CheckRequest) (faults []consent.Violation) {
	if country := r.GetRecipient().GetCountry(); country != "" {
		faults = appendFault(faults, "recipient.country", places.CheckCountry(country))
	}
	return faults
}

func appendFault(faults []consent.Violation, field string, err error) []consent.Violation {
	if err == nil {
		return faults
	}
	return append(faults, consent.Violation{Field: field, Description: err.Error()})
}

// under returns faults of a message that is a field of another.
func under(field string, faults []consent.Violation) []consent.Violation {
	out := make([]consent.Violation, len(faults))
	for i, f := range faults {
		out[i] = consent.Violation{Field: field + "." + f.Field, Description: f.Description}
	}
	return out
}
