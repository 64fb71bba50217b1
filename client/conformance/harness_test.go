package conformance_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

// What a client got wrong must be a fault: a harness that finds nothing shows nothing.
func TestHarnessFindsFaults(t *testing.T) {
	yes, no, two := true, false, 2
	for name, test := range map[string]struct {
		operation string
		expect    expectation
		got       string
		fault     string // empty: none
	}{
		"as expected": {"check", expectation{Allowed: &no, Reasons: []string{"A"}}, `{"decision": {"reasons": ["A"]}}`, ""},
		"ALLOW with an error": {
			"check", expectation{Error: oneOrMore{"INTERNAL"}}, `{"decision": {"allowed": true}, "error": {"code": "INTERNAL"}}`,
			"ALLOW came with an error",
		},
		"is_allowed with an error": {
			"is_allowed", expectation{Allowed: &no}, `{"allowed": false, "error": {"code": "INTERNAL"}}`, "never an error",
		},
		"is_allowed without answer": {"is_allowed", expectation{Allowed: &no}, `{}`, "never an error"},
		"nothing":                   {"check", expectation{}, `{}`, "neither"},
		"allowed": {
			"check", expectation{Allowed: &no},
			`{"decision": {"allowed": true}}`, "allowed true; want false",
		},
		"denied": {"check", expectation{Allowed: &yes}, `{"decision": {}}`, "allowed false; want true"},
		"another error": {
			"check", expectation{Error: oneOrMore{"INTERNAL"}},
			`{"error": {"code": "UNKNOWN"}}`, "error UNKNOWN",
		},
		"an error": {"check", expectation{}, `{"error": {"code": "UNKNOWN"}}`, "error UNKNOWN"},
		"another message": {
			"check", expectation{Error: oneOrMore{"UNKNOWN"}, Message: "share it"},
			`{"error": {"code": "UNKNOWN", "message": "no"}}`, "want share it in it",
		},
		"no error": {"check", expectation{Error: oneOrMore{"INTERNAL"}}, `{"decision": {}}`, "no error"},
		"other violations": {
			"check", expectation{Error: oneOrMore{"INTERNAL"}, Violations: []string{"a"}},
			`{"error": {"code": "INTERNAL", "violations": [{"field": "b", "description": "x"}]}}`, "violations of [b]",
		},
		"other reasons": {"check", expectation{Reasons: []string{"A"}}, `{"decision": {"reasons": ["B"]}}`, "reasons"},
		"an obligation too many": {
			"check", expectation{Obligations: []string{}},
			`{"decision": {"obligations": ["B"]}}`, "obligations",
		},
		"a guard that ran":         {"guard", expectation{Ran: &no}, `{"ran": true}`, "the function ran: true"},
		"a guard that did not run": {"guard", expectation{Ran: &yes}, `{"ran": false}`, "the function ran: false"},
		"a guard without a result": {"guard", expectation{}, `{}`, "it did not, or there is"},
		"a guard that ran all the same": {
			"guard", expectation{Error: oneOrMore{"INTERNAL"}},
			`{"ran": true, "error": {"code": "INTERNAL"}}`, "it did not, or there is",
		},
		"an obligation withheld": {
			"guard", expectation{Obligations: []string{"A"}}, `{"ran": true}`, "it was handed",
		},
		"a time lost": {
			"check", expectation{ValidUntil: proto.String("2030-01-01T00:00:00Z")},
			`{"decision": {}}`, "valid_until",
		},
		"a degradation hidden": {
			"check", expectation{Degraded: "STALE"}, `{"decision": {}}`, "degraded",
		},
		"a degradation made up": {
			"check", expectation{}, `{"decision": {"degraded": "STALE"}}`, "degraded",
		},
		"an age lost": {
			"check", expectation{Degraded: "STALE", StateAgeMS: proto.Float64(5)}, `{"decision": {"degraded": "STALE"}}`, "degraded",
		},
		"a mismatch hidden": {
			"check", expectation{Error: oneOrMore{"INTERNAL"}, StoreMismatch: true},
			`{"error": {"code": "INTERNAL"}}`, "store_mismatch is false",
		},
		"a mismatch made up": {
			"check", expectation{Error: oneOrMore{"INTERNAL"}},
			`{"error": {"code": "INTERNAL", "store_mismatch": true}}`, "store_mismatch is true",
		},
		"a result missing": {
			"batch_check", expectation{Results: []expectation{{Allowed: &no}, {Allowed: &no}}},
			`{"results": [{"decision": {}}]}`, "1 results",
		},
		"a result allowed": {
			"batch_check", expectation{Results: []expectation{{Allowed: &no}}},
			`{"results": [{"decision": {"allowed": true}}]}`, "results[0]: allowed true",
		},
		"a result with both": {
			"batch_check", expectation{},
			`{"results": [{"decision": {"allowed": true}, "error": {"code": "INTERNAL"}}]}`, "results[0]: ALLOW came",
		},
		"a purpose allowed": {
			"list_purposes", expectation{Purposes: map[string]bool{"a": false}},
			`{"purposes": [{"purpose": "a", "decision": {"allowed": true}}]}`, "purposes",
		},
		"a purpose missing": {
			"list_purposes", expectation{Purposes: map[string]bool{"a": false}},
			`{"purposes": []}`, "purposes",
		},
		"another response": {
			"record_events", expectation{Response: object{"applied": 1}},
			`{"response": {"applied": 2}}`, "response.applied is 2",
		},
		"present, not absent": {
			"record_events", expectation{Response: object{"applied": nil}},
			`{"response": {"applied": 2}}`, "response.applied is 2",
		},
		"other outcomes": {"record_events", expectation{Outcomes: []string{"COUNTED"}}, `{"response": {}}`, "outcomes"},
		"other revisions": {
			"list_events", expectation{Revisions: []uint64{1}},
			`{"entries": [{"revision": "2"}]}`, "revisions",
		},
		"entries out of order": {
			"list_events", expectation{Entries: &two}, `{"entries": [{"revision": "2"}, {"revision": "1"}]}`, "in order",
		},
		"an entry of another id": {
			"list_events", expectation{Ledger: []object{{"subject_id": "a"}}},
			`{"entries": [{"subject_id": "b"}]}`, "ledger[0].subject_id is b",
		},
		"an entry missing": {"list_events", expectation{Ledger: []object{{}}}, `{}`, "0 entries"},
		"an entry as expected": {
			"list_events", expectation{Ledger: []object{{"subject_id": "a", "event": object{"link": nil}}}},
			`{"entries": [{"subject_id": "a"}]}`, "",
		},
		"too soon": {"check", expectation{Took: span{AtLeast: time.Minute}}, `{"decision": {}}`, "it took"},
		"too late": {"check", expectation{Took: span{AtMost: 1}}, `{"decision": {}}`, "it took"},
	} {
		t.Run(name, func(t *testing.T) {
			var got result
			if err := json.Unmarshal([]byte(test.got), &got); err != nil {
				t.Fatal(err)
			}
			got.took = time.Second
			if test.expect.Took == (span{}) {
				got.took = 0
			}
			faults := strings.Join(test.expect.check(test.operation, got), "; ")
			if (faults == "") != (test.fault == "") || !strings.Contains(faults, test.fault) {
				t.Errorf("faults %q; want %q", faults, test.fault)
			}
		})
	}
}

func TestHarnessFindsFaultsInWhatArrives(t *testing.T) {
	encode := func(r *consentv1.CheckRequest) frame {
		text, err := proto.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	two := 2
	seen := []attempt{
		{request: encode(&consentv1.CheckRequest{SubjectId: "a"}), userAgent: "consentd-x", metadata: metadata.Pairs("trace", "1")},
		{request: encode(&consentv1.CheckRequest{SubjectId: "b"})},
	}
	for name, test := range map[string]struct {
		sight sight
		fault string
	}{
		"as expected": {
			sight{
				Attempts: &two, Metadata: map[string]string{"trace": "1"}, UserAgent: "consentd-",
				Request: object{"subject_id": "$subject", "consistency": nil},
			}, "",
		},
		"another number":   {sight{Attempts: new(int)}, "2 attempts"},
		"not identical":    {sight{Identical: true}, "attempt 2 had another request"},
		"another request":  {sight{Request: object{"purpose": "p"}}, "request.purpose"},
		"not absent":       {sight{Request: object{"subject_id": nil}}, "request.subject_id"},
		"another agent":    {sight{UserAgent: "other"}, "user agent"},
		"another header":   {sight{Metadata: map[string]string{"trace": "2"}}, "the metadata trace"},
		"without deadline": {sight{Timeout: span{AtMost: time.Second}}, "without a deadline"},
	} {
		t.Run(name, func(t *testing.T) {
			faults := strings.Join(test.sight.check(seen, &consentv1.CheckRequest{}, "b"), "; ")
			if (faults == "") != (test.fault == "") || !strings.Contains(faults, test.fault) {
				t.Errorf("faults %q; want %q", faults, test.fault)
			}
		})
	}
}

func TestScriptsThatSayNothingAreRefused(t *testing.T) {
	for name, test := range map[string]struct{ script, fault string }{
		"no steps":        {`[{name: a}]`, "needs a name and steps"},
		"no operation":    {`[{name: a, steps: [{session: s}]}]`, "s.yaml:1: a step is one"},
		"two operations":  {`[{name: a, steps: [{front: stop, check: {}}]}]`, "a step is one"},
		"unknown field":   {`[{name: a, steps: [{chek: {}}]}]`, "chek"},
		"no such message": {`[{name: a, steps: [{check: {purposes: x}}]}]`, "purposes"},
		"no such answer":  {`[{name: a, steps: [{check: {}, answers: [{respond: {decisoin: 1}}]}]}]`, "decisoin"},
		"two answers":     {`[{name: a, steps: [{check: {}, answers: [{pass: true, hang: true}]}]}]`, "an answer is one"},
		"no answer":       {`[{name: a, steps: [{check: {}, answers: [{delay: 1s}]}]}]`, "an answer is one"},
		"no such code":    {`[{name: a, steps: [{check: {}, answers: [{error: {code: NO}}]}]}]`, "NO"},
		"no such action":  {`[{name: a, steps: [{front: explode}]}]`, "explode"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := parseScript("s.yaml", []byte(test.script)); err == nil || !strings.Contains(err.Error(), test.fault) {
				t.Errorf("error %v; want one that tells of %q", err, test.fault)
			}
		})
	}
}
