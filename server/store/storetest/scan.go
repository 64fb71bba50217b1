package storetest

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/consentd/consentd/server/consent"
)

// scanned returns what a scan shows, and checks that nobody comes twice.
func (s *suite) scanned(controller string) map[consent.Subject]consent.Snapshot {
	s.Helper()
	found := map[consent.Subject]consent.Snapshot{}
	err := s.Scan(s.ctx, controller, func(subject consent.Subject, snapshot consent.Snapshot) error {
		if _, twice := found[subject]; twice {
			s.Errorf("%v comes twice", subject)
		}
		found[subject] = snapshot
		return nil
	})
	if err != nil {
		s.Fatal(err)
	}
	return found
}

func scanShowsEverySubjectOnce(s *suite) {
	if found := s.scanned(""); len(found) > 0 {
		s.Errorf("an empty store shows %v", found)
	}
	want := map[string]map[consent.Subject]consent.Snapshot{"": {}}
	controllers := []string{"a", "ab", "b", "example\x00", "\xff"}
	for i := range 300 {
		controller := controllers[i%len(controllers)]
		subject := consent.Subject{Controller: controller, ID: fmt.Sprintf("%c%d", byte(i), i)}
		s.record(subject, s.event(grant()))
		if i%3 == 0 {
			s.record(subject, s.event(withdrawal()))
		}
		if want[controller] == nil {
			want[controller] = map[consent.Subject]consent.Snapshot{}
		}
		want[""][subject] = s.read(subject)
		want[controller][subject] = want[""][subject]
	}
	want["nobody"] = map[consent.Subject]consent.Snapshot{}
	for controller, all := range want {
		found := s.scanned(controller)
		if diff := cmp.Diff(all, found, cmpopts.IgnoreFields(consent.Snapshot{}, "AsOf", "Prepared"), cmpopts.EquateEmpty()); diff != "" {
			s.Errorf("controller %q (-want +got):\n%s", controller, diff)
		}
	}
}

// scanIsOfOneRevision writes while it scans: what comes later does not show.
func scanIsOfOneRevision(s *suite) {
	subject := func(i int) consent.Subject { return consent.Subject{Controller: "example", ID: fmt.Sprintf("%04d", i)} }
	for i := range 20 {
		s.record(subject(i), s.event(grant()))
	}
	before := s.Applied()
	shown := 0
	err := s.Scan(s.ctx, "", func(of consent.Subject, snapshot consent.Snapshot) error {
		if snapshot.AsOf != before || snapshot.Changed > before {
			s.Errorf("%v is as of %d, changed at %d; the scan began at %d", of, snapshot.AsOf, snapshot.Changed, before)
		}
		s.record(subject(shown), s.event(withdrawal()))
		s.record(subject(1000-shown), s.event(grant()))
		shown++
		return nil
	})
	if err != nil || shown != 20 {
		s.Errorf("%d subjects and error %v, want 20 and none", shown, err)
	}
}

func scanEndsWithAnError(s *suite) {
	for i := range 600 {
		s.record(consent.Subject{Controller: "example", ID: fmt.Sprint(i)}, s.event(grant()))
	}
	mine := errors.New("enough")
	shown := 0
	err := s.Scan(s.ctx, "", func(consent.Subject, consent.Snapshot) error {
		if shown++; shown == 3 {
			return mine
		}
		return nil
	})
	if err != mine || shown != 3 {
		s.Errorf("after %d subjects got %v, want the error after 3", shown, err)
	}
	ctx, cancel := context.WithCancel(s.ctx)
	err = s.Scan(ctx, "", func(consent.Subject, consent.Snapshot) error {
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		s.Errorf("a cancelled scan: got %v", err)
	}
}
