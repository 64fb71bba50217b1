package client_test

import (
	"context"
	"fmt"
	"log"

	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/consentd/consentd/client"
	consentv1 "github.com/consentd/consentd/proto/consent/v1"
)

func Example() {
	c, err := client.Dial("127.0.0.1:7070")
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	decision, err := c.Check(context.Background(), client.NewCheck("example", "user-42", "marketing_email"))
	if err != nil {
		log.Fatal(err)
	}
	if decision.Allowed {
		fmt.Println("send it")
	}
	fmt.Println(decision)
}

func ExampleClient_LinkSubjects() {
	c, err := client.Dial("127.0.0.1:7070")
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	// The visitor signs in: what the browser said no to counts for the account from now on.
	request := client.NewLink("example", "account:7", "cookie:3f9a", "login")
	request.Fence = true
	linked, err := c.LinkSubjects(context.Background(), request)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(linked.GetPerson().GetSubjectIds())
}

func ExampleClient_UnlinkSubjects() {
	c, err := client.Dial("127.0.0.1:7070")
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	// It was a colleague's browser.
	request := client.NewUnlink("example", "account:7", "cookie:3f9a", "support", "https://tickets.example/17")
	parted, err := c.UnlinkSubjects(context.Background(), request)
	fmt.Println(parted.GetPerson().GetSubjectIds(), err)
}

func ExampleClient_Check_fields() {
	c, err := client.Dial("127.0.0.1:7070")
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	request := client.NewCheck("jasminai", "user-42", "affiliate_sharing")
	request.DataCategories = []string{"user.location.country"}
	request.Recipient = &consentv1.Recipient{Kind: consentv1.RecipientKind_RECIPIENT_KIND_AFFILIATE, Id: "shop-7"}
	request.Context = &structpb.Struct{Fields: map[string]*structpb.Value{"gpc": structpb.NewBoolValue(true)}}
	decision, err := c.Check(context.Background(), request)
	fmt.Println(decision, err)
}

func ExampleClient_RecordEvents() {
	c, err := client.Dial("127.0.0.1:7070")
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	event := client.NewEvent("privacy_settings")
	event.Kind = &consentv1.Event_Consent{Consent: &consentv1.ConsentEvent{
		Purpose: "marketing_email", Status: consentv1.ConsentStatus_CONSENT_STATUS_WITHDRAWN,
	}}
	recorded, err := c.RecordEvents(context.Background(), &consentv1.RecordEventsRequest{
		Controller: "example", SubjectId: "user-42", Events: []*consentv1.Event{event},
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, outcome := range recorded.GetOutcomes() {
		fmt.Println(client.OutcomeText(outcome)) // COUNTED, or SUPERSEDED by a newer consent
	}
	request := client.NewCheck("example", "user-42", "marketing_email")
	request.Consistency = client.AtLeastAsFresh(recorded.GetConsistencyToken()) // another node knows the withdrawal too
	decision, err := c.Check(context.Background(), request)
	fmt.Println(decision, err)
}

func ExampleDecision_String() {
	d := client.Decision{Reasons: []*consentv1.Reason{
		{Code: consentv1.ReasonCode_REASON_CODE_CONSENT_MISSING, Clause: "jasminai §3.7"},
	}}
	fmt.Println(d)
	fmt.Println(client.Decision{}) // the zero value denies
	// Output:
	// DENY: CONSENT_MISSING (jasminai §3.7)
	// DENY
}

func ExampleOutcomeText() {
	fmt.Println(client.OutcomeText(&consentv1.EventOutcome{
		Effect: consentv1.EventEffect_EVENT_EFFECT_SUPERSEDED, SupersededBy: "sms-7", SupersededByKind: "consent",
	}))
	// Output:
	// SUPERSEDED by the consent sms-7
}

func ExampleClient_Session() {
	c, err := client.Dial("127.0.0.1:7070")
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	session := c.Session() // its checks reflect its own writes, whichever server answers
	event := client.NewEvent("unsubscribe_link")
	event.Kind = &consentv1.Event_Objection{Objection: &consentv1.ObjectionEvent{Purposes: []string{"marketing_email"}}}
	if _, err := session.RecordEvents(context.Background(), &consentv1.RecordEventsRequest{
		Controller: "example", SubjectId: "user-42", Events: []*consentv1.Event{event},
	}); err != nil {
		log.Fatal(err)
	}
	decision, err := session.Check(context.Background(), client.NewCheck("example", "user-42", "marketing_email"))
	fmt.Println(decision, err)
}

func ExampleClient_Filter() {
	c, err := client.Dial("127.0.0.1:7070")
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	subscribers := []string{"user-1", "user-2", "user-3"} // any number
	may, err := c.Filter(context.Background(), client.NewCheck("example", "", "marketing_email"), subscribers)
	if err != nil {
		log.Print("some could not be decided, and get no mail: ", err)
	}
	for _, subscriber := range may {
		fmt.Println("send it to", subscriber)
	}
}

func ExampleClient_BatchCheck() {
	c, err := client.Dial("127.0.0.1:7070")
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	results, err := c.BatchCheck(context.Background(), &consentv1.BatchCheckRequest{Requests: []*consentv1.CheckRequest{
		client.NewCheck("example", "user-42", "marketing_email"), client.NewCheck("example", "user-42", "ai_training"),
	}})
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range results {
		fmt.Println(r.Decision, r.Decision.Obligations, r.Err)
	}
}

func ExampleClient_Explain() {
	c, err := client.Dial("127.0.0.1:7070")
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	story, err := c.Explain(context.Background(), &consentv1.ExplainRequest{
		Check: client.NewCheck("example", "user-42", "marketing_email"),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(story.GetDecision().GetReasons())
}

// One call goes with metadata of its own, and in another caller's name.
func ExampleClient_Check_metadata() {
	c, err := client.Dial("127.0.0.1:7070")
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	ctx := metadata.AppendToOutgoingContext(context.Background(), "x-request-id", "7f3a", "authorization", "Bearer …")
	fmt.Println(c.Check(ctx, client.NewCheck("example", "user-42", "marketing_email")))
}

func ExampleWithObserver() {
	c, err := client.Dial("127.0.0.1:7070", client.WithObserver(func(_ context.Context, call client.Call) {
		log.Print(call.Method, " ", call.Purpose, " ", call.Outcome, " ", call.Duration)
	}))
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
}
